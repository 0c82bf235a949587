"""Replay a repository's real history commit by commit: does it end in the ledger of its snapshot?

python -m bench.replay MIRROR PDF... [--part P]... [--last N] [--json PATH]: the real watcher's poll, the real agents
and a ledger in SQLite, with Kafka in memory. Two ledgers are filled: one with every commit after another, one with the
last commit alone. Exit status 1 if their dumps differ.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from bench.memory_log import MemoryLog, WatcherProducer, WorkerProducer
from streams import topics
from streams.agents.delivery import Delivery
from streams.agents.handlers import create_handlers
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.ledger import dump, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.schema import commits, dead_letters, link_history, links
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.producer import RecordProducer
from streams.publisher import Publisher
from streams.watch.git import EMPTY_TREE, GitMirror
from streams.watch.poll import Poller

MAX_SHOWN = 20
EVERY_COMMIT = 1_000_000
"""No history is so long that it is taken in at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay came to. seconds: of each commit, until its links were durable."""

    mirror: str
    sheets: int
    commits: int
    live_links: int
    links: int
    history: int
    dead_letters: int
    seconds: tuple[float, ...]
    snapshot_seconds: float
    differences: tuple[str, ...]
    """"-": only after the history, "+": only in the snapshot's ledger."""

    @property
    def is_equal(self) -> bool:
        return not self.differences and not self.dead_letters


class Stream:
    """One ledger with its watcher and agents, over a log in memory."""

    def __init__(self, home: Path, pool: Pool) -> None:
        self.settings = StreamsSettings(
            home=home, database_url="", default_licence="MIT", partitions=1, backfill_commits=EVERY_COMMIT
        )
        self.engine = open_ledger(self.settings.database_url)
        upgrade(self.engine)
        self._log = MemoryLog()
        metrics = StreamsMetrics(CollectorRegistry())
        publisher = Publisher(self.engine, WorkerProducer(self._log), metrics)
        producer = cast(RecordProducer, WatcherProducer(self._log))
        self.poller = Poller(self.settings, self.engine, producer, BlobStore(home), metrics)
        handlers = create_handlers(self.settings, self.engine, metrics, pool)
        self._deliveries = [Delivery[Any, Any](handler, self.engine, publisher, metrics) for handler in handlers]
        self._next = {delivery.handler.agent: 0 for delivery in self._deliveries}

    def add(self, mirror: Path, pdfs: Sequence[Path], parts: Sequence[str], *, tip: str | None) -> None:
        """Watch a mirror from a commit on, and some datasheets, and take them all in."""
        with writing(self.engine) as conn:
            for pdf in pdfs:
                sources.add_sheet_source(conn, location=str(pdf.absolute()), now=0.0)
            url = str(mirror.absolute())
            repository = sources.add_repository(conn, url=url, branch=branch_of(mirror), now=0.0, parts=parts)
            if tip is not None:
                sources.record_tip(conn, repository.repo_id, tip)
        with reading(self.engine) as conn:
            found = sources.list_sheet_sources(conn)
            (repository,) = sources.list_repositories(conn)
        for source in found:
            self.poller.poll_sheet(source)
        self.drain("sheets", "links")
        self.poller.poll_repository(repository)

    def drain(self, *agents: str) -> int:
        """Deliver all that waits for these agents, in the order of the flow; return how many records that were."""
        return asyncio.run(self._drain(agents))

    def step(self) -> bool:
        """Deliver the next commit and all that follows from it; False when there is none."""
        if self._next["symbols"] >= self._log.end(topics.COMMITS.name, 0):
            return False
        asyncio.run(self._commit())
        return True

    async def _commit(self) -> None:
        await self._deliver(self._deliveries[0])
        await self._drain(("links", "samples"))

    async def _drain(self, agents: Sequence[str]) -> int:
        count = 0
        while True:
            before = count
            for delivery in self._deliveries:
                if delivery.handler.agent in agents:
                    while await self._deliver(delivery):
                        count += 1
            if count == before:
                return count

    async def _deliver(self, delivery: Delivery[Any, Any]) -> bool:
        agent = delivery.handler.agent
        topic, offset = topics.AGENT_TOPICS[agent].name, self._next[agent]
        if offset >= self._log.end(topic, 0):
            return False
        await delivery.deliver(self._log.read(topic, 0, offset))
        self._next[agent] = offset + 1
        return True


def replay(
    mirror: Path, pdfs: Sequence[Path], *, parts: Sequence[str] = (), last: int | None = None, progress: bool = False
) -> Replayed:
    """Return how the ledger of the last commits (None: all), one after another, compares with the snapshot's."""
    with Pool() as pool, tempfile.TemporaryDirectory(prefix="replay-") as folder:
        one_by_one = Stream(Path(folder) / "history", pool)
        one_by_one.add(mirror, pdfs, parts, tip=before_last(mirror, last))
        seconds = []
        started = time.perf_counter()
        while one_by_one.step():
            now = time.perf_counter()
            seconds.append(now - started)
            started = now
            if progress and len(seconds) % 10 == 0:
                print(f"{len(seconds)} commits, {statistics.median(seconds):.2f} s each", file=sys.stderr, flush=True)
        at_once = Stream(Path(folder) / "snapshot", pool)
        at_once.add(mirror, pdfs, parts, tip=None)
        started = time.perf_counter()
        at_once.step()
        snapshot_seconds = time.perf_counter() - started
        return _compared(mirror, len(pdfs), one_by_one, at_once, seconds, snapshot_seconds)


def before_last(mirror: Path, last: int | None) -> str:
    """Return the commit before the last ones along first parents; the empty tree when there are no more than these."""
    git = GitMirror(mirror)
    head = git._resolve(f"refs/heads/{branch_of(mirror)}")
    assert head is not None
    history = git.history(EMPTY_TREE, head)
    return EMPTY_TREE if last is None or last >= len(history) else history[-last - 1].commit_id


def branch_of(mirror: Path) -> str:
    """Return the name of the branch that a mirror's HEAD names."""
    return (mirror / "HEAD").read_text(encoding="ascii").strip().removeprefix("ref: refs/heads/")


def _compared(
    mirror: Path, num_sheets: int, one_by_one: Stream, at_once: Stream, seconds: list[float], snapshot_seconds: float
) -> Replayed:
    with reading(one_by_one.engine) as conn:
        left = dump.dump(conn).splitlines()
        counts = {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (commits, links, link_history, dead_letters)
        }
        live = len(dump.link_lines(conn))
    with reading(at_once.engine) as conn:
        right = dump.dump(conn).splitlines()
    for stream in (one_by_one, at_once):
        stream.engine.dispose()
    return Replayed(
        mirror=mirror.parent.name if mirror.name == "repo" else mirror.name,
        sheets=num_sheets,
        commits=counts["commits"],
        live_links=live,
        links=counts["links"],
        history=counts["link_history"],
        dead_letters=counts["dead_letters"],
        seconds=tuple(seconds),
        snapshot_seconds=snapshot_seconds,
        differences=tuple(dump.difference(left, right)),
    )


def report(found: Replayed) -> str:
    """Return a replay as lines."""
    median = statistics.median(found.seconds) if found.seconds else 0.0
    lines = [
        f"{found.mirror}: {found.commits} commits one by one, {found.sheets} datasheets",
        f"  links      {found.live_links} live of {found.links} ever seen, {found.history} rows of history",
        f"  seconds    {median:.2f} a commit (median), {sum(found.seconds):.0f} in all; "
        f"{found.snapshot_seconds:.2f} for the snapshot at once",
        f"  equal      {'yes' if found.is_equal else 'no'}: {len(found.differences)} lines differ, "
        f"{found.dead_letters} dead letters",
    ]
    return "\n".join([*lines, *(f"    {line}" for line in found.differences[:MAX_SHOWN])]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__)
    parser.add_argument("mirror", type=Path, help="bare repository")
    parser.add_argument("pdfs", type=Path, nargs="+", help="datasheets", metavar="PDF")
    parser.add_argument("--part", action="append", default=[], help="part that the repository is for")
    parser.add_argument("--last", type=int, help="only the last so many commits along first parents")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    chosen = parser.parse_args(arguments)
    found = replay(chosen.mirror, chosen.pdfs, parts=chosen.part, last=chosen.last, progress=sys.stderr.isatty())
    print(report(found), end="")
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
    return 0 if found.is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
