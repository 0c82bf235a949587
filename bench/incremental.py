"""Measure what a commit costs the agents: `python -m bench.incremental MIRROR PDF... [--commits N] [--json PATH]`.

The last commits of a git mirror along first parents go through the symbols and the links agent, into a ledger of its
own, as the worker does it but in one process, so that its CPU time is all there is (git's own beside it). After every
few of them everything is mapped from scratch: what the ledger holds must be equal, and that CPU time is what is saved.
"""

import argparse
import dataclasses
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine

from mapper.datasheet import read_datasheet
from mapper.ids import commit_event_id
from streams.agents.links import LinksAgent, map_bodies
from streams.agents.symbols import SymbolsAgent
from streams.audit import audit
from streams.config import StreamsSettings
from streams.events import CommitEvent
from streams.ledger import outbox, sheets, sources, symbols
from streams.ledger.costs import recent_costs
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.metrics import StreamsMetrics
from streams.records import ChangeRecord
from streams.watch.git import GitMirror
from streams.watch.gitcommand import run_git

CHECK_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCost:
    """One commit. ledger_seconds: the longer of the two agents' transactions."""

    commit: str
    files: int
    decisions: int
    cpu_seconds: float
    wall_seconds: float
    ledger_seconds: float


class HerePool:
    """Calls at once: all work is in this process's CPU time."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


class Replay:
    """A repository whose commits come one after the other."""

    def __init__(self, home: Path, mirror: GitMirror, pdfs: list[Path]) -> None:
        settings = StreamsSettings(home=home, database_url=f"sqlite:///{home / 'ledger.db'}")
        self.engine: Engine = open_ledger(settings.database_url)
        upgrade(self.engine)
        self.mirror = mirror
        metrics, pool = StreamsMetrics(CollectorRegistry()), HerePool()
        self.symbols = SymbolsAgent(settings, self.engine, metrics, pool, lambda _: mirror)  # type: ignore[arg-type]
        self.links = LinksAgent(self.engine, metrics, pool, lambda _: mirror, settings=settings)  # type: ignore[arg-type]
        with writing(self.engine) as conn:
            self.repo_id = sources.add_repository(conn, url=str(mirror.folder), now=0.0).repo_id
            for pdf in pdfs:
                sheet = read_datasheet(pdf.read_bytes(), file=pdf.name)
                sheets.write_sheet(
                    conn, sheet, source_id=pdf.name, released_at=1.0, read_at=1.0, seconds=0.0, current=True
                )

    def move(self, commit: str, base: str | None) -> CommitCost:
        """Apply a commit through both agents."""
        changed = tuple(self.mirror.changes(base, commit)) if base else ()
        event = CommitEvent(
            event_id=commit_event_id(self.repo_id, commit, base),
            repo_id=self.repo_id,
            family=self.repo_id,
            ref="HEAD",
            commit=commit,
            base=base,
            changed=changed,
            complete=base is not None,
            commit_time=time.time(),
            summary="",
        )
        held: list[float] = []
        cpu, wall = _cpu_seconds(), time.perf_counter()
        for record in self._deliver(self.symbols, event, held):
            self._deliver(self.links, ChangeRecord.decode(record.value).to_domain(), held)
        with reading(self.engine) as conn:
            taken = _last_taken(conn, self.repo_id)
        return CommitCost(
            commit=commit,
            files=len(changed),
            decisions=taken,
            cpu_seconds=_cpu_seconds() - cpu,
            wall_seconds=time.perf_counter() - wall,
            ledger_seconds=max(held),
        )

    def full(self) -> float:
        """Return the CPU seconds of mapping the ledger's parsed files from scratch."""
        with reading(self.engine) as conn:
            trees = symbols.tree_bodies(conn, self.repo_id)
            bodies = list(sheets.current_bodies(conn).values())
        started = _cpu_seconds()
        map_bodies(trees, bodies, self.repo_id, ())
        return _cpu_seconds() - started

    def _deliver(self, agent: Any, event: Any, held: list[float]) -> list[Any]:
        prepared = agent.prepare(event)
        started = time.perf_counter()
        with writing(self.engine) as conn:
            effect = agent.apply(conn, event, prepared)
            outbox.put(conn, effect.records, time.time())
        held.append(time.perf_counter() - started)
        return list(effect.records)


def main() -> None:
    arguments = _arguments()
    mirror = GitMirror(arguments.mirror)
    commits = _first_parents(mirror, arguments.commits + 1)
    with tempfile.TemporaryDirectory() as folder:
        replay = Replay(Path(folder), mirror, arguments.pdfs)
        with _said("first mapping"):
            replay.move(commits[0], None)
        costs, full, clean = [], [], []
        for number, (base, commit) in enumerate(pairwise(commits), start=1):
            costs.append(replay.move(commit, base))
            if number % CHECK_EVERY == 0:
                full.append(replay.full())
                clean.append(audit(replay.engine).is_clean)
        with reading(replay.engine) as conn:
            num_files, num_sheets = len(symbols.read_tree(conn, replay.repo_id)), len(sheets.list_sheets(conn))
    _write(costs, full, clean, num_files, num_sheets)
    if arguments.json:
        found = {"full_cpu_seconds": full, "equal": clean, "commits": [dataclasses.asdict(cost) for cost in costs]}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def _write(costs: list[CommitCost], full: list[float], clean: list[bool], num_files: int, num_sheets: int) -> None:
    whole = statistics.median(full) if full else float("nan")
    print(f"{len(costs)} commits, {num_files} files, {num_sheets} datasheets")
    for title, values in (
        ("files changed", [float(cost.files) for cost in costs]),
        ("decisions taken anew", [float(cost.decisions) for cost in costs]),
        ("CPU ms, both agents and git", [cost.cpu_seconds * 1000 for cost in costs]),
        ("ms from commit to links", [cost.wall_seconds * 1000 for cost in costs]),
        ("ms of the longer transaction", [cost.ledger_seconds * 1000 for cost in costs]),
        ("% of a mapping from scratch", [cost.cpu_seconds / whole * 100 for cost in costs]),
    ):
        ordered = sorted(values)
        high = ordered[int(0.95 * (len(ordered) - 1))]
        print(f"{title:32} median {statistics.median(values):9.2f}   p95 {high:9.2f}   most {max(values):9.2f}")
    print(f"{'mapping from scratch, CPU ms':32} median {whole * 1000:9.2f}")
    print(f"equal to a mapping from scratch: {sum(clean)} of {len(clean)}")


def _last_taken(conn: Connection, repo_id: str) -> int:
    return next((cost.decisions_taken for cost in recent_costs(conn, repo_id=repo_id) if cost.agent == "links"), 0)


def _first_parents(mirror: GitMirror, number: int) -> list[str]:
    listed = run_git(["rev-list", "--first-parent", f"--max-count={number}", "HEAD"], folder=mirror.folder)
    return listed.decode().split()[::-1]


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the git processes that ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@contextmanager
def _said(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.1f} s", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mirror", type=Path, help="a bare repository")
    parser.add_argument("pdfs", type=Path, nargs="+", help="datasheets")
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
