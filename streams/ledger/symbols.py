"""Trees, parsed files and symbols: what the head commit of each repository holds.

A parsed file is kept by blob and path, whichever commit has it: parsing again what was parsed once is never needed.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_

from mapper.ids import symbol_id
from mapper.model import SourceFile, Symbol
from streams.ledger.bodies import pack, unpack
from streams.ledger.engine import BATCH_ROWS
from streams.ledger.indexes import equals
from streams.ledger.schema import commits, parsed_files, symbols, tree_files
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedCommit:
    """A commit as applied, with what it cost."""

    event_id: str
    repo_id: str
    commit_id: str
    base: str | None
    summary: str
    commit_time: float
    applied_at: float
    files_changed: int
    files_parsed: int
    symbols_changed: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRow:
    """A symbol of a repository's head."""

    symbol_id: str
    repo_id: str
    path: str
    kind: str
    name: str
    scope: str | None
    line: int
    end_line: int
    value: int | None
    revision: str
    commit_id: str
    """The commit that last changed it."""


def read_tree(conn: Connection, repo_id: str) -> dict[str, str]:
    """Return path -> blob id of a repository's head, in path order."""
    query = select(tree_files.c.path, tree_files.c.blob_id).where(tree_files.c.repo_id == repo_id)
    return {row.path: row.blob_id for row in conn.execute(query.order_by(tree_files.c.path))}


def write_tree(conn: Connection, repo_id: str, new: Mapping[str, str], removed: Iterable[str]) -> None:
    """Set these paths of a repository's tree, and remove those."""
    for batch in _batches(sorted(removed)):
        conn.execute(delete(tree_files).where(tree_files.c.repo_id == repo_id, tree_files.c.path.in_(batch)))
    upsert(
        conn, tree_files, [{"repo_id": repo_id, "path": path, "blob_id": blob} for path, blob in sorted(new.items())]
    )


def unparsed(conn: Connection, files: Mapping[str, str]) -> dict[str, str]:
    """Return the part of path -> blob id that was never parsed."""
    known: set[tuple[str, str]] = set()
    for batch in _batches(sorted(files.items())):
        query = select(parsed_files.c.path, parsed_files.c.blob_id)
        known.update((row.path, row.blob_id) for row in conn.execute(query.where(_file_in(batch))))
    return {path: blob for path, blob in files.items() if (path, blob) not in known}


def store_parsed(conn: Connection, files: Sequence[SourceFile]) -> None:
    """Keep parsed files; those known stay."""
    rows = {(f.blob_id, f.path): {"blob_id": f.blob_id, "path": f.path, "body": pack(f)} for f in files}
    upsert(conn, parsed_files, list(rows.values()), update=())


def load_parsed(conn: Connection, files: Mapping[str, str]) -> dict[str, SourceFile]:
    """Return the parsed files among path -> blob id, by path."""
    found = {}
    for batch in _batches(sorted(files.items())):
        query = select(parsed_files.c.path, parsed_files.c.body).where(_file_in(batch))
        found.update({row.path: unpack(SourceFile, row.body) for row in conn.execute(query)})
    return found


def tree_bodies(conn: Connection, repo_id: str) -> list[bytes]:
    """Return the packed SourceFiles of a repository's head, in path order."""
    here = (tree_files.c.blob_id == parsed_files.c.blob_id) & (tree_files.c.path == parsed_files.c.path)
    query = select(parsed_files.c.body).join(tree_files, here).where(tree_files.c.repo_id == repo_id)
    return list(conn.execute(query.order_by(tree_files.c.path)).scalars())


def symbol_revisions(conn: Connection, repo_id: str, paths: Collection[str]) -> dict[str, str]:
    """Return symbol id -> revision of the symbols in these paths."""
    found = {}
    for batch in _batches(sorted(paths)):
        query = select(symbols.c.symbol_id, symbols.c.revision)
        rows = conn.execute(query.where(symbols.c.repo_id == repo_id, symbols.c.path.in_(batch)))
        found.update({row.symbol_id: row.revision for row in rows})
    return found


def replace_symbols(
    conn: Connection, repo_id: str, paths: Collection[str], files: Iterable[SourceFile], commit: str
) -> tuple[str, ...]:
    """Make the symbols of these files those of these paths; returns the ids that came, went or changed, sorted."""
    before = symbol_revisions(conn, repo_id, paths)
    rows = {row["symbol_id"]: row for file in files for row in _symbol_rows(repo_id, file, commit)}
    gone = sorted(before.keys() - rows.keys())
    changed = [row for key, row in rows.items() if before.get(key) != row["revision"]]
    same = [row for key, row in rows.items() if before.get(key) == row["revision"]]
    for batch in _batches(gone):
        conn.execute(delete(symbols).where(symbols.c.symbol_id.in_(batch)))
    upsert(conn, symbols, changed)
    upsert(conn, symbols, same, update=("line", "end_line", "value"))
    return tuple(sorted([*gone, *(row["symbol_id"] for row in changed)]))


def record_commit(conn: Connection, commit: AppliedCommit) -> None:
    """Note a commit as applied; the same one again rewrites its row."""
    upsert(conn, commits, [dataclasses.asdict(commit)])


def is_recorded(conn: Connection, event_id: str) -> bool:
    """Return whether a commit event was applied."""
    return conn.execute(select(commits.c.event_id).where(commits.c.event_id == event_id)).one_or_none() is not None


def symbol_ids(conn: Connection, repo_id: str) -> set[str]:
    """Return the ids of all symbols of a repository's head."""
    return set(conn.execute(select(symbols.c.symbol_id).where(symbols.c.repo_id == repo_id)).scalars())


def recent_commits(conn: Connection, *, repo_id: str | None = None, limit: int = 20) -> list[AppliedCommit]:
    """Return applied commits, newest first."""
    query = select(commits).order_by(commits.c.applied_at.desc(), commits.c.event_id).limit(limit)
    if repo_id is not None:
        query = query.where(commits.c.repo_id == repo_id)
    return [AppliedCommit(**row._mapping) for row in conn.execute(query)]


def find_symbols(conn: Connection, name: str, *, repo_id: str | None = None, limit: int = 100) -> list[SymbolRow]:
    """Return the symbols of a name, by repository and path."""
    query = (
        select(symbols).where(equals(symbols.c.name, name)).order_by(symbols.c.repo_id, symbols.c.path, symbols.c.line)
    )
    if repo_id is not None:
        query = query.where(symbols.c.repo_id == repo_id)
    return [
        SymbolRow(**{**row._mapping, "value": None if row.value is None else int(row.value)})
        for row in conn.execute(query.limit(limit))
    ]


def _symbol_rows(repo_id: str, file: SourceFile, commit: str) -> Iterable[dict[str, Any]]:
    # A name defined twice in one file (two branches of an #if) is one symbol: its first definition.
    for symbol in reversed(file.symbols):
        yield _symbol_row(repo_id, symbol, commit)


def _symbol_row(repo_id: str, symbol: Symbol, commit: str) -> dict[str, Any]:
    return {
        "symbol_id": symbol_id(repo_id, symbol.path, symbol.kind, symbol.qualified_name),
        "repo_id": repo_id,
        "path": symbol.path,
        "kind": symbol.kind,
        "name": symbol.name,
        "scope": symbol.scope,
        "line": symbol.line,
        "end_line": symbol.end_line,
        "value": None if symbol.value is None else str(symbol.value),
        "revision": symbol.revision,
        "commit_id": commit,
    }


def _file_in(batch: Sequence[tuple[str, str]]) -> Any:
    return tuple_(parsed_files.c.path, parsed_files.c.blob_id).in_(batch)


def _batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + BATCH_ROWS] for start in range(0, len(items), BATCH_ROWS))
