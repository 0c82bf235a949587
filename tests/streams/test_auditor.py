"""streams/auditor.py, streams/audit_whole.py and streams/ledger/audits.py: what is audited when, and what is noted."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, update

from mapper.corpus.sample import Sample
from mapper.model import Datasheet
from streams import auditor as module
from streams.audit_child import examine
from streams.auditor import Auditor, system_audits
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.ledger import audits, samples, sheets, sources
from streams.ledger.audits import KEPT, LEDGER, Audit, find_audits, record_audit
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing, put
from streams.ledger.samples import NewSample
from streams.ledger.schema import shards
from streams.metrics import StreamsMetrics
from streams.seal import Sealer


class HerePool:
    """A pool that calls at once, in this process, and knows what it was asked."""

    calls: ClassVar[list[tuple[str, str]]] = []

    def __enter__(self) -> "HerePool":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        self.calls.append(args[2:])
        return function(*args)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> StreamsSettings:
    """Settings with a home of its own."""
    return StreamsSettings(home=tmp_path, database_url=database_url, shard_max_samples=2)


@pytest.fixture
def registry() -> CollectorRegistry:
    """An empty metrics registry."""
    return CollectorRegistry()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(subject, depth) of the audits that were made; they are made here, and nobody rests."""
    monkeypatch.setattr(module, "Pool", HerePool)
    monkeypatch.setattr(module, "CORE_SHARE", 1.0)
    HerePool.calls = []
    return HerePool.calls


@pytest.fixture
def auditor(
    settings: StreamsSettings, engine: Engine, registry: CollectorRegistry, calls: list[tuple[str, str]]
) -> Auditor:
    """The auditor over an empty ledger."""
    return Auditor(settings, engine, StreamsMetrics(registry))


def go(auditor: Auditor) -> int:
    return auditor.round(threading.Event(), lambda: None)


def add(engine: Engine, url: str = "/a", linked: str | None = None) -> str:
    """Add a repository without a head, linked as it is."""
    from streams.agents.links import snapshot_id

    with writing(engine) as conn:
        repository = sources.add_repository(conn, url=url, now=1.0)
        snapshot = linked or snapshot_id(repository, sheets.current_releases(conn))
        sources.record_linked(conn, repository.repo_id, snapshot=snapshot, head=None)
    return repository.repo_id


def audit(repo_id: str = "r", snapshot: str = "s", at: float = 1.0, depth: str = "shallow", **found: int) -> Audit:
    return Audit(
        repo_id=repo_id,
        snapshot=snapshot,
        depth=depth,
        audited_at=at,
        seconds=0.1,
        mismatches=found,
        num_differences=sum(found.values()),
        differences=(),
        digest="d",
    )


def test_a_snapshot_is_audited_once_then_at_the_slow_interval_in_turns(
    engine: Engine, auditor: Auditor, calls: list[tuple[str, str]]
) -> None:
    """Shallow and deep take turns; what was audited is left alone until it changes or the interval has passed."""
    repo_id = add(engine)

    assert go(auditor) == 2
    assert go(auditor) == 0
    with writing(engine) as conn:
        conn.execute(update(audits.audits).values(audited_at=audits.audits.c.audited_at - 6 * 3600))
    assert go(auditor) == 2

    assert sorted(calls) == sorted([(repo_id, "shallow"), (LEDGER, "shallow"), (repo_id, "deep"), (LEDGER, "deep")])
    with reading(engine) as conn:
        assert [found.depth for found in find_audits(conn, repo_id=repo_id)] == ["deep", "shallow"]


def test_what_is_not_linked_or_not_current_is_not_noted(
    engine: Engine, auditor: Auditor, calls: list[tuple[str, str]], registry: CollectorRegistry
) -> None:
    """Links of another snapshot than the sources': tried once, and again when something has moved."""
    with writing(engine) as conn:
        sources.add_repository(conn, url="/never-linked", now=1.0)
    moving = add(engine, linked="of another head")

    assert go(auditor) == 1
    assert go(auditor) == 0

    assert calls.count((moving, "shallow")) == 1
    with reading(engine) as conn:
        assert find_audits(conn, repo_id=moving) == []
        assert system_audits(conn).mismatches == {}
    add(engine)
    assert go(auditor) == 1
    labels = {"depth": "shallow", "result": "not_current"}
    assert registry.get_sample_value("sheetstream_streams_audits_total", labels) == 1.0


def test_differences_are_noted_exported_and_looked_at_sooner(
    engine: Engine, auditor: Auditor, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gauge of their kind holds them until an audit finds none."""
    repo_id = add(engine)
    with reading(engine) as conn:
        linked = sources.get_repository(conn, repo_id).linked
    results = iter([audit(repo_id, str(linked), 1.0, links=3), audit(LEDGER, at=1.0), audit(repo_id, str(linked), 2.0)])
    monkeypatch.setattr(module, "examine", lambda *_: next(results))

    go(auditor)
    with reading(engine) as conn:
        later = auditor.due(conn, 1.0 + 0.1 * 6 * 3600)
        sooner = auditor.due(conn, 1.0 + 0.05 * 6 * 3600)

    assert value(registry, "audit_mismatches", kind="links") == 3
    assert value(registry, "audited_repositories", result="differs") == 1
    assert repo_id in [due.subject for due in later]
    assert repo_id not in [due.subject for due in sooner]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"sheetstream_streams_{name}", labels)


def test_an_audit_that_fails_stops_nothing(
    engine: Engine, auditor: Auditor, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child died, or the ledger was away: the others are audited, and this one when it has moved."""
    broken, whole = add(engine, "/a"), add(engine, "/b")

    def sometimes(url: str, home: Path, subject: str, depth: str) -> Audit | None:
        if subject == broken:
            raise OSError("out of memory")
        return examine(url, home, subject, depth)

    monkeypatch.setattr(module, "examine", sometimes)

    assert go(auditor) == 2
    assert go(auditor) == 0
    with reading(engine) as conn:
        assert find_audits(conn, repo_id=whole)
    assert value(registry, "audits_total", depth="shallow", result="failed") == 1


def test_a_record_that_does_not_get_out_is_a_mismatch_while_it_waits(
    engine: Engine, auditor: Auditor, registry: CollectorRegistry
) -> None:
    """It counts from audit_outbox_seconds on."""
    with writing(engine) as conn:
        put(conn, [Outgoing(topic="t", key="k", value=None)], 1.0)

    go(auditor)

    assert value(registry, "audit_mismatches", kind="outbox") == 1


def test_the_newest_audits_stay_and_tell_the_state(engine: Engine) -> None:
    """Of a repository KEPT audits; the state is of the newest ones, and of the snapshots that are linked now."""
    with writing(engine) as conn:
        for number in range(KEPT + 3):
            record_audit(conn, audit("r", at=float(number), links=int(number < 10)))
        record_audit(conn, audit("q", "old", at=5.0, tree=2))
        found = find_audits(conn, repo_id="r", limit=1000)
        state = audits.audit_state(conn, {"r": "s", "q": "new", "p": None})

    assert [row.audited_at for row in found] == [float(number) for number in reversed(range(3, KEPT + 3))]
    assert (state.repositories, state.audited, state.mismatches) == (3, 1, {"tree": 2})
    assert state.last_audit == KEPT + 2
    assert state.oldest_clean is None


def sample(name: str) -> NewSample:
    inner = Sample(
        sample_id=f"sm1_{name}",
        text=f"int {name};\n",
        domain="general",
        licence="MIT",
        repo_family="f",
        path="a.c",
        blob_id=name,
        commit="c",
        sheet_sha256=None,
        link_revisions=(),
        template_version=1,
    )
    return NewSample(sample=inner, repo_id="r", sheet_family=None, content_hash=name, event_time=1.0)


@pytest.fixture
def sealed(settings: StreamsSettings, engine: Engine) -> Path:
    """The folder of two sealed shards, of two samples each."""
    with writing(engine) as conn:
        samples.add_samples(conn, [sample(name) for name in "abcd"])
    sealer = Sealer(settings, engine, StreamsMetrics(CollectorRegistry()))
    sealer.recover()
    while sealer.step():
        pass
    return settings.home / "shards"


def whole(settings: StreamsSettings, depth: str = "shallow") -> dict[str, int]:
    found = examine(settings.database_url, settings.home, LEDGER, depth)
    assert found is not None
    assert found.num_differences == sum(found.mismatches.values()) == len(found.differences)
    return {kind: number for kind, number in found.mismatches.items() if number}


def test_whole_shards_and_samples_are_clean(settings: StreamsSettings, sealed: Path) -> None:
    """Both depths."""
    assert whole(settings) == whole(settings, "deep") == {}


def test_a_shard_that_is_gone_or_changed_is_found(settings: StreamsSettings, sealed: Path) -> None:
    """A changed byte only by a deep audit, since it reads them all; a strange file by each."""
    tar = sealed / "shard-000001.tar"
    data = tar.read_bytes()
    tar.write_bytes(b"X" + data[1:])
    assert (whole(settings), whole(settings, "deep")) == ({}, {"shards": 1})
    tar.write_bytes(data[:-1])
    assert whole(settings) == {"shards": 1}
    tar.unlink()
    (sealed / "strange.tar").touch()
    assert whole(settings) == {"shards": 2}


@pytest.mark.parametrize(
    "ids", [["sm1_a", "sm1_b", "sm1_c"], ["sm1_a"], ["sm1_a", "sm1_zz"]], ids=["twice", "left out", "unknown"]
)
def test_a_sample_that_is_not_in_exactly_its_shard_is_found(
    settings: StreamsSettings, engine: Engine, sealed: Path, ids: list[str]
) -> None:
    """Listed by two shards, by none, or unknown to the ledger."""
    with writing(engine) as conn:
        conn.execute(update(shards).where(shards.c.seq == 1).values(sample_ids=ids))

    assert whole(settings)["samples"] >= 1


def test_a_pdf_that_is_gone_or_damaged_is_found(settings: StreamsSettings, engine: Engine) -> None:
    """Of current datasheets; a wrong byte by a deep audit."""
    blobs = BlobStore(settings.home)
    sha256 = blobs.put(b"%PDF")
    sheet = Datasheet(
        sha256=sha256,
        file="a.pdf",
        title="A",
        parts=("A",),
        family="a",
        revision=None,
        num_pages=1,
        sections=(),
        registers=(),
    )
    with writing(engine) as conn:
        sheets.write_sheet(conn, sheet, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=True)
    assert whole(settings, "deep") == {}
    blobs.path(sha256).chmod(0o644)
    blobs.path(sha256).write_bytes(b"PDF?")
    assert (whole(settings), whole(settings, "deep")) == ({}, {"pdfs": 1})
    blobs.path(sha256).unlink()
    assert whole(settings) == {"pdfs": 1}


def test_switched_off_it_only_beats(settings: StreamsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Healthy, and idle."""
    stop, beats = threading.Event(), list[int]()

    def beat() -> None:
        beats.append(1)
        stop.set()

    off = StreamsSettings(home=settings.home, database_url="sqlite:////nowhere/ledger.db", audit=False)
    module.run(off, registry=CollectorRegistry(), stop=stop, beat=beat)

    assert beats


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_process_audits_in_a_child_and_ends_when_asked(
    settings: StreamsSettings, engine: Engine, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real pool: the audit is in the ledger, and afterwards no child is left."""
    import multiprocessing

    monkeypatch.setattr(module.os, "nice", lambda _: 0)
    repo_id, stop = add(engine), threading.Event()
    thread = threading.Thread(
        target=module.run, args=(settings,), kwargs={"registry": registry, "stop": stop, "beat": lambda: None}
    )
    thread.start()
    for _ in range(300):
        with reading(engine) as conn:
            if find_audits(conn, repo_id=repo_id):
                break
        stop.wait(0.1)
    stop.set()
    thread.join(20)

    with reading(engine) as conn:
        assert [found.is_clean for found in find_audits(conn, repo_id=repo_id)] == [True]
    assert not thread.is_alive()
    assert multiprocessing.active_children() == []
