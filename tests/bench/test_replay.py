"""A real history, replayed through the agents, ends in the ledger of its snapshot."""

from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import update

from bench import replay as module
from bench.memory_log import MemoryLog
from bench.replay import Stream, before_last, main, replay
from deploy.demo.parts import NAMES, device
from deploy.demo.repositories.drivers import drivers_history
from deploy.demo.repositories.history import publish_commit, write_history
from deploy.demo.sheets import write_sheet
from mapper.datasheet import read_datasheet
from mapper.model import Datasheet
from streams.ledger.engine import writing
from streams.ledger.schema import links

LAST = 4


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """The generated vendor's driver library with its history, and the datasheets of two parts."""
    folder = tmp_path_factory.mktemp("vendor")
    mirror = folder / "drivers.git"
    publish_commit(mirror, write_history(mirror, drivers_history(small=True).snapshots)[-1])
    pdfs = []
    for name in NAMES[:2]:
        pdfs.append(folder / f"{name}.pdf")
        write_sheet(device(name)[0], pdfs[-1])
    return mirror, pdfs


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each datasheet be read once, in this process."""
    monkeypatch.setattr("streams.agents.handlers.read_sheet", _read)


@cache
def _sheet(pdf: bytes, file: str) -> Datasheet:
    return read_datasheet(pdf, file=file)


def _read(pdf: bytes, *, file: str, **_: object) -> Datasheet:
    return _sheet(pdf, file)


@pytest.mark.slow
def test_history_ends_in_the_snapshot(vendor: tuple[Path, list[Path]], capsys: pytest.CaptureFixture[str]) -> None:
    """Commit by commit through watcher, agents and real git: the same ledger, and the command says so."""
    mirror, pdfs = vendor

    status = main([str(mirror), *map(str, pdfs), "--last", str(LAST)])

    said = capsys.readouterr().out
    assert status == 0, said
    assert f"{LAST} commits one by one, 2 datasheets" in said
    assert "equal      yes" in said
    assert " 0 live" not in said


@pytest.mark.slow
def test_a_difference_is_told(vendor: tuple[Path, list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that the history left broken shows as a line of the snapshot's ledger alone."""
    step = Stream.step

    def step_and_break(stream: Stream) -> bool:
        if step(stream):
            return True
        with writing(stream.engine) as conn:
            conn.execute(update(links).values(state="broken"))
        return False

    monkeypatch.setattr(module.Stream, "step", step_and_break)

    found = replay(vendor[0], vendor[1][:1], last=1)

    assert not found.is_equal
    assert all(line.startswith("+ ") for line in found.differences)


def test_before_last_is_an_ancestor(vendor: tuple[Path, list[Path]]) -> None:
    """So many commits follow it; before all of them there is the empty tree."""
    assert before_last(vendor[0], 2) != before_last(vendor[0], 1)
    assert before_last(vendor[0], None) == before_last(vendor[0], 10_000) == module.EMPTY_TREE


def test_the_log_keeps_the_order_of_a_key() -> None:
    """Records of one key lie in one partition, one after another."""
    log = MemoryLog(partitions=3)
    for number in range(5):
        log.append("repo.commits", b"family", b"%d" % number, {})

    (partition,) = [number for number in range(3) if log.end("repo.commits", number)]

    assert [log.read("repo.commits", partition, offset).value for offset in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
