"""Two writers at once over one ledger: what they leave is what one after the other would have left."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from mapper.model import Datasheet
from streams.agents.delivery import Delivery, Effect, Message
from streams.agents.faults import Fault, classify
from streams.agents.links import LinksAgent
from streams.agents.symbols import SymbolsAgent
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import Cause, CommitEvent, LinkedChange, MappingChange
from streams.ledger import letters, offsets, outbox, samples, sheets, sources
from streams.ledger.counters import take
from streams.ledger.dump import dump
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.locks import lock
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import link_history
from streams.metrics import StreamsMetrics
from streams.publisher import Publisher
from streams.records import ChangeRecord, LinkedRecord

HEADER = """#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x0{0}
#endif
"""
SOURCE = '#include "drv.h"\nint zq4071_{0}(void) {{ return bus(ZQ4071_REG_STATUS) + {0}; }}\n'
WAIT_SECONDS = 30.0


def together(*actions: Callable[[], Any]) -> list[Any]:
    """Return what the actions return, each run in a thread of its own."""
    with ThreadPoolExecutor(len(actions)) as threads:
        running = [threads.submit(action) for action in actions]
        return [future.result(WAIT_SECONDS) for future in running]


class Writer:
    """The agents of one worker over a ledger."""

    def __init__(self, engine: Engine, settings: StreamsSettings, metrics: StreamsMetrics, pool: Any, mirror: Any):
        self.engine = engine
        self.moved = 0
        self.symbols = SymbolsAgent(settings, engine, metrics, pool, lambda _: mirror)
        self.links = LinksAgent(engine, metrics, pool, lambda _: mirror)

    def deliver(self, agent: Any, event: Any, meet: Callable[[], object] = lambda: None) -> list[Outgoing]:
        """Let an agent apply an event; `meet` is called when it is first prepared."""
        while True:
            try:
                prepared = agent.prepare(event)
                meet()
                meet = int
                with writing(self.engine) as conn:
                    effect = agent.apply(conn, event, prepared)
            except MovedError:
                self.moved += 1
                continue
            return list(effect.records)

    def commit(self, repo: str, number: int) -> None:
        """Apply a commit, and map what it changed."""
        base = f"c{number - 1}" if number else None
        event = CommitEvent(
            event_id=f"e{number}",
            repo_id=repo,
            family=repo,
            ref="HEAD",
            commit=f"c{number}",
            base=base,
            changed=(),
            complete=False,
            commit_time=float(number),
            summary="",
        )
        for record in self.deliver(self.symbols, event):
            self.deliver(self.links, ChangeRecord.decode(record.value).to_domain())

    def release(self, sheet: Datasheet, number: int) -> None:
        """Make a release current, and map what it changed."""
        with writing(self.engine) as conn:
            sheets.lock_family(conn, sheet.family)
            now = float(number)
            sheets.write_sheet(conn, sheet, source_id="s", released_at=now, read_at=now, seconds=0.0, current=True)
        cause = Cause(kind="datasheet", id=sheet.sha256, time=now)
        self.deliver(self.links, MappingChange(cause=cause, sheet_family=sheet.family))


@pytest.fixture
def make_writer(settings: StreamsSettings, metrics: StreamsMetrics, pool: Any, mirror: Any) -> Callable[..., Writer]:
    """Give a function that makes a writer over a ledger."""
    for number in range(6):
        mirror.add(f"c{number}", drv__h=HEADER.format(2 + number % 2), drv__c=SOURCE.format(number))
    return lambda engine: Writer(engine, settings, metrics, pool, mirror)


@pytest.fixture
def one_by_one(tmp_path: Path) -> Iterator[Engine]:
    """An empty ledger in SQLite, to compare with."""
    engine = open_ledger(f"sqlite:///{tmp_path}/one_by_one.db")
    upgrade(engine)
    yield engine
    engine.dispose()


def add_repository(engine: Engine) -> str:
    with writing(engine) as conn:
        return sources.add_repository(conn, url="https://x/y", now=1.0, parts=["ZQ4071"]).repo_id


def dumped(engine: Engine) -> str:
    with reading(engine) as conn:
        return dump(conn)


def test_of_two_mappings_of_one_snapshot_one_is_written(
    engine: Engine, make_writer: Callable[..., Writer], make_sheet: Callable[..., Datasheet]
) -> None:
    """Both compare with the same links; the second sees that they moved, and then that nothing is left to do."""
    repo = add_repository(engine)
    writers = [make_writer(engine) for _ in range(2)]
    writers[0].release(make_sheet("s1"), 1)
    writers[0].commit(repo, 0)
    writers[0].release(make_sheet("s2", registers={"CONTROL": 0, "STATUS": 2}), 2)
    with writing(engine) as conn:
        sources.record_linked(conn, repo, snapshot="older", head="c0")
    change = MappingChange(cause=Cause(kind="commit", id="c0", time=1.0), repo_id=repo)
    barrier = threading.Barrier(2, timeout=WAIT_SECONDS)

    together(*[lambda writer=w: writer.deliver(writer.links, change, barrier.wait) for w in writers])

    assert sorted(writer.moved for writer in writers) == [0, 1]
    with reading(engine) as conn:
        history = conn.execute(select(link_history.c.link_id, link_history.c.seq)).all()
    assert len(history) == len(set(history)) > 0


def test_commits_and_releases_at_once_end_as_one_after_the_other(
    engine: Engine,
    one_by_one: Engine,
    make_writer: Callable[..., Writer],
    make_sheet: Callable[..., Datasheet],
) -> None:
    """Whoever loses the race for the repository maps again: the dump is that of the other database, in one go."""
    releases = [make_sheet(f"s{n}", registers={"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2 + n % 2}) for n in range(6)]
    repo = add_repository(engine)
    assert add_repository(one_by_one) == repo
    alone, committing, releasing = make_writer(one_by_one), make_writer(engine), make_writer(engine)

    for number in range(6):
        alone.commit(repo, number)
    for number, sheet in enumerate(releases):
        alone.release(sheet, number)
    together(
        lambda: [committing.commit(repo, number) for number in range(6)],
        lambda: [releasing.release(sheet, number) for number, sheet in enumerate(releases)],
    )

    assert dumped(engine) == dumped(one_by_one) != ""


class Numbering:
    """A handler whose effect is to take a number; both workers have the record in hand before one applies it."""

    agent = "samples"
    record = LinkedRecord

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=WAIT_SECONDS)

    def prepare(self, event: LinkedChange) -> None:
        self.barrier.wait()

    def apply(self, conn: Connection, event: LinkedChange, prepared: None) -> Effect:
        return Effect(records=(Outgoing(topic="out", key="k", value=b"%d" % take(conn, "numbers", 1)),))


class SlowKafka:
    """Confirms what is sent, a little later."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []

    async def send(self, topic: str, key: bytes, value: bytes, *_: Any) -> Any:
        self.sent.append((key, value))
        return asyncio.sleep(0.002)


def message(offset: int) -> Message:
    event = LinkedChange(repo_id="r", paths=(), cause=Cause(kind="commit", id="c", time=1.0))
    value = LinkedRecord.from_domain(event).encode()
    return Message(topic="t", topic_id="i", partition=0, offset=offset, key=b"k", value=value, time=1.0)


def test_a_first_record_in_the_hands_of_two_workers_is_applied_once(engine: Engine, metrics: StreamsMetrics) -> None:
    """There is no row to lock yet: the second one waits all the same, and skips."""
    handler, kafka = Numbering(), SlowKafka()

    def work() -> None:
        publisher = Publisher(engine, kafka, metrics)
        asyncio.run(Delivery[Any, Any](handler, engine, publisher, metrics).deliver(message(7)))

    together(work, work)

    with reading(engine) as conn:
        (place,) = offsets.positions(conn)
        assert (place.next_offset, place.applied, place.skipped) == (8, 1, 1)
    assert set(kafka.sent) == {(b"k", b"1")}


def test_two_publishers_send_every_record_in_the_order_of_its_key(
    engine: Engine, metrics: StreamsMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL: each once. SQLite: at least once, and each time as it was."""
    monkeypatch.setattr("streams.publisher.BATCH_RECORDS", 7)
    wanted = [(b"k%d" % (n % 3), b"%d" % n) for n in range(60)]
    with writing(engine) as conn:
        outbox.put(conn, [Outgoing(topic="t", key=key.decode(), value=value) for key, value in wanted], 1.0)
    kafka = SlowKafka()

    together(*[lambda: asyncio.run(Publisher(engine, kafka, metrics).flush())] * 2)

    assert set(kafka.sent) == set(wanted)
    with reading(engine) as conn:
        assert outbox.count(conn) == 0
    if engine.dialect.name == "postgresql":
        by_key = defaultdict(list)
        for key, value in kafka.sent:
            by_key[key].append(int(value))
        assert len(kafka.sent) == len(wanted)
        assert all(values == sorted(values) for values in by_key.values())


def test_a_publisher_that_is_cancelled_sends_no_more(
    engine: Engine, metrics: StreamsMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that stops leaves its thread nothing to wait for; the records wait in the outbox."""
    reached, let_go = threading.Event(), threading.Event()
    waiting = outbox.waiting

    def slow(conn: Connection, **options: Any) -> Any:
        reached.set()
        assert let_go.wait(WAIT_SECONDS)
        return waiting(conn, **options)

    with writing(engine) as conn:
        outbox.put(conn, [Outgoing(topic="t", key="k", value=b"1")], 1.0)
    monkeypatch.setattr(outbox, "waiting", slow)
    kafka = SlowKafka()

    async def work() -> None:
        flushing = asyncio.create_task(Publisher(engine, kafka, metrics).flush())
        await asyncio.to_thread(reached.wait, WAIT_SECONDS)
        flushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
        let_go.set()

    asyncio.run(work())

    with reading(engine) as conn:
        assert (kafka.sent, outbox.count(conn)) == ([], 1)


class Unlucky(Numbering):
    """A handler whose connection is lost in the middle of its first transaction."""

    def __init__(self, cut: Callable[[Connection], None]) -> None:
        self.cut = cut

    def prepare(self, event: LinkedChange) -> None:
        """Prepare nothing."""

    def apply(self, conn: Connection, event: LinkedChange, prepared: None) -> Effect:
        effect = super().apply(conn, event, prepared)
        self.cut(conn)
        self.cut = id
        return effect


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_lost_in_the_middle_costs_a_retry(engine: Engine, metrics: StreamsMetrics, postgres: Any) -> None:
    """What the lost transaction wrote is gone with it: the effect is there once, and nothing is a dead letter."""

    def cut(conn: Connection) -> None:
        pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.execute(f"SELECT pg_terminate_backend({pid})")

    kafka = SlowKafka()
    delivery = Delivery[Any, Any](Unlucky(cut), engine, Publisher(engine, kafka, metrics), metrics)

    asyncio.run(delivery.deliver(message(7)))

    with reading(engine) as conn:
        (place,) = offsets.positions(conn)
        assert (place.next_offset, place.applied, letters.find_letters(conn)) == (8, 1, [])
    assert kafka.sent == [(b"k", b"1")]


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_deadlock_ends_for_one_and_is_transient(engine: Engine) -> None:
    """The server lets the other one through; the one it ended is tried again."""
    barrier = threading.Barrier(2, timeout=WAIT_SECONDS)

    def cross(*names: str) -> Fault | None:
        try:
            with writing(engine) as conn:
                lock(conn, names[0])
                barrier.wait()
                lock(conn, names[1])
        except DBAPIError as error:
            return classify(error)
        return None

    assert set(together(lambda: cross("a", "b"), lambda: cross("b", "a"))) == {None, Fault.TRANSIENT}


def _release(conn: Connection, sheet: Datasheet, number: int) -> object:
    before = sheets.lock_family(conn, sheet.family)
    sheets.write_sheet(conn, sheet, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=True)
    return before and before.sha256


def _count(conn: Connection, sheet: Datasheet, number: int) -> object:
    samples.lock_samples(conn)
    before = samples.count_drops(conn)
    drop = samples.DropRow(stage="samples", reason="x", repo_id="r", path=f"{number}", blob_id="b", detail="")
    samples.replace_drops(conn, "samples", "r", {f"{number}"}, [drop])
    return before.get(("samples", "x"))


@pytest.mark.parametrize(("act", "seen"), [(_release, "s0"), (_count, 1)])
def test_what_is_decided_upon_is_locked(
    engine: Engine, make_sheet: Callable[..., Datasheet], act: Callable[..., object], seen: object
) -> None:
    """A transaction that begins while another one decides sees what that one wrote, though there was no row."""
    entered = threading.Event()

    def first() -> object:
        with writing(engine) as conn:
            before = act(conn, make_sheet("s0"), 0)
            entered.set()
            time.sleep(0.3)
            return before

    def second() -> object:
        assert entered.wait(WAIT_SECONDS)
        with writing(engine) as conn:
            return act(conn, make_sheet("s1"), 1)

    assert together(first, second) == [None, seen]
    with reading(engine) as conn:
        assert len(sheets.list_sheets(conn)) <= 1
