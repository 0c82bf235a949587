"""What a small commit costs the agents beside mapping its repository anew, and whether both end in the same links.

The last commits of a bare repository along first parents go through the agents symbols and links into a ledger of
their own, in this process, so that its CPU time (with git's) is all there is. A full mapping is the same agents on an
empty ledger that get the newest commit alone: every file parsed, every datasheet linked.
"""

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from bench.in_process import InProcess
from mapper.ids import commit_event_id
from mapper.model import Datasheet
from streams import topics
from streams.agents.links import LinksAgent
from streams.agents.symbols import SymbolsAgent
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import CommitEvent
from streams.ledger import dump, sheets, sources, symbols
from streams.ledger.costs import recent_costs
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.records import ChangeRecord
from streams.watch.git import GitMirror
from streams.watch.gitcommand import run_git

TARGET_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCost:
    """CPU time of both agents and git for one commit, and the wall time of the longer of their ledger transactions."""

    num_files: int
    """Files that the commit changed; all of them for a full mapping."""
    num_decisions: int
    """Datasheets whose links were decided anew."""
    cpu_seconds: float
    ledger_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCost:
    """Commits of one repository beside a full mapping of its newest one."""

    repository: str
    num_files: int
    num_sheets: int
    num_links: int
    commits: tuple[EventCost, ...]
    full: EventCost
    equal: bool
    """Whether the ledger after the commits has the lines of the one mapped anew."""

    def median_share(self) -> float:
        """Return a commit's median CPU time as a share of the full mapping's."""
        return statistics.median(cost.cpu_seconds for cost in self.commits) / self.full.cpu_seconds


def measure_repository(
    home: Path, repository: Path, datasheets: Sequence[Datasheet], *, last: int, say: Callable[[str], object]
) -> RepositoryCost:
    """Return what the last commits of a bare repository cost after the one before them was mapped at once."""
    mirror = GitMirror(repository)
    listed = run_git(["rev-list", "--first-parent", f"--max-count={last + 1}", "HEAD"], folder=repository)
    commits = listed.decode().split()[::-1]
    say(f"{repository}: the commit before the last {len(commits) - 1}")
    stream = Agents(home / "commits", mirror, datasheets)
    stream.apply(commits[0], None)
    say(f"{repository}: {len(commits) - 1} commits")
    costs = [stream.apply(commit, base) for base, commit in pairwise(commits)]
    say(f"{repository}: the newest commit mapped anew")
    scratch = Agents(home / "scratch", mirror, datasheets)
    full = scratch.apply(commits[-1], None)
    num_files, num_links, lines = stream.state()
    name = repository.parent.name if repository.name == "repo" else repository.name.removesuffix(".git")
    return RepositoryCost(
        repository=name,
        num_files=num_files,
        num_sheets=len(datasheets),
        num_links=num_links,
        commits=tuple(costs),
        full=full,
        equal=lines == scratch.state()[2],
    )


class Agents:
    """The symbols and links agents over a ledger of their own, with these datasheets in it."""

    def __init__(self, home: Path, mirror: GitMirror, datasheets: Sequence[Datasheet]) -> None:
        home.mkdir(parents=True)
        settings = StreamsSettings(home=home, default_licence="MIT")
        self._engine: Engine = open_ledger(settings.database_url)
        upgrade(self._engine)
        self._mirror = mirror
        metrics, pool = StreamsMetrics(CollectorRegistry()), cast(Pool, InProcess())
        self._symbols = SymbolsAgent(settings, self._engine, metrics, pool, lambda _: mirror)
        self._links = LinksAgent(self._engine, metrics, pool, lambda _: mirror, settings=settings)
        with writing(self._engine) as conn:
            self._repo_id = sources.add_repository(conn, url=str(mirror.folder), now=0.0).repo_id
            for sheet in datasheets:
                sheets.write_sheet(
                    conn, sheet, source_id="bench", released_at=1.0, read_at=1.0, seconds=0.0, current=True
                )

    def apply(self, commit: str, base: str | None) -> EventCost:
        """Let both agents apply a commit and what follows from it; base None: as the first of the repository."""
        changed = tuple(self._mirror.changes(base, commit)) if base else ()
        event = CommitEvent(
            event_id=commit_event_id(self._repo_id, commit, base), repo_id=self._repo_id, family=self._repo_id,
            ref="HEAD", commit=commit, base=base, changed=changed, complete=base is not None, commit_time=1.0,
            summary="",
        )  # fmt: skip
        cpu = _cpu_seconds()
        records, held = self._deliver(self._symbols, event)
        for record in records:
            if record.topic == topics.CHANGES.name:
                held = max(held, self._deliver(self._links, ChangeRecord.decode(record.value).to_domain())[1])
        spent = _cpu_seconds() - cpu
        with reading(self._engine) as conn:
            costs = recent_costs(conn, repo_id=self._repo_id)
        taken = next((cost.decisions_taken for cost in costs if cost.agent == LinksAgent.agent), 0)
        return EventCost(num_files=len(changed), num_decisions=taken, cpu_seconds=spent, ledger_seconds=held)

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


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the git processes that ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
