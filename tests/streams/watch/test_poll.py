"""A look at a source tells what is new, once, and notes it only when Kafka has it."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import BrokerError, RepositoryError
from streams.events import CommitEvent, SheetEvent
from streams.ledger import sources
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import CommitRecord, SheetRecord
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

MakeVendor = Callable[..., Any]


class FakeProducer:
    """Keeps what was sent; down is a broker that is away."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.down = False

    def send(self, records: Sequence[Outgoing]) -> None:
        if self.down:
            raise BrokerError("away")
        self.records += records

    def commits(self) -> list[CommitEvent]:
        return [CommitRecord.decode(record.value).to_domain() for record in self.records]

    def sheets(self) -> list[SheetEvent]:
        return [SheetRecord.decode(record.value).to_domain() for record in self.records]


@pytest.fixture
def producer() -> FakeProducer:
    return FakeProducer()


@pytest.fixture
def poller(tmp_path: Path, engine: Engine, producer: FakeProducer) -> Poller:
    settings = StreamsSettings(home=tmp_path / "home")
    return Poller(settings, engine, producer, BlobStore(settings.home), StreamsMetrics(CollectorRegistry()))  # type: ignore[arg-type]


def add_repository(engine: Engine, folder: Path) -> str:
    with writing(engine) as conn:
        return sources.add_repository(conn, url=str(folder), now=1.0).repo_id


def look(poller: Poller, repo_id: str) -> int:
    with reading(poller.engine) as conn:
        repository = sources.get_repository(conn, repo_id)
    return poller.poll_repository(repository)


def test_the_first_look_tells_the_whole_tree(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """A new repository starts with one event: everything was added by its newest commit."""
    vendor = make_vendor()
    vendor.commit("one", a__c="1")
    tip = vendor.commit("two", b__c="2")
    repo_id = add_repository(engine, vendor.folder)

    assert look(poller, repo_id) == 1
    (event,) = producer.commits()
    assert (event.commit, event.base, event.summary) == (tip, None, "two")
    assert [(change.status, change.path) for change in event.changed] == [("A", "a.c"), ("A", "b.c")]


def test_each_commit_is_told_once_in_order(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """Events chain: the base of each is the commit of the one before; a look without news tells nothing."""
    vendor = make_vendor()
    repo_id = add_repository(engine, vendor.folder)
    first = vendor.commit(a__c="1")
    look(poller, repo_id)
    told = [vendor.commit(a__c=str(n)) for n in range(2, 5)]

    assert look(poller, repo_id) == 3
    assert look(poller, repo_id) == 0
    events = producer.commits()
    assert [event.commit for event in events] == [first, *told]
    assert [event.base for event in events[1:]] == [event.commit for event in events[:-1]]


def test_the_whole_history_can_be_asked_for(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """With the empty tree as the last told commit the first commit has no base and all follow."""
    vendor = make_vendor()
    commits = [vendor.commit(a__c=str(n)) for n in range(3)]
    repo_id = add_repository(engine, vendor.folder)
    with writing(engine) as conn:
        sources.record_tip(conn, repo_id, EMPTY_TREE)

    look(poller, repo_id)

    assert [event.commit for event in producer.commits()] == commits
    assert [event.base for event in producer.commits()] == [None, *commits[:-1]]


def test_a_force_push_chains_on(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """The event after it is the difference from what was told to what is there now."""
    vendor = make_vendor()
    base = vendor.commit(a__c="1")
    lost = vendor.commit(lost__c="2")
    repo_id = add_repository(engine, vendor.folder)
    look(poller, repo_id)
    vendor.git("reset", "--hard", "-q", base)
    new = vendor.commit(found__c="3")

    look(poller, repo_id)

    event = producer.commits()[-1]
    assert (event.base, event.commit) == (lost, new)
    assert sorted((change.status, change.path) for change in event.changed) == [("A", "found.c"), ("D", "lost.c")]


def test_without_a_broker_nothing_is_lost(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """What Kafka did not confirm is told again, with the same id."""
    vendor = make_vendor()
    commit = vendor.commit(a__c="1")
    repo_id = add_repository(engine, vendor.folder)
    producer.down = True

    with pytest.raises(BrokerError):
        look(poller, repo_id)
    producer.down = False
    assert look(poller, repo_id) == 1
    assert [event.commit for event in producer.commits()] == [commit]


def test_many_changes_are_told_without_their_paths(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit too big for a message says so, and the reader takes the tree."""
    monkeypatch.setattr("streams.watch.tell.MAX_EVENT_BYTES", 1500)
    vendor = make_vendor()
    vendor.commit(**{f"file_{n}": str(n) for n in range(20)})
    repo_id = add_repository(engine, vendor.folder)

    look(poller, repo_id)

    (event,) = producer.commits()
    assert (event.complete, event.changed) == (False, ())


def test_a_repository_added_anew_meanwhile_starts_anew(
    make_vendor: MakeVendor, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """A look that ends after its repository was removed and added again does not note its tip."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    repo_id = add_repository(engine, vendor.folder)
    look(poller, repo_id)
    vendor.commit(a__c="2")
    with reading(engine) as conn:
        before = sources.get_repository(conn, repo_id)
    with writing(engine) as conn:
        sources.remove_repository(conn, repo_id, now=2.0)
    add_repository(engine, vendor.folder)

    poller.poll_repository(before)

    with reading(engine) as conn:
        assert sources.get_repository(conn, repo_id).tip is None


def test_an_empty_repository_is_the_sources_error(make_vendor: MakeVendor, poller: Poller, engine: Engine) -> None:
    """The look fails with the reason, for the source's row."""
    repo_id = add_repository(engine, make_vendor().folder)

    with pytest.raises(RepositoryError, match="is empty"):
        look(poller, repo_id)


def test_a_datasheet_is_told_when_its_bytes_change(
    tmp_path: Path, poller: Poller, engine: Engine, producer: FakeProducer
) -> None:
    """Touching the file tells nothing; new bytes do, are newer whatever their date, and lie in the blob store."""
    path = tmp_path / "AB12.pdf"
    path.write_bytes(b"%PDF-1.7 one")
    with writing(engine) as conn:
        added = sources.add_sheet_source(conn, location=str(path), parts=["AB12"], revision="A", now=1.0)

    def look_again() -> int:
        with reading(engine) as conn:
            source = sources.find_sheet_source(conn, added.source_id)
        assert source is not None
        return poller.poll_sheet(source)

    assert look_again() == 1
    path.touch()
    assert look_again() == 0
    path.write_bytes(b"%PDF-1.7 two")
    os.utime(path, (1000, 1000))
    assert look_again() == 1
    events = producer.sheets()
    assert [poller.blobs.get(event.sha256)[-3:] for event in events] == [b"one", b"two"]
    assert events[0].released_at < events[1].released_at
    assert (events[0].file, events[0].parts, events[0].revision) == ("AB12.pdf", ("AB12",), "A")
