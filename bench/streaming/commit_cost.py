"""What a small commit costs the agents beside mapping its repository anew, and whether both end in the same links.

The agents run in this process, without Kafka and without their pool, so that the CPU time of each event is its own.
A full mapping is the same agents on an empty ledger that get the newest commit alone.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.model import Datasheet
from streams import topics
from streams.agents.links import LinksAgent
from streams.agents.symbols import SymbolsAgent, open_mirrors
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import CommitEvent
from streams.ledger import dump, sheets, sources, symbols
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.producer import RecordProducer
from streams.records import ChangeRecord, CommitRecord
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

EVERYTHING = 1 << 30
TARGET_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCost:
    """CPU time of both agents for one commit, and the wall time of their ledger transactions."""

    cpu_seconds: float
    ledger_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCost:
    """Commits of one repository beside a full mapping of its newest one."""

    repository: str
    num_files: int
    num_links: int
    commits: tuple[EventCost, ...]
    full: EventCost
    equal: bool
    """Whether the ledger after the commits has the lines of the one mapped anew."""

    def median_share(self) -> float:
        """Return a commit's median CPU time as a share of the full mapping's."""
        return statistics.median(cost.cpu_seconds for cost in self.commits) / self.full.cpu_seconds


def measure_repository(
    folder: Path, url: str, datasheets: Sequence[Datasheet], *, last: int, say: Callable[[str], object]
) -> RepositoryCost:
    """Return what the last commits of a repository cost after what came before them was mapped at once."""
    say(f"{url}: the commits before the last {last}, mapped at once")
    stream = Agents(folder / "commits", datasheets)
    stream.import_before(url, last)
    commits = [stream.apply(event) for event in stream.poll()]
    say(f"{url}: {len(commits)} commits; the newest one mapped anew")
    scratch = Agents(folder / "scratch", datasheets)
    scratch.add(url, tip=None)
    (event,) = scratch.poll()
    full = scratch.apply(event)
    num_files, num_links, lines = stream.state()
    return RepositoryCost(
        repository=Path(url).name.removesuffix(".git"),
        num_files=num_files,
        num_links=num_links,
        commits=tuple(commits),
        full=full,
        equal=lines == scratch.state()[2],
    )


class Agents:
    """The symbols and links agents over a ledger of their own, with these datasheets in it."""

    def __init__(self, home: Path, datasheets: Sequence[Datasheet]) -> None:
        home.mkdir(parents=True)
        self._settings = StreamsSettings(home=home, default_licence="MIT")
        self._engine: Engine = open_ledger(self._settings.database_url)
        upgrade(self._engine)
        self._metrics = StreamsMetrics(CollectorRegistry())
        pool, mirrors = cast(Pool, InProcess()), open_mirrors(home)
        self._symbols = SymbolsAgent(self._settings, self._engine, self._metrics, pool, mirrors)
        self._links = LinksAgent(self._engine, self._metrics, pool, mirrors, settings=self._settings)
        self._repo_id = ""
        now = time.time()
        with writing(self._engine) as conn:
            for sheet in datasheets:
                known = {"source_id": "bench", "released_at": now, "read_at": now, "seconds": 0.0, "current": True}
                sheets.write_sheet(conn, sheet, **known)  # type: ignore[arg-type]  # names and types are its own

    def add(self, url: str, *, tip: str | None) -> None:
        """Watch a repository; tip is the commit from which on commits are told, None for the newest alone."""
        with writing(self._engine) as conn:
            self._repo_id = sources.add_repository(conn, url=url, now=time.time()).repo_id
            if tip is not None:
                sources.record_tip(conn, self._repo_id, tip)

    def import_before(self, url: str, last: int) -> None:
        """Watch a repository and map the commit before its last ones as its first."""
        self.add(url, tip=EMPTY_TREE)
        start = self.poll()[-last - 1]
        first = CommitEvent(
            event_id="first", repo_id=self._repo_id, family=self._repo_id, ref="HEAD", commit=start.commit, base=None,
            changed=(), complete=False, commit_time=start.commit_time, summary="",
        )  # fmt: skip
        self.apply(first)
        with writing(self._engine) as conn:
            sources.record_tip(conn, self._repo_id, start.commit)

    def poll(self) -> list[CommitEvent]:
        """Return the events that the watcher would tell now."""
        told = Told()
        poller = Poller(
            self._settings, self._engine, cast(RecordProducer, told), BlobStore(self._settings.home), self._metrics
        )
        with reading(self._engine) as conn:
            repository = sources.get_repository(conn, self._repo_id)
        poller.poll_repository(repository)
        return [CommitRecord.decode(record.value).to_domain() for record in told.records]

    def apply(self, event: CommitEvent) -> EventCost:
        """Let both agents apply a commit and what follows from it."""
        cpu, ledger = time.process_time(), 0.0
        records, seconds = self._deliver(self._symbols, event)
        ledger += seconds
        for record in records:
            if record.topic == topics.CHANGES.name:
                ledger += self._deliver(self._links, ChangeRecord.decode(record.value).to_domain())[1]
        return EventCost(cpu_seconds=time.process_time() - cpu, ledger_seconds=ledger)

    def state(self) -> tuple[int, int, list[str]]:
        """Return how many files and links there are, and the canonical lines of links, conflicts and relevance."""
        with reading(self._engine) as conn:
            links = dump.link_lines(conn, self._repo_id)
            more = [*dump.conflict_lines(conn, self._repo_id), *dump.relevance_lines(conn, self._repo_id)]
            return len(symbols.read_tree(conn, self._repo_id)), len(links), sorted([*links, *more])

    def _deliver(self, agent: Any, event: Any) -> tuple[Sequence[Outgoing], float]:
        """Return the records that follow and the seconds of the transaction."""
        while True:
            prepared = agent.prepare(event)
            started = time.perf_counter()
            try:
                with writing(self._engine) as conn:
                    effect = agent.apply(conn, event, prepared)
            except MovedError:
                continue
            return effect.records, time.perf_counter() - started


class InProcess:
    """Stands for the pool: calls at once."""

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    def call_each(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]], limits: object) -> list[Any]:
        return [function(*item) for item in items]


class Told:
    """Stands for the producer: keeps what is sent."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def send(self, records: Sequence[Outgoing]) -> None:
        self.records += records
