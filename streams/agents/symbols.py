"""Agent symbols: a commit -> the ledger's tree, parsed files and symbols of its repository.

A commit that follows the ledger's head is applied path by path; any other (the first one, a force-push, a change of
branch) by comparing the trees. Only content that was never parsed is parsed. When another version of the mapper parsed
the ledger's tree, all of it is read again, whatever the occasion: a tree is of one version.
"""

import fnmatch
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine

from mapper.code import is_relevant_path
from mapper.ids import commit_event_id
from mapper.model import SourceFile
from mapper.version import parser_version
from streams import topics
from streams.agents.delivery import Effect
from streams.agents.parsing import STAGE, FileParser, Mirror
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import Cause, CommitEvent, MappingChange
from streams.ledger import costs, pending, samples, sources, symbols
from streams.ledger.costs import Cost
from streams.ledger.engine import reading
from streams.ledger.outbox import Outgoing
from streams.ledger.samples import DropRow
from streams.ledger.sources import Repository
from streams.ledger.symbols import AppliedCommit
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.records import MAX_LISTED_IDS, ChangeRecord, CommitRecord, path_batches
from streams.upgrade import upgrade_cause
from streams.watch.git import GitMirror, mirror_folder

OpenMirror = Callable[[str], Mirror]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChange:
    """What a commit does to a tree that was at `base`, as `parser` had read it."""

    base: str | None
    parser: str | None
    commit: str
    """The head that the tree is of then; after an upgrade it is the one that it was."""
    new: Mapping[str, str]
    """path -> blob id of the files that came or changed, or are read again."""
    removed: frozenset[str]
    touched: frozenset[str] = frozenset()
    """What came, went or changed with the commit itself."""
    read_again: frozenset[str] | None = None
    """What of the rest this version reads differently; None: the same version had read it."""
    drops: tuple[DropRow, ...] = ()
    num_parsed: int = 0
    renames: Mapping[str, str] = field(default_factory=dict)
    """New path -> old path, as git compares the commit with the one before."""
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    repeated: bool = False
    """The event was applied before, or its commits are recorded only: nothing follows from it now."""

    @property
    def paths(self) -> set[str]:
        """All paths that are written."""
        return {*self.new, *self.removed}


class SymbolsAgent:
    """Applies commits."""

    agent = STAGE
    record = CommitRecord

    def __init__(
        self, settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, pool: Pool, open_mirror: OpenMirror
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._parser = FileParser(settings, engine, pool)
        self._open_mirror = open_mirror

    def prepare(self, event: CommitEvent) -> TreeChange | None:
        """Return the change of the tree, all its new files parsed and kept; None when the repository was removed."""
        started, cpu = time.monotonic(), time.thread_time()
        with reading(self._engine) as conn:
            repository = sources.find_repository(conn, event.repo_id)
            if repository is None or repository.state == "removed":
                return None
            if _is_done(conn, event, repository):
                return _nothing(event, repository)
            old = symbols.read_tree(conn, event.repo_id)
        mirror = self._open_mirror(event.repo_id)
        commit = event.commit if event.upgrade is None or repository.head is None else repository.head
        if _is_outdated(repository):
            new, removed = _whole(repository, commit, old, mirror)
        else:
            new, removed = _difference(repository, event, old, mirror)
        parsed = self._parser.parse(event.repo_id, new, mirror)
        same = {path: blob for path, blob in new.items() if old.get(path) == blob}
        return TreeChange(
            base=repository.head,
            parser=repository.parser,
            commit=commit,
            new=new,
            removed=frozenset(removed),
            touched=frozenset((new.keys() - same.keys()) | removed),
            read_again=self._read_differently(repository, same) if _is_outdated(repository) else None,
            drops=parsed.drops,
            num_parsed=parsed.num_parsed,
            renames={c.path: c.old_path for c in event.changed if c.old_path is not None and c.path in new},
            cpu_seconds=time.thread_time() - cpu,
            seconds=time.monotonic() - started,
        )

    def apply(self, conn: Connection, event: CommitEvent, prepared: TreeChange | None) -> Effect:
        """Write tree, symbols, commit and head; tell the links agent if anything that counts changed."""
        repository = sources.lock_repository(conn, event.repo_id)
        if prepared is None or repository is None or repository.state == "removed":
            return Effect(result="dropped", count=lambda: self._metrics.drops.labels(self.agent, "removed").inc())
        if (repository.head, repository.parser) != (prepared.base, prepared.parser):
            raise MovedError(f"repository {event.repo_id}: head moved from {prepared.base} to {repository.head}")
        now, head_time, paths = time.time(), event.commit_time, prepared.paths
        cpu, wall = time.thread_time(), time.monotonic()
        symbols.record_commits(conn, _recorded(event, now))
        if prepared.repeated or (event.upgrade is None and event.commit == event.base and not paths):
            return Effect(event_time=event.commit_time)
        symbols.write_tree(conn, event.repo_id, prepared.new, prepared.removed)
        files = _load(conn, event.repo_id, prepared)
        changed = symbols.replace_symbols(conn, event.repo_id, paths, files.values(), prepared.commit)
        if repository.was_linked:  # else nothing has links yet that could change
            _note_pending(conn, event, prepared, changed)
        samples.replace_drops(conn, self.agent, event.repo_id, paths, prepared.drops)
        if event.upgrade is None:
            symbols.record_commit(conn, _applied(event, prepared, len(changed), now))
            if event.commit == repository.head:  # the same head, read anew: other path globs, say
                sources.forget_linked(conn, event.repo_id)
        elif repository.head_time is not None:
            head_time = repository.head_time
        sources.record_head(conn, event.repo_id, prepared.commit, head_time)
        cost = Cost(
            agent=self.agent,
            repo_id=event.repo_id,
            cause_kind="commit" if event.upgrade is None else "upgrade",
            cause_id=event.upgrade or event.commit,
            files_parsed=prepared.num_parsed,
            symbols_changed=len(changed),
            cpu_seconds=prepared.cpu_seconds + time.thread_time() - cpu,
            wall_seconds=prepared.seconds + time.monotonic() - wall,
            recorded_at=now,
        )
        costs.record_cost(conn, cost, led_to=event.event_id)
        return Effect(
            records=tuple(_records(event, prepared, changed)),
            event_time=event.commit_time,
            count=lambda: self._count(prepared, cost),
        )

    def _read_differently(self, repository: Repository, files: Mapping[str, str]) -> frozenset[str]:
        with reading(self._engine) as conn:
            alike = symbols.read_alike(conn, files, old=repository.parser or "", new=parser_version())
        return frozenset(files.keys() - alike)

    def _count(self, prepared: TreeChange, cost: Cost) -> None:
        self._metrics.files_parsed.inc(prepared.num_parsed)
        self._metrics.symbols_changed.inc(cost.symbols_changed)
        self._metrics.count_cost(cost)
        for drop in prepared.drops:
            self._metrics.drops.labels(self.agent, drop.reason).inc()


def open_mirrors(home: Path) -> OpenMirror:
    """Return what opens the mirrors below a home."""
    return lambda repo_id: GitMirror(mirror_folder(home, repo_id))


def is_wanted(repository: Repository, path: str) -> bool:
    """Return whether a path of a repository is read at all."""
    globs = repository.path_globs
    return is_relevant_path(path) and (not globs or any(fnmatch.fnmatchcase(path, glob) for glob in globs))


def _is_outdated(repository: Repository) -> bool:
    return repository.head is not None and repository.parser != parser_version()


def _is_done(conn: Connection, event: CommitEvent, repository: Repository) -> bool:
    """Return whether nothing is left to do for an event; what another version asks for is left to its workers."""
    if not event.mapped:
        return True
    if event.upgrade is not None:
        return event.upgrade != parser_version() or not _is_outdated(repository)
    return symbols.is_recorded(conn, event.event_id) and event.base != repository.head


def _nothing(event: CommitEvent, repository: Repository) -> TreeChange:
    return TreeChange(
        base=repository.head,
        parser=repository.parser,
        commit=event.commit,
        new={},
        removed=frozenset(),
        repeated=True,
    )


def _whole(
    repository: Repository, commit: str, old: Mapping[str, str], mirror: Mirror
) -> tuple[dict[str, str], set[str]]:
    """Return path -> blob id of all that a commit has, and the paths of the ledger that it has not."""
    tree = {path: blob for path, blob in mirror.tree(commit).items() if is_wanted(repository, path)}
    return tree, old.keys() - tree.keys()


def _difference(
    repository: Repository, event: CommitEvent, old: Mapping[str, str], mirror: Mirror
) -> tuple[dict[str, str], set[str]]:
    """Return path -> blob id of what is new, and the paths that are gone."""
    if event.complete and event.base is not None and event.base == repository.head:
        new = {c.path: c.blob_id for c in event.changed if c.blob_id is not None and is_wanted(repository, c.path)}
        gone = {c.path for c in event.changed if c.status == "D"}
        gone |= {c.old_path for c in event.changed if c.status == "R" and c.old_path is not None}
        return new, (gone - new.keys()) & old.keys()
    tree, removed = _whole(repository, event.commit, old, mirror)
    return {path: blob for path, blob in tree.items() if old.get(path) != blob}, removed


def _load(conn: Connection, repo_id: str, change: TreeChange) -> dict[str, SourceFile]:
    """Return the parsed files of a change. Raises MovedError when some were removed since they were parsed."""
    files = symbols.load_parsed(conn, change.new)
    missing = change.new.keys() - files.keys() - {drop.path for drop in change.drops}
    if missing:
        raise MovedError(f"repository {repo_id}: {len(missing)} parsed files are gone, {min(missing)} among them")
    return files


def _note_pending(conn: Connection, event: CommitEvent, change: TreeChange, changed: tuple[str, ...]) -> None:
    """Note what the commit changed, for the causes of links; what is only read otherwise is no commit's doing."""
    commit = symbols.Commit(change.commit, event.commit_time)
    own = changed if change.read_again is None else ()
    pending.note_changes(conn, event.repo_id, commit, symbols=own, paths=change.touched, renames=change.renames)


def _applied(event: CommitEvent, prepared: TreeChange, num_symbols: int, now: float) -> AppliedCommit:
    return AppliedCommit(
        event_id=event.event_id,
        repo_id=event.repo_id,
        commit_id=event.commit,
        base=event.base,
        summary=event.summary,
        commit_time=event.commit_time,
        applied_at=now,
        files_changed=len(prepared.new) + len(prepared.removed),
        files_parsed=prepared.num_parsed,
        symbols_changed=num_symbols,
        seconds=prepared.seconds,
    )


def _recorded(event: CommitEvent, now: float) -> list[AppliedCommit]:
    """Return the commits that an event brings besides its own, none of them read; the times keep their order."""
    return [
        AppliedCommit(
            event_id=commit_event_id(event.repo_id, earlier.commit, earlier.base),
            repo_id=event.repo_id,
            commit_id=earlier.commit,
            base=earlier.base,
            summary=earlier.summary,
            commit_time=earlier.commit_time,
            applied_at=now - 1e-6 * (len(event.earlier) - number),
            files_changed=earlier.num_changed,
            files_parsed=0,
            symbols_changed=0,
            seconds=0.0,
            mapped=False,
        )
        for number, earlier in enumerate(event.earlier)
    ]


def _records(event: CommitEvent, change: TreeChange, changed: tuple[str, ...]) -> Iterator[Outgoing]:
    """Yield what the commit changed, then what another version of the parser reads differently."""
    listed = changed[:MAX_LISTED_IDS]
    if event.upgrade is None:
        detail = event.summary
        if event.backfill:
            detail = f"backfill of {event.backfill + 1} commits up to {event.commit[:12]}: {event.summary}"
        cause = Cause(kind="commit", id=event.commit, time=event.commit_time, detail=detail)
        # Nothing to map is told as well: links are then of the new head, and known to be.
        for batch in list(path_batches(change.touched)) or [()]:
            yield _change(event.repo_id, cause, batch, listed)
            listed = ()
    if change.read_again is not None:
        cause = upgrade_cause(parser_version(), event.commit_time, "read again")
        paths = change.read_again if event.upgrade is None else change.read_again | change.touched
        for batch in list(path_batches(paths)) or [()]:  # the links are due even if no file reads otherwise
            yield _change(event.repo_id, cause, batch, listed)
            listed = ()


def _change(repo_id: str, cause: Cause, paths: tuple[str, ...], symbol_ids: tuple[str, ...]) -> Outgoing:
    change = MappingChange(cause=cause, repo_id=repo_id, paths=paths, symbol_ids=symbol_ids)
    return Outgoing(topic=topics.CHANGES.name, key=repo_id, value=ChangeRecord.from_domain(change).encode())
