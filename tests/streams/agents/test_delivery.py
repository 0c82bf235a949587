"""streams/agents/delivery.py and streams/publisher.py: nothing is lost, nothing has its effect twice."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from mapper.errors import DatasheetError
from streams import failpoints
from streams.agents.delivery import EXIT_STATUS, Delivery, Effect, Message
from streams.errors import MovedError, PoolError
from streams.events import Cause, LinkedChange
from streams.failpoints import Failpoints
from streams.ledger import letters, offsets, outbox
from streams.ledger.counters import take
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.publisher import Publisher
from streams.records import LinkedRecord

LOCKED = OperationalError("BEGIN", {}, sqlite3.OperationalError("database is locked"))


@dataclass
class FakeKafka:
    """Confirms what is sent, unless told to fail."""

    sent: list[tuple[str, bytes, bytes | None, dict[str, bytes]]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def send(self, topic: str, key: bytes, value: bytes | None, *rest: Any) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((topic, key, value, rest[-1] or {}))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def values(self, topic: str) -> list[bytes | None]:
        return [value for name, _, value, _ in self.sent if name == topic]


@dataclass
class Numbering:
    """A handler whose effect is to take a number, and to send it on."""

    failures: list[Exception] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    agent = "samples"
    record = LinkedRecord

    def prepare(self, event: LinkedChange) -> str:
        if "poison" in event.paths:
            raise DatasheetError("https://user:secret@host/x.pdf: truncated", reason="truncated")
        if self.failures:
            raise self.failures.pop(0)
        return event.repo_id

    def apply(self, conn: Connection, event: LinkedChange, prepared: str) -> Effect:
        number = take(conn, "numbers", 1)
        record = Outgoing(topic="out", key=prepared, value=b"%d" % number)
        return Effect(records=(record,), event_time=event.cause.time, count=lambda: self.applied.append(prepared))


class Died(BaseException):
    """The process ended here."""


def die(status: int) -> None:
    raise Died(status)


async def no_sleep(seconds: float) -> None:
    """Wait for nothing."""


def message(offset: int, *, poison: bool = False, value: bytes | None = None, topic_id: str = "t1") -> Message:
    event = LinkedChange(
        repo_id=f"r{offset}",
        paths=("poison",) if poison else (),
        cause=Cause(kind="commit", id="c", time=float(offset)),
    )
    return Message(
        topic="mapping.linked",
        topic_id=topic_id,
        partition=0,
        offset=offset,
        key=b"key",
        value=value if value is not None else LinkedRecord.from_domain(event).encode(),
        time=1.5,
    )


Make = Callable[..., Delivery[Any, Any]]


@pytest.fixture
def kafka() -> FakeKafka:
    """A broker that works."""
    return FakeKafka()


@pytest.fixture
def make(engine: Engine, metrics: StreamsMetrics, kafka: FakeKafka) -> Make:
    """Give a function that makes a delivery to a handler, with a failpoint perhaps."""

    def make(handler: Numbering, failpoint: str = "", **options: Any) -> Delivery[Any, Any]:
        points = Failpoints(failpoint)
        publisher = Publisher(engine, kafka, metrics, failpoints=points)
        return Delivery(handler, engine, publisher, metrics, failpoints=points, sleep=no_sleep, die=die, **options)

    return make


def deliver(delivery: Delivery[Any, Any], *messages: Message) -> None:
    async def all_of_them() -> None:
        for item in messages:
            await delivery.deliver(item)

    asyncio.run(all_of_them())


def test_effect_offset_and_records_come_together(
    engine: Engine, registry: CollectorRegistry, kafka: FakeKafka, make: Make
) -> None:
    """After delivery the ledger has moved, Kafka has the records, and the outbox is empty."""
    deliver(make(Numbering()), message(4), message(5))

    with reading(engine) as conn:
        (place,) = offsets.positions(conn)
        assert outbox.count(conn) == 0
    assert (place.next_offset, place.applied, place.event_time) == (6, 2, 5.0)
    assert kafka.values("out") == [b"1", b"2"]
    labels = {"stage": "samples", "result": "ok"}
    assert registry.get_sample_value("sheetstream_streams_records_total", labels) == 2


def test_a_record_that_comes_again_is_skipped(engine: Engine, kafka: FakeKafka, make: Make) -> None:
    """Redelivery has no effect, and is counted; in a topic that was made anew the same offset is another record."""
    handler = Numbering()

    deliver(make(handler), message(0), message(1), message(0), message(1))
    deliver(make(handler), message(0, topic_id="t2"))

    with reading(engine) as conn:
        assert [(p.topic_id, p.applied, p.skipped) for p in offsets.positions(conn)] == [("t1", 2, 2), ("t2", 1, 0)]
    assert kafka.values("out") == [b"1", b"2", b"3"]
    assert handler.applied == ["r0", "r1", "r0"]


@pytest.mark.parametrize("poisoned", [0, 1, 2])
def test_poison_dies_and_the_others_live(engine: Engine, kafka: FakeKafka, make: Make, poisoned: int) -> None:
    """First, middle or last: one dead letter with its bytes and reason, and all other records have their effect."""
    messages = [message(offset, poison=offset == poisoned) for offset in range(3)]

    deliver(make(Numbering()), *messages)

    with reading(engine) as conn:
        (letter,) = letters.find_letters(conn)
        (place,) = offsets.positions(conn)
    assert (letter.offset, letter.reason, letter.error_class, letter.attempts) == (
        poisoned,
        "truncated",
        "DatasheetError",
        1,
    )
    assert place.next_offset == 3
    assert len(kafka.values("out")) == 2
    assert kafka.values("dead.letters") == [messages[poisoned].value]


def test_a_dead_letter_tells_its_story_in_headers(kafka: FakeKafka, make: Make) -> None:
    """Place, time, agent, reason, error, attempts and version; no password of a URL."""
    deliver(make(Numbering()), message(7, poison=True))

    ((_, key, _, headers),) = kafka.sent
    assert key == b"key"
    assert headers["error"] == b"https://***@host/x.pdf: truncated"
    names = ("topic", "partition", "offset", "time", "agent", "reason", "error_class", "attempts")
    expected = [b"mapping.linked", b"0", b"7", b"1.5", b"samples", b"truncated", b"DatasheetError", b"1"]
    assert [headers[name] for name in names] == expected
    assert headers["version"]


@pytest.mark.parametrize(("value", "reason"), [(b"\xff", "decode"), (b'{"version": 9}', "schema")])
def test_bytes_that_are_no_record_die(engine: Engine, make: Make, value: bytes, reason: str) -> None:
    """A record nobody can read, or of a version nobody knows, stops nothing."""
    deliver(make(Numbering()), message(0, value=value), message(1))

    with reading(engine) as conn:
        assert letters.count_by_reason(conn) == {reason: 1}
        assert offsets.positions(conn)[0].next_offset == 2


def test_a_transient_fault_is_waited_out(engine: Engine, kafka: FakeKafka, make: Make) -> None:
    """A locked database and a lost broker cost time, and nothing else."""
    kafka.failures = [ConnectionError("broker gone"), ConnectionError("broker gone")]

    deliver(make(Numbering(failures=[LOCKED, OSError(28, "No space left on device"), LOCKED])), message(0))

    with reading(engine) as conn:
        assert letters.find_letters(conn) == []
    assert kafka.values("out") == [b"1"]


def test_a_fault_that_stays_ends_the_process_unacknowledged(engine: Engine, make: Make) -> None:
    """Nothing is given up: the record comes again to the process that is started next."""
    delivery = make(Numbering(failures=[LOCKED] * 9), retry_seconds=-1.0)

    with pytest.raises(Died, match=str(EXIT_STATUS)):
        deliver(delivery, message(0))

    with reading(engine) as conn:
        assert offsets.positions(conn) == []


def test_what_moved_is_prepared_again(kafka: FakeKafka, make: Make) -> None:
    """The unit is retried at once, and does not count as poison."""
    deliver(make(Numbering(failures=[MovedError("head moved")] * 6)), message(0))

    assert kafka.values("out") == [b"1"]


def test_our_own_bug_dies_after_a_few_tries(engine: Engine, make: Make) -> None:
    """A record that always ends in the same exception does not stop the stream."""
    deliver(make(Numbering(failures=[KeyError("x")] * 4)), message(0), message(1))

    with reading(engine) as conn:
        (letter,) = letters.find_letters(conn)
    assert (letter.reason, letter.error_class, letter.attempts) == ("internal", "KeyError", 4)


def test_a_mapping_beyond_its_limits_dies_after_a_few_tries_with_its_reason(engine: Engine, make: Make) -> None:
    """The machine may have been busy, so it is tried again; what a stopped pool did not do is never to blame."""
    limit = PoolError("map: more memory needed than the limit of 1 bytes", reason="map_memory")
    stopped = PoolError("map: the pool was stopped", reason="stopped")
    handler = Numbering(failures=[stopped] * 10 + [limit] * 4)

    deliver(make(handler), message(0))

    with reading(engine) as conn:
        (letter,) = letters.find_letters(conn)
    assert (letter.reason, letter.error_class, letter.attempts) == ("map_memory", "PoolError", 14)
    assert "the limit of 1 bytes" in letter.message


def test_a_letter_that_cannot_be_written_ends_the_process(
    engine: Engine, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither acknowledged nor lost."""

    def fail(*_: Any) -> None:
        raise LOCKED

    monkeypatch.setattr(letters, "bury", fail)

    with pytest.raises(Died):
        deliver(make(Numbering(), retry_seconds=-1.0), message(0, poison=True))

    with reading(engine) as conn:
        assert offsets.positions(conn) == []


@pytest.mark.parametrize(
    ("point", "already_sent"),
    [
        ("delivery.1_received", 0),
        ("delivery.2_prepared", 0),
        ("delivery.3_applied", 0),
        ("delivery.4_committed", 0),
        ("delivery.5_published", 1),
        ("delivery.6_confirmed", 1),
    ],
)
def test_a_crash_at_any_point_neither_loses_nor_doubles(
    engine: Engine, kafka: FakeKafka, make: Make, monkeypatch: pytest.MonkeyPatch, point: str, already_sent: int
) -> None:
    """The effect is there once; the outgoing record is there, and its repetition (5) is the same record."""
    monkeypatch.setattr(failpoints.os, "_exit", die)
    with pytest.raises(Died):
        deliver(make(Numbering(), f"{point}@1"), message(0))
    assert len(kafka.sent) == already_sent

    deliver(make(Numbering()), message(0))

    with reading(engine) as conn:
        assert outbox.count(conn) == 0
        assert offsets.positions(conn)[0].applied == 1
    assert set(kafka.values("out")) == {b"1"}
    assert len(kafka.sent) == (2 if point == "delivery.5_published" else 1)


def test_a_crash_while_burying_buries_once(
    engine: Engine, kafka: FakeKafka, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letter and its record come with the transaction or not at all."""
    monkeypatch.setattr(failpoints.os, "_exit", die)
    with pytest.raises(Died):
        deliver(make(Numbering(), "delivery.7_buried"), message(0, poison=True))
    assert kafka.sent == []

    deliver(make(Numbering()), message(0, poison=True))

    with reading(engine) as conn:
        assert len(letters.find_letters(conn)) == 1
    assert len(kafka.values("dead.letters")) == 1


def test_records_of_others_are_published_in_order(engine: Engine, metrics: StreamsMetrics, kafka: FakeKafka) -> None:
    """What a command put into the outbox goes out with the prefix of the installation, first come first."""
    with writing(engine) as conn:
        outbox.put(conn, [Outgoing(topic="t", key="k", value=b"%d" % n) for n in range(3)], 1.0)

    asyncio.run(Publisher(engine, kafka, metrics, topic_prefix="x.").flush())

    assert kafka.values("x.t") == [b"0", b"1", b"2"]


def test_a_gap_in_the_offsets_is_counted(registry: CollectorRegistry, make: Make) -> None:
    """A record that was lost on the way here does not go unnoticed."""
    deliver(make(Numbering()), message(3), message(4), message(6))

    assert registry.get_sample_value("sheetstream_streams_offset_gaps_total", {"stage": "samples"}) == 1
