"""Agent symbols: a commit -> the ledger's tree, parsed files and symbols of its repository.

A commit that follows the ledger's head is applied path by path; any other (the first one, a force-push, a change of
branch) by comparing the trees. Only content that was never parsed is parsed.
"""

import fnmatch
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from mapper.code import is_relevant_path, parse_file
from mapper.errors import SourceError
from mapper.ids import commit_event_id
from mapper.model import SourceFile
from streams import topics
from streams.agents.delivery import Effect
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import Cause, ChangedPath, CommitEvent, MappingChange
from streams.ledger import samples, sources, symbols
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing
from streams.ledger.samples import DropRow
from streams.ledger.sources import Repository
from streams.ledger.symbols import AppliedCommit
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.records import MAX_LISTED_IDS, ChangeRecord, CommitRecord, path_batches
from streams.watch.git import GitMirror, mirror_folder

CHUNK_BYTES = 4 * 1000 * 1000  # of source text that travels to the parser's process at once
CHUNK_FILES = 100


class Mirror(Protocol):
    """What is read of a repository's mirror."""

    def tree(self, commit: str) -> dict[str, str]:
        """Return path -> blob id of a commit."""
        ...

    def changes(self, base: str | None, commit: str) -> list[ChangedPath]:
        """Return what differs between two commits, renames detected."""
        ...

    def read_blobs(self, blob_ids: Iterable[str], *, max_bytes: int = ...) -> Iterator[tuple[str, bytes | None]]:
        """Yield each blob's content, None for one over max_bytes."""
        ...


OpenMirror = Callable[[str], Mirror]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChange:
    """What a commit does to a tree that was at `base`."""

    base: str | None
    new: Mapping[str, str]
    """path -> blob id of the files that came or changed."""
    removed: frozenset[str]
    drops: tuple[DropRow, ...] = ()
    num_parsed: int = 0
    seconds: float = 0.0
    repeated: bool = False
    """The event was applied before, or its commits are recorded only: nothing follows from it now."""


class SymbolsAgent:
    """Applies commits."""

    agent = "symbols"
    record = CommitRecord

    def __init__(
        self, settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, pool: Pool, open_mirror: OpenMirror
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._pool = pool
        self._open_mirror = open_mirror

    def prepare(self, event: CommitEvent) -> TreeChange | None:
        """Return the change of the tree, all its new files parsed and kept; None when the repository was removed."""
        started = time.monotonic()
        with reading(self._engine) as conn:
            repository = sources.find_repository(conn, event.repo_id)
            if repository is None or repository.state == "removed":
                return None
            if not event.mapped:
                return TreeChange(base=repository.head, new={}, removed=frozenset(), repeated=True)
            if symbols.is_recorded(conn, event.event_id) and event.base != repository.head:
                return TreeChange(base=repository.head, new={}, removed=frozenset(), repeated=True)
            old = symbols.read_tree(conn, event.repo_id)
        mirror = self._open_mirror(event.repo_id)
        new, removed = _difference(repository, event, old, mirror)
        drops, num_parsed = self._parse(event.repo_id, new, mirror)
        return TreeChange(
            base=repository.head,
            new=new,
            removed=frozenset(removed),
            drops=tuple(drops),
            num_parsed=num_parsed,
            seconds=time.monotonic() - started,
        )

    def apply(self, conn: Connection, event: CommitEvent, prepared: TreeChange | None) -> Effect:
        """Write tree, symbols, commit and head; tell the links agent if anything that counts changed."""
        repository = sources.lock_repository(conn, event.repo_id)
        if prepared is None or repository is None or repository.state == "removed":
            return Effect(result="dropped", count=lambda: self._metrics.drops.labels(self.agent, "removed").inc())
        if repository.head != prepared.base:
            raise MovedError(f"repository {event.repo_id}: head moved from {prepared.base} to {repository.head}")
        now, paths = time.time(), {*prepared.new, *prepared.removed}
        symbols.record_commits(conn, _recorded(event, now))
        if prepared.repeated or (event.commit == event.base and not paths):
            return Effect(event_time=event.commit_time)
        symbols.write_tree(conn, event.repo_id, prepared.new, prepared.removed)
        files = symbols.load_parsed(conn, prepared.new)
        changed = symbols.replace_symbols(conn, event.repo_id, paths, files.values(), event.commit)
        samples.replace_drops(conn, self.agent, event.repo_id, paths, prepared.drops)
        if event.commit == repository.head:  # the same head, read anew: other path globs, say
            sources.forget_linked(conn, event.repo_id)
        sources.record_head(conn, event.repo_id, event.commit, event.commit_time)
        symbols.record_commit(conn, _applied(event, prepared, len(changed), now))
        return Effect(
            records=tuple(_records(event, paths, changed)),
            event_time=event.commit_time,
            count=lambda: self._count(prepared, len(changed)),
        )

    def _parse(self, repo_id: str, files: Mapping[str, str], mirror: Mirror) -> tuple[list[DropRow], int]:
        """Parse what was never parsed and keep it (by content: that is right even if this commit is never applied)."""
        with reading(self._engine) as conn:
            missing = symbols.unparsed(conn, files)
        drops: list[DropRow] = []
        num_parsed = 0
        for chunk in _chunks(self._read(repo_id, missing, mirror, drops)):
            parsed, refused = self._pool.call(parse_chunk, chunk)
            with writing(self._engine) as conn:
                symbols.store_parsed(conn, parsed)
            drops += [_drop(repo_id, path, missing[path], reason, detail) for path, reason, detail in refused]
            num_parsed += len(parsed)
        return drops, num_parsed

    def _read(
        self, repo_id: str, files: Mapping[str, str], mirror: Mirror, drops: list[DropRow]
    ) -> Iterator[tuple[str, bytes]]:
        limit = self._settings.max_file_bytes
        paths = sorted(files)
        for path, (blob, data) in zip(
            paths, mirror.read_blobs([files[path] for path in paths], max_bytes=limit), strict=True
        ):
            if data is None:
                drops.append(_drop(repo_id, path, blob, "too_large", f"{path}: more than {limit} bytes"))
            else:
                yield path, data

    def _count(self, prepared: TreeChange, num_symbols: int) -> None:
        self._metrics.files_parsed.inc(prepared.num_parsed)
        self._metrics.symbols_changed.inc(num_symbols)
        for drop in prepared.drops:
            self._metrics.drops.labels(self.agent, drop.reason).inc()


def open_mirrors(home: Path) -> OpenMirror:
    """Return what opens the mirrors below a home."""
    return lambda repo_id: GitMirror(mirror_folder(home, repo_id))


def parse_chunk(files: list[tuple[str, bytes]]) -> tuple[list[SourceFile], list[tuple[str, str, str]]]:
    """Return the parsed files, and (path, reason, message) of those refused."""
    parsed, refused = [], []
    for path, data in files:
        try:
            parsed.append(parse_file(path, data))
        except SourceError as error:
            refused.append((path, error.reason, str(error)))
    return parsed, refused


def is_wanted(repository: Repository, path: str) -> bool:
    """Return whether a path of a repository is read at all."""
    globs = repository.path_globs
    return is_relevant_path(path) and (not globs or any(fnmatch.fnmatchcase(path, glob) for glob in globs))


def _difference(
    repository: Repository, event: CommitEvent, old: Mapping[str, str], mirror: Mirror
) -> tuple[dict[str, str], set[str]]:
    """Return path -> blob id of what is new, and the paths that are gone."""
    if event.complete and event.base is not None and event.base == repository.head:
        new = {c.path: c.blob_id for c in event.changed if c.blob_id is not None and is_wanted(repository, c.path)}
        gone = {c.path for c in event.changed if c.status == "D"}
        gone |= {c.old_path for c in event.changed if c.status == "R" and c.old_path is not None}
        return new, (gone - new.keys()) & old.keys()
    tree = {path: blob for path, blob in mirror.tree(event.commit).items() if is_wanted(repository, path)}
    return {path: blob for path, blob in tree.items() if old.get(path) != blob}, old.keys() - tree.keys()


def _chunks(files: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    chunk: list[tuple[str, bytes]] = []
    num_bytes = 0
    for path, data in files:
        chunk.append((path, data))
        num_bytes += len(data)
        if num_bytes >= CHUNK_BYTES or len(chunk) >= CHUNK_FILES:
            yield chunk
            chunk, num_bytes = [], 0
    if chunk:
        yield chunk


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


def _records(event: CommitEvent, paths: Iterable[str], changed: tuple[str, ...]) -> Iterator[Outgoing]:
    detail = event.summary
    if event.backfill:
        detail = f"backfill of {event.backfill + 1} commits up to {event.commit[:12]}: {event.summary}"
    cause = Cause(kind="commit", id=event.commit, time=event.commit_time, detail=detail)
    # Nothing to map is told as well: links are then of the new head, and known to be.
    for number, batch in enumerate(list(path_batches(paths)) or [()]):
        change = MappingChange(
            cause=cause,
            repo_id=event.repo_id,
            paths=batch,
            symbol_ids=changed[:MAX_LISTED_IDS] if number == 0 else (),
        )
        yield Outgoing(topic=topics.CHANGES.name, key=event.repo_id, value=ChangeRecord.from_domain(change).encode())


def _drop(repo_id: str, path: str, blob: str, reason: str, detail: str) -> DropRow:
    return DropRow(
        stage=SymbolsAgent.agent,
        reason=reason,
        repo_id=repo_id,
        path=path,
        blob_id=blob,
        detail=detail,
        dropped_at=time.time(),
    )
