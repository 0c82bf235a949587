"""Samples are sealed into shards once, in order, and to the same bytes whatever happens on the way."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.corpus.sample import Sample
from streams.config import StreamsSettings
from streams.failpoints import EXIT_STATUS, Point
from streams.ledger import outbox, samples, shards
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.samples import NewSample
from streams.metrics import StreamsMetrics
from streams.seal import Sealer, cut, holdout_sha256
from streams.shards import read_sidecar, tar_bytes, verify_shards

ROOT = Path(__file__).parents[2]
LIMITS: dict[str, Any] = {"shard_max_samples": 3, "shard_max_age_seconds": 1e-9}


def sample(number: int, text: str = "int a;\n") -> Sample:
    return Sample(
        sample_id=f"sm1_{number:04d}",
        text=text,
        domain=("general", "crypto")[number % 2],
        licence="MIT",
        repo_family="vendor",
        path=f"src/{number}.c",
        blob_id="b" * 40,
        commit="c" * 40,
        sheet_sha256=None,
        link_revisions=(),
        template_version=1,
    )


class Sealing:
    """A ledger with samples (SQLite if no other is given), and sealers over it."""

    opened: ClassVar[list[Engine]] = []

    def __init__(self, home: Path, database_url: str = "", **settings: Any) -> None:
        self.settings = StreamsSettings(home=home, database_url=database_url, **settings)
        self.folder = home / "shards"
        self.engine: Engine = open_ledger(self.settings.database_url)
        self.opened.append(self.engine)
        upgrade(self.engine)

    def add(self, numbers: range, text: str = "int a;\n") -> None:
        with writing(self.engine) as conn:
            new = [
                NewSample(
                    sample=sample(number, text),
                    repo_id="r",
                    sheet_family=None,
                    content_hash=str(number),
                    event_time=number,
                )
                for number in numbers
            ]
            samples.add_samples(conn, new)

    def seal(self) -> None:
        """Seal until there is nothing to do, as a fresh process would."""
        sealer = Sealer(self.settings, self.engine, StreamsMetrics(CollectorRegistry()))
        sealer.recover()
        while sealer.step():
            pass

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def keys(self, name: str) -> list[str]:
        with tarfile.open(self.folder / name) as tar:
            return [member.name for member in tar]


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Close the ledgers at the end."""
    yield
    while Sealing.opened:
        Sealing.opened.pop().dispose()


@pytest.mark.parametrize(
    ("sizes", "overdue", "count"),
    [
        ([], True, 0),
        ([10], False, 0),
        ([10], True, 1),
        ([10, 10, 10], False, 3),
        ([10, 10, 10, 10], False, 3),
        ([60, 30, 20], False, 2),
        ([60, 40], False, 2),
        ([500], False, 1),
        ([500, 1], False, 1),
        ([60, 30], False, 0),
    ],
)
def test_where_a_shard_ends_depends_on_count_and_bytes(sizes: list[int], overdue: bool, count: int) -> None:
    """Up to three samples or 100 bytes here; age only decides whether an unfilled one is cut now."""
    assert cut(sizes, max_samples=3, max_bytes=100, overdue=overdue) == count


def test_full_shards_are_sealed_at_once_and_the_rest_when_overdue(tmp_path: Path, database_url: str) -> None:
    """Seven samples in threes: two shards now, the third once the last sample has waited long enough."""
    sealing = Sealing(tmp_path, database_url, shard_max_samples=3, shard_max_age_seconds=1000)
    sealing.add(range(7))

    sealing.seal()
    assert sealing.names() == ["shard-000001.json", "shard-000001.tar", "shard-000002.json", "shard-000002.tar"]
    late = Sealing(tmp_path, database_url, shard_max_samples=3, shard_max_age_seconds=1e-9)
    late.seal()

    assert late.keys("shard-000003.tar") == ["sm1_0006.txt", "sm1_0006.json"]
    with reading(late.engine) as conn:
        assert samples.count_by_state(conn) == {"sealed": 7}


def test_the_sidecar_says_what_is_in_the_shard(tmp_path: Path, database_url: str) -> None:
    """Digest, size, domains and newest event are those of the tar; the announcement waits in the outbox."""
    sealing = Sealing(tmp_path, database_url, shard_max_samples=3, holdout_families=("held",))
    sealing.add(range(3))

    sealing.seal()

    sidecar = read_sidecar(sealing.folder / "shard-000001.json")
    assert (sidecar.seq, sidecar.num_samples, sidecar.newest_event_time) == (1, 3, 2.0)
    assert sidecar.domains == {"crypto": 1, "general": 2}
    assert sidecar.num_bytes == (sealing.folder / "shard-000001.tar").stat().st_size
    assert sidecar.holdout_sha256 == holdout_sha256(["held"])
    with reading(sealing.engine) as conn:
        (announcement,) = outbox.waiting(conn)
        assert verify_shards(sealing.folder, shards.list_shards(conn)) == []
    assert json.loads(announcement.record.value or b"")["sha256"] == sidecar.sha256


def test_the_same_samples_give_the_same_bytes() -> None:
    """No time, owner or order of a dictionary gets into the tar."""
    three = [sample(number) for number in range(3)]

    assert tar_bytes(three) == tar_bytes(list(three))
    assert tar_bytes(three) != tar_bytes(three[::-1])


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", [point for point in Point if point.value.startswith("seal.")])
def test_a_sealer_that_dies_anywhere_leaves_the_same_shards(
    tmp_path: Path, database_url: str, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at each step and started again, the folder is the one of SQLite without; nothing is sealed twice."""

    def die(status: int) -> None:
        raise Died

    monkeypatch.setattr("streams.failpoints.os._exit", die)
    undisturbed = Sealing(tmp_path / "undisturbed", **LIMITS)
    killed = Sealing(tmp_path / "killed", database_url, **LIMITS)
    for sealing in (undisturbed, killed):
        sealing.add(range(5))

    with pytest.raises(Died):
        Sealing(tmp_path / "killed", database_url, **LIMITS, failpoint=point.value).seal()
    undisturbed.seal()
    killed.seal()

    _assert_same(undisturbed, killed)


@pytest.mark.slow
def test_a_killed_sealer_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed in the middle of writing, the temporary file is swept and the shard is written whole."""
    undisturbed, killed = (Sealing(tmp_path / name, **LIMITS) for name in ("undisturbed", "killed"))
    for sealing in (undisturbed, killed):
        sealing.add(range(5))
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]; from pathlib import Path; import test_seal; "
        f"test_seal.Sealing(Path(sys.argv[1]), **test_seal.LIMITS, failpoint='{Point.SHARD_WRITTEN}').seal()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "killed"), str(Path(__file__).parent), str(ROOT)]

    assert subprocess.run(command, check=False).returncode == EXIT_STATUS
    assert any(name.startswith(".tmp-") for name in killed.names())
    undisturbed.seal()
    killed.seal()

    _assert_same(undisturbed, killed)


def test_a_sample_added_meanwhile_waits_for_the_next_shard(tmp_path: Path, database_url: str) -> None:
    """What was planned before a crash stays as planned."""
    sealing = Sealing(tmp_path, database_url, shard_max_samples=3)
    sealing.add(range(2))
    with writing(sealing.engine) as conn:
        shards.plan_shard(conn, ["sm1_0000", "sm1_0001"])
    sealing.add(range(2, 5))

    sealing.seal()

    assert sealing.keys("shard-000001.tar")[::2] == ["sm1_0000.txt", "sm1_0001.txt"]
    assert sealing.keys("shard-000002.tar")[::2] == ["sm1_0002.txt", "sm1_0003.txt", "sm1_0004.txt"]


def test_damage_is_found(tmp_path: Path) -> None:
    """A changed byte, a lost sidecar and a tar nobody knows are told apart."""
    sealing = Sealing(tmp_path, shard_max_samples=1)
    sealing.add(range(2))
    sealing.seal()
    tar = sealing.folder / "shard-000001.tar"
    tar.write_bytes(b"x" + tar.read_bytes()[1:])
    (sealing.folder / "shard-000002.json").unlink()
    (sealing.folder / "shard-000009.tar").touch()

    with reading(sealing.engine) as conn:
        faults = verify_shards(sealing.folder, shards.list_shards(conn))

    assert len(faults) == 3
    assert "sha256" in faults[0]
    assert "shard-000002.json" in faults[1]
    assert "knows no such shard" in faults[2]


@pytest.mark.slow  # webdataset imports torch
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset leaves its file open
def test_stock_webdataset_reads_a_shard(tmp_path: Path) -> None:
    """The layout is WebDataset's: one key a sample, its text and metadata under txt and json."""
    webdataset = pytest.importorskip("webdataset")
    sealing = Sealing(tmp_path, shard_max_samples=2)
    sealing.add(range(2), text="µC text\n")
    sealing.seal()

    dataset = webdataset.WebDataset(str(sealing.folder / "shard-000001.tar"), shardshuffle=False).decode()
    read = list(dataset)

    assert [(item["__key__"], item["txt"]) for item in read] == [("sm1_0000", "µC text\n"), ("sm1_0001", "µC text\n")]
    assert read[0]["json"]["domain"] == "general"


def _assert_same(one: Sealing, other: Sealing) -> None:
    """Check that two homes with five samples hold the same two shards, each announced once."""
    assert other.names() == one.names()
    for name in ("shard-000001.tar", "shard-000002.tar"):
        assert (other.folder / name).read_bytes() == (one.folder / name).read_bytes()
    with reading(other.engine) as conn:
        assert samples.count_by_state(conn) == {"sealed": 5}
        assert len(outbox.waiting(conn)) == 2
        assert verify_shards(other.folder, shards.list_shards(conn)) == []
