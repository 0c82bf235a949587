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
from streams.errors import BrokerError
from streams.ledger import outbox, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.records import CommitRecord
from streams.watch import run

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
