"""The streams as a whole over a ledger in SQLite and Kafka in memory: watcher, workers, crashes, zombies.

Real are the poll, the delivery, the agents, the publisher of the outbox and the ledger; git, the PDF reader and Kafka
are doubles.
"""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text

from bench.memory_log import MemoryLog, WatcherProducer, WorkerProducer
from streams.agents.delivery import Delivery
from streams.agents.handlers import create_handlers
from streams.app import start_offsets
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.failpoints import Failpoints, Point
from streams.ledger import sources
from streams.ledger.engine import open_ledger, reading
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.publisher import Publisher
from streams.topics import AGENT_TOPICS
from streams.watch.poll import Poller
from tests.streams.history.git_double import Mirrors
from tests.streams.history.papers import read_double

AGENTS = tuple(AGENT_TOPICS)
PARTITIONS = 2
METRICS = StreamsMetrics(CollectorRegistry())
SEEN = """
CREATE TABLE outbox_seen (topic TEXT, key TEXT, value BLOB);
CREATE TRIGGER outbox_seen AFTER INSERT ON outbox
BEGIN INSERT INTO outbox_seen VALUES (new.topic, new.key, new.value); END;
"""


class Died(BaseException):
    """The process is gone: nothing that stands after the raise happens."""


class HerePool:
    """A pool that calls at once, in this process."""

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def call_each(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]], limits: object) -> list[Any]:
        return [function(*item) for item in items]


class Hooks(Failpoints):
    """Failpoints that a test sets while the process runs: at its point, what is set is called once."""

    def __init__(self) -> None:
        super().__init__()
        self.point: Point | None = None
        self.action: Callable[[], None] | None = None

    def hit(self, point: Point) -> None:
        if point is self.point and self.action is not None:
            action, self.action = self.action, None
            action()


class FragileWatcherProducer(WatcherProducer):
    """Dies after so many records of a call, when told to."""

    dies_after: int | None = None

    def send(self, records: Sequence[Outgoing]) -> None:
        if self.dies_after is None:
            return super().send(records)
        super().send(records[: self.dies_after])
        raise Died


class FragileWorkerProducer(WorkerProducer):
    """Dies after so many records, when told to."""

    dies_after: int | None = None

    async def send(self, *arguments: Any) -> Awaitable[object]:
        if self.dies_after is not None:
            if not self.dies_after:
                raise Died
            self.dies_after -= 1
        return await super().send(*arguments)


class Plant:
    """A data home with its log; `worker` is the process that has the partitions now."""

    def __init__(self, home: Path, mirrors: Mirrors) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copyfile(_empty_ledger(), home / "ledger.db")
        self.mirrors = mirrors
        self.settings = _settings(home)
        self.engine = _engine(self.settings.database_url)
        self.log = MemoryLog(partitions=PARTITIONS)
        self.loop = asyncio.new_event_loop()
        self.worker = Worker(self)
        self._monitor = self.engine.raw_connection()
        self._version = -1

    def is_changed(self) -> bool:
        """Return whether the ledger was written to since the last call."""
        before, (self._version,) = self._version, self._monitor.cursor().execute("PRAGMA data_version").fetchone()
        return before != self._version

    def restart(self) -> None:
        """Start another worker over the same ledger and log."""
        self.worker = Worker(self)

    def poll(self, key: str, *, dies_after: int | None = None, unnoted: bool = False) -> int:
        """Look at a source once; the watcher may die while it sends, or before it notes how far it told."""
        producer = FragileWatcherProducer(self.log)
        producer.dies_after = dies_after
        poller = Poller(self.settings, self.engine, cast(Any, producer), BlobStore(self.settings.home), METRICS)
        with reading(self.engine) as conn:
            repository, sheet = sources.find_repository(conn, key), sources.find_sheet_source(conn, key)
        with watching(self.mirrors), _unnoted() if unnoted else _nothing():
            try:
                if repository is not None:
                    return poller.poll_repository(repository)
                assert sheet is not None
                return poller.poll_sheet(sheet)
            except Died:
                return 0

    def publish(self) -> None:
        """Publish what waits in the outbox, as the worker does every second."""
        self.worker.publish()

    def drain(self) -> None:
        """Deliver everything, until nothing waits."""
        while True:
            self.publish()
            if not sum(self.worker.deliver(agent, n, 1000) for agent in AGENTS for n in range(PARTITIONS)):
                return

    def close(self) -> None:
        """Give files and loop back."""
        self._monitor.close()
        self.engine.dispose()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class Worker:
    """One worker process: agents with their caches, a place in every partition, failpoints."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.hooks = Hooks()
        self.producer = FragileWorkerProducer(plant.log)
        publisher = Publisher(plant.engine, self.producer, METRICS, failpoints=self.hooks)
        self._publisher = publisher
        with working(plant.mirrors):
            handlers = create_handlers(plant.settings, plant.engine, METRICS, cast(Any, HerePool()))
        self._deliveries = {
            handler.agent: Delivery[Any, Any](
                handler, plant.engine, publisher, METRICS, failpoints=self.hooks, sleep=_no_time, die=_die
            )
            for handler in handlers
        }
        known = start_offsets(plant.settings, plant.engine, plant.log.topic_ids)
        self.places = {
            (agent, partition): known.get((AGENT_TOPICS[agent].name, partition), 0)  # type: ignore[call-overload]
            for agent in AGENTS
            for partition in range(PARTITIONS)
        }

    def waiting(self, agent: str, partition: int) -> int:
        """Return how many records lie before this worker."""
        return self.plant.log.end(AGENT_TOPICS[agent].name, partition) - self.places[agent, partition]

    def deliver(self, agent: str, partition: int, limit: int, *, loop: asyncio.AbstractEventLoop | None = None) -> int:
        """Deliver the next records of a partition, at most so many; return how many. Raises Died."""
        count = min(limit, self.waiting(agent, partition))
        for _ in range(count):
            offset = self.places[agent, partition]
            message = self.plant.log.read(AGENT_TOPICS[agent].name, partition, offset)
            (loop or self.plant.loop).run_until_complete(self._deliveries[agent].deliver(message))
            self.places[agent, partition] = offset + 1
        return count

    def publish(self) -> None:
        """Publish the outbox."""
        self.plant.loop.run_until_complete(self._publisher.flush())


@contextmanager
def watching(mirrors: Mirrors) -> Iterator[None]:
    """Let the watcher's poll see these mirrors."""
    with (
        patch("streams.watch.poll.GitMirror", mirrors.of_folder),
        patch("streams.watch.poll.check_address", lambda url, **_: url),
    ):
        yield


@contextmanager
def working(mirrors: Mirrors) -> Iterator[None]:
    """Let agents that are made meanwhile see these mirrors, and datasheets that are values."""
    with (
        patch("streams.agents.handlers.open_mirrors", lambda home: mirrors.of_repository),
        patch("streams.agents.handlers.read_sheet", read_double),
    ):
        yield


@contextmanager
def _unnoted() -> Iterator[None]:
    def die(*_: object, **__: object) -> None:
        raise Died

    with (
        patch("streams.watch.poll.sources.record_tip", die),
        patch("streams.watch.poll.sources.record_sheet_bytes", die),
    ):
        yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield


async def _no_time(seconds: float) -> None:
    """Wait without waiting."""


def _die(status: int) -> None:
    raise Died


@cache
def _settings(home: Path) -> StreamsSettings:
    return StreamsSettings(home=home, default_licence="MIT", partitions=PARTITIONS, backfill_commits=3)


@cache
def _engine(url: str) -> Engine:
    """Return the engine of a ledger's file, whichever file lies there: it keeps the statements it has compiled."""
    return open_ledger(url)


@cache
def _empty_ledger() -> Path:
    """Return a ledger without rows that notes all that is ever put into the outbox."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    atexit.register(shutil.rmtree, folder)
    engine = open_ledger(f"sqlite:///{folder}/empty.db")
    upgrade(engine)
    with engine.connect() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.executescript(SEEN)
        driver.execute("PRAGMA journal_mode = DELETE")
    engine.dispose()
    return folder / "empty.db"


def seen(engine: Engine) -> list[tuple[str, str, bytes]]:
    """Return every record that was ever put into the outbox, in order."""
    with reading(engine) as conn:
        rows = conn.execute(text("SELECT topic, key, value FROM outbox_seen ORDER BY rowid")).all()
    return [(row.topic, row.key, row.value) for row in rows]
