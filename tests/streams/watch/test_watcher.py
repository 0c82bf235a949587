"""The watcher process sees new sources, survives bad ones, and waits for an absent broker."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.version import parser_version
from streams.config import StreamsSettings
from streams.errors import BrokerError, RepositoryError
from streams.ledger import outbox, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import CommitRecord
from streams.watch import run
from streams.watch.watcher import _Watcher

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*multi-threaded.*fork:DeprecationWarning"  # a fetch asks the kernel to end with us: only preexec_fn can
)


class FakeProducer:
    """Stands for Kafka: keeps records, or is away."""

    records: ClassVar[list[Outgoing]] = []
    down = False

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def send(self, records: Sequence[Outgoing]) -> None:
        if FakeProducer.down:
            raise BrokerError("away")
        FakeProducer.records += records

    def close(self) -> None:
        pass


class Watcher:
    """A watcher that runs in a thread, and its ledger."""

    def __init__(self, home: Path, database_url: str) -> None:
        self.settings = StreamsSettings(home=home, database_url=database_url, poll_seconds=0.2)
        self.registry = CollectorRegistry()
        self.stop = threading.Event()
        self.beats = 0
        self.engine: Engine = open_ledger(self.settings.database_url)
        upgrade(self.engine)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        run(self.settings, registry=self.registry, stop=self.stop, beat=self._beat)

    def _beat(self) -> None:
        self.beats += 1

    def repository(self, repo_id: str) -> sources.Repository:
        with reading(self.engine) as conn:
            return sources.get_repository(conn, repo_id)

    def add(self, url: Path) -> str:
        with writing(self.engine) as conn:
            return sources.add_repository(conn, url=str(url), now=time.time()).repo_id

    def polls(self, result: str, kind: str = "repository") -> float:
        labels = {"kind": kind, "result": result}
        return self.registry.get_sample_value("sheetstream_streams_polls_total", labels) or 0.0


@pytest.fixture
def watcher(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    monkeypatch.setattr("streams.watch.watcher.RecordProducer", FakeProducer)
    monkeypatch.setattr("streams.watch.watcher.export_gauges", lambda *_: None)
    monkeypatch.setattr("streams.watch.watcher.follow_hints", lambda *_: None)
    monkeypatch.setattr("streams.watch.watcher.TICK_SECONDS", 0.1)
    monkeypatch.setattr("streams.watch.watcher.UPGRADE_SECONDS", 0.1)
    monkeypatch.setattr("streams.watch.watcher.BROKER_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(FakeProducer, "records", [])
    monkeypatch.setattr(FakeProducer, "down", False)
    watcher = Watcher(tmp_path / "home", database_url)
    watcher.thread.start()
    yield watcher
    watcher.stop.set()
    watcher.thread.join(10)
    assert not watcher.thread.is_alive()
    watcher.engine.dispose()


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Return once a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_new_source_is_seen_and_followed(watcher: Watcher, make_vendor: Callable[..., Any]) -> None:
    """A repository added while the watcher runs is told, and so is its next commit."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    repo_id = watcher.add(vendor.folder)

    until(lambda: watcher.repository(repo_id).tip)
    second = vendor.commit(a__c="2")
    until(lambda: watcher.repository(repo_id).tip == second)

    assert len(FakeProducer.records) == 2
    assert watcher.beats > 0


def test_a_bad_source_says_why_and_disturbs_nobody(
    watcher: Watcher, make_vendor: Callable[..., Any], tmp_path: Path
) -> None:
    """The error is in the source's row, another source goes on, and the row is cleared once the source is mended."""
    empty, good = make_vendor("empty"), make_vendor("good")
    good.commit(a__c="1")
    bad_id, good_id = watcher.add(empty.folder), watcher.add(good.folder)

    until(lambda: watcher.repository(bad_id).error)
    until(lambda: watcher.repository(good_id).tip)

    assert "is empty" in (watcher.repository(bad_id).error or "")
    empty.commit(a__c="1")
    until(lambda: watcher.repository(bad_id).tip and not watcher.repository(bad_id).error)


def test_an_absent_broker_is_waited_for(watcher: Watcher, make_vendor: Callable[..., Any]) -> None:
    """Without Kafka nothing is noted and the source is not blamed; with it, the commit arrives."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    FakeProducer.down = True
    repo_id = watcher.add(vendor.folder)

    until(lambda: watcher.polls("failed") >= 2)
    assert (watcher.repository(repo_id).tip, watcher.repository(repo_id).error) == (None, None)
    FakeProducer.down = False

    until(lambda: watcher.repository(repo_id).tip)
    assert len(FakeProducer.records) == 1


def test_a_paused_source_is_left_alone(watcher: Watcher, make_vendor: Callable[..., Any]) -> None:
    """Nothing is looked at while paused; resumed, what was missed is told."""
    vendor = make_vendor()
    repo_id = watcher.add(vendor.folder)
    with writing(watcher.engine) as conn:
        sources.set_repository_state(conn, repo_id, "paused")
    time.sleep(0.5)
    vendor.commit(a__c="1")
    time.sleep(0.5)

    assert watcher.repository(repo_id).tip is None
    with writing(watcher.engine) as conn:
        sources.set_repository_state(conn, repo_id, "active")
    until(lambda: watcher.repository(repo_id).tip)


class Looks:
    """Stands for the poller: counts looks, and lets a test hold or fail them."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self.fault: Exception | None = None

    def reread(self, source: sources.Repository) -> sources.Repository:
        return source

    def poll_repository(self, source: sources.Repository) -> int:
        self.started.append(source.url)
        self.hold.wait(10)
        if self.fault is not None:
            raise self.fault
        return 0

    def note_poll(self, source: sources.Repository, error: str | None) -> None:
        pass


def repositories(engine: Engine, *urls: str) -> list[sources.Repository]:
    with writing(engine) as conn:
        return [sources.add_repository(conn, url=url, now=1.0) for url in urls]


@pytest.fixture
def looks() -> Looks:
    return Looks()


@pytest.fixture
def schedule(tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> _Watcher:
    """The schedule alone, over looks that do nothing; remote sources are due after an hour."""
    monkeypatch.setattr("streams.watch.watcher.HINT_DISTANCE_SECONDS", 0.05)
    settings = StreamsSettings(home=tmp_path, remote_poll_seconds=3600.0, host_distance_seconds=0.0, polls_per_host=2)
    return _Watcher(settings, looks, StreamsMetrics(CollectorRegistry()))  # type: ignore[arg-type]


def test_a_hint_brings_a_look_at_once(engine: Engine, schedule: _Watcher, looks: Looks) -> None:
    """At the repository it names and at no other; many are one look; one for an unknown place does nothing."""
    active = repositories(engine, "https://f.example/v/a.git", "https://f.example/v/b")
    schedule.start_due(active)
    schedule.join(5)
    looks.started.clear()
    for _ in range(100):
        schedule.hint("f.example/v/a")
        schedule.hint("f.example/v/unknown")
    schedule.start_due(active)
    time.sleep(0.1)
    schedule.start_due(active)
    schedule.join(5)

    assert looks.started == ["https://f.example/v/a.git"]


def test_a_hint_during_a_look_brings_another(engine: Engine, schedule: _Watcher, looks: Looks) -> None:
    """What the look that runs has seen may be older than the hint."""
    active = repositories(engine, "https://f.example/v/a")
    looks.hold.clear()
    schedule.start_due(active)
    until(lambda: looks.started)
    schedule.hint("f.example/v/a")
    schedule.start_due(active)
    looks.hold.set()
    schedule.join(5)
    time.sleep(0.1)
    schedule.start_due(active)
    schedule.join(5)

    assert len(looks.started) == 2


def test_one_host_gets_two_looks_at_once(engine: Engine, schedule: _Watcher, looks: Looks) -> None:
    """Its other sources wait their turn, those of another host do not."""
    active = repositories(engine, *(f"https://f.example/v/{n}" for n in range(5)), "https://g.example/v/x")
    looks.hold.clear()
    schedule.start_due(active)
    until(lambda: len(looks.started) == 3)
    schedule.start_due(active)
    time.sleep(0.1)
    assert sorted(url[8] for url in looks.started) == ["f", "f", "g"]
    looks.hold.set()
    schedule.join(5)
    schedule.start_due(active)
    schedule.join(5)
    assert len(looks.started) == 5


def test_a_host_in_trouble_is_asked_by_none(engine: Engine, schedule: _Watcher, looks: Looks) -> None:
    """Its sources are not tried one after the other; a person's wish is tried all the same."""
    active = repositories(engine, *(f"https://f.example/v/{n}" for n in range(6)))
    looks.fault = RepositoryError("503", host_fault=True)
    schedule.start_due(active)
    schedule.join(5)
    schedule.start_due(active)
    schedule.join(5)
    assert len(looks.started) == 2
    with writing(engine) as conn:
        sources.force_repository(conn, active[0].repo_id, 5.0)
        active[0] = sources.get_repository(conn, active[0].repo_id)
    time.sleep(0.1)
    schedule.start_due(active)
    schedule.join(5)

    assert looks.started.count("https://f.example/v/0") >= 1
    assert len(looks.started) > 2


def test_a_failing_source_is_tried_later_and_later(
    engine: Engine, looks: Looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait doubles up to a limit, with some jitter."""
    settings = StreamsSettings(home=tmp_path, poll_seconds=5.0)
    schedule = _Watcher(settings, looks, StreamsMetrics(CollectorRegistry()))  # type: ignore[arg-type]
    active = repositories(engine, "/local")
    looks.fault = RepositoryError("broken")
    now, waits = 0.0, []
    monkeypatch.setattr("streams.watch.watcher.time.monotonic", lambda: now)
    for _ in range(6):
        schedule.start_due(active)
        while schedule._threads and schedule._threads[0].is_alive():
            time.sleep(0.001)
        (entry,) = schedule._schedules.values()
        waits.append(entry.due - now)
        now = entry.due

    for wait, expected in zip(waits, (10, 20, 40, 60, 60, 60), strict=True):
        assert 0.84 * expected <= wait <= 1.16 * expected
    assert len({round(wait, 6) for wait in waits[3:]}) == 3


def test_what_another_version_read_is_told(watcher: Watcher) -> None:
    """Without anybody's help, and once; the outbox is the worker's to publish."""
    repo_id = watcher.add(Path("/nowhere"))
    with writing(watcher.engine) as conn:
        sources.record_head(conn, repo_id, "c1", 1.0, parser="parser1_older")

    def waiting() -> list[Outgoing]:
        with reading(watcher.engine) as conn:
            return [item.record for item in outbox.waiting(conn)]

    until(waiting)
    time.sleep(0.5)
    (record,) = waiting()
    event = CommitRecord.decode(record.value).to_domain()
    assert (record.topic, event.repo_id, event.upgrade) == ("repo.commits", repo_id, parser_version())
