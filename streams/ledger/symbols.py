"""Trees, parsed files and symbols: what the head commit of each repository holds.

A parsed file is kept by blob, path and the parser's version, whichever commit has it: parsing again what was parsed
once is never needed. Where a function takes a `parser`, None is the version that runs.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_

from mapper.ids import symbol_id
from mapper.model import SourceFile, Symbol, SymbolNow
from mapper.version import parser_version
from streams.ledger.bodies import pack, unpack
from streams.ledger.columns import storable
from streams.ledger.engine import BATCH_ROWS
from streams.ledger.indexes import equals
from streams.ledger.schema import commits, parsed_files, refused_files, repositories, symbols, tree_files
from streams.ledger.upsert import upsert

FACTS = ("path", "kind", "name", "scope", "line", "end_line", "value", "revision")
"""What the row of a symbol says besides which commit it came with."""


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
    mapped: bool = True
    """False: recorded by a backfill, its files were never read."""


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


_HERE = (tree_files.c.blob_id == parsed_files.c.blob_id) & (tree_files.c.path == parsed_files.c.path)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as the cause of something."""

    commit_id: str
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """Content that the parser does not survive, and where it was seen first."""

    blob_id: str
    path: str
    reason: str
    detail: str


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


def unparsed(conn: Connection, files: Mapping[str, str], *, parser: str | None = None) -> dict[str, str]:
    """Return the part of path -> blob id that was never parsed."""
    known: set[tuple[str, str]] = set()
    for batch in _batches(sorted(files.items())):
        query = select(parsed_files.c.path, parsed_files.c.blob_id)
        known.update((row.path, row.blob_id) for row in conn.execute(query.where(*_files_in(batch, parser))))
    return {path: blob for path, blob in files.items() if (path, blob) not in known}


def store_parsed(conn: Connection, files: Sequence[SourceFile], *, parser: str | None = None) -> None:
    """Keep parsed files; those known stay."""
    rows = {
        (f.blob_id, f.path): {"blob_id": f.blob_id, "path": f.path, "parser": _version(parser), "body": pack(f)}
        for f in files
    }
    upsert(conn, parsed_files, list(rows.values()), update=())


def parsed_tree(conn: Connection, repo_id: str) -> dict[str, str]:
    """Return path -> blob id of the files of a repository's head that were parsed."""
    query = select(tree_files.c.path, tree_files.c.blob_id).join(parsed_files, _HERE)
    rows = conn.execute(
        query.where(tree_files.c.repo_id == repo_id, parsed_files.c.parser == tree_parser(conn, repo_id))
    )
    return {row.path: row.blob_id for row in rows}


def load_parsed(conn: Connection, files: Mapping[str, str], *, parser: str | None = None) -> dict[str, SourceFile]:
    """Return the parsed files among path -> blob id, by path."""
    found = {}
    for batch in _batches(sorted(files.items())):
        query = select(parsed_files.c.path, parsed_files.c.body).where(*_files_in(batch, parser))
        found.update({row.path: unpack(SourceFile, row.body) for row in conn.execute(query)})
    return found


def load_head_files(conn: Connection, repo_id: str, paths: Sequence[str]) -> dict[str, SourceFile]:
    """Return those of the paths as parsed that a repository's head has, by path."""
    query = select(parsed_files.c.path, parsed_files.c.body).join(tree_files, _HERE)
    query = query.where(tree_files.c.repo_id == repo_id, parsed_files.c.parser == tree_parser(conn, repo_id))
    found = {}
    for batch in _batches(sorted(paths)):
        rows = conn.execute(query.where(tree_files.c.path.in_(batch)))
        found.update({row.path: unpack(SourceFile, row.body) for row in rows})
    return found


def read_alike(conn: Connection, files: Mapping[str, str], *, old: str, new: str) -> set[str]:
    """Return the paths among path -> blob id of which two versions read the same."""
    before, after = parsed_files.alias("before"), parsed_files.alias("after")
    same = (before.c.blob_id == after.c.blob_id) & (before.c.path == after.c.path) & (before.c.body == after.c.body)
    query = select(after.c.path).join(before, same).where(before.c.parser == old, after.c.parser == new)
    found: set[str] = set()
    for batch in _batches(sorted(files.items())):
        found.update(conn.execute(query.where(tuple_(after.c.path, after.c.blob_id).in_(batch))).scalars())
    return found


def tree_bodies(conn: Connection, repo_id: str) -> list[bytes]:
    """Return the packed SourceFiles of a repository's head, of the version that parsed it, in path order."""
    here = (tree_files.c.blob_id == parsed_files.c.blob_id) & (tree_files.c.path == parsed_files.c.path)
    query = select(parsed_files.c.body).join(tree_files, here).where(tree_files.c.repo_id == repo_id)
    query = query.where(parsed_files.c.parser == tree_parser(conn, repo_id))
    return list(conn.execute(query.order_by(tree_files.c.path)).scalars())


def tree_bodies_by_path(conn: Connection, repo_id: str) -> dict[str, bytes]:
    """Return path -> packed SourceFile of a repository's head, of the version that parsed it, in path order."""
    here = (tree_files.c.blob_id == parsed_files.c.blob_id) & (tree_files.c.path == parsed_files.c.path)
    query = select(parsed_files.c.path, parsed_files.c.body).join(tree_files, here)
    query = query.where(tree_files.c.repo_id == repo_id, parsed_files.c.parser == tree_parser(conn, repo_id))
    rows = conn.execute(query.order_by(tree_files.c.path))
    return {row.path: row.body for row in rows}


def symbol_facts(conn: Connection, repo_id: str) -> dict[str, tuple[object, ...]]:
    """Return symbol id -> what the ledger says of each symbol of a repository's head."""
    query = select(symbols.c.symbol_id, *(symbols.c[name] for name in FACTS)).where(symbols.c.repo_id == repo_id)
    return {key: tuple(facts) for key, *facts in conn.execute(query)}


def facts_of(repo_id: str, file: SourceFile) -> dict[str, tuple[object, ...]]:
    """Return symbol id -> what the ledger is to say of each symbol of a file."""
    rows = _symbol_rows(repo_id, file, commit="")
    return {row["symbol_id"]: tuple(_kept(row[name]) for name in FACTS) for row in rows}


def tree_parser(conn: Connection, repo_id: str) -> str:
    """Return the version that a repository's tree is parsed by; this one for a repository without a tree."""
    known = conn.execute(select(repositories.c.parser).where(repositories.c.repo_id == repo_id)).scalar_one_or_none()
    return parser_version() if known is None else str(known)


def refuse(conn: Connection, files: Iterable[RefusedFile], now: float, *, parser: str | None = None) -> None:
    """Remember contents that the parser does not survive."""
    noted = {"parser": _version(parser), "refused_at": now}
    rows = {file.blob_id: dataclasses.asdict(file) | noted for file in files}
    upsert(conn, refused_files, list(rows.values()), update=())


def refused(conn: Connection, blobs: Iterable[str], *, parser: str | None = None) -> dict[str, RefusedFile]:
    """Return those among these contents that the parser did not survive, by blob id."""
    columns = [refused_files.c[field.name] for field in dataclasses.fields(RefusedFile)]
    query = select(*columns).where(refused_files.c.parser == _version(parser))
    found = {}
    for batch in _batches(sorted(set(blobs))):
        rows = conn.execute(query.where(refused_files.c.blob_id.in_(batch)))
        found.update({row.blob_id: RefusedFile(**row._mapping) for row in rows})
    return found


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


def record_commits(conn: Connection, applied: Sequence[AppliedCommit]) -> None:
    """Note commits that are recorded only; what is known of a commit already stays."""
    upsert(conn, commits, [dataclasses.asdict(commit) for commit in applied], update=())


def is_recorded(conn: Connection, event_id: str) -> bool:
    """Return whether a commit event was applied."""
    return conn.execute(select(commits.c.event_id).where(commits.c.event_id == event_id)).one_or_none() is not None


def symbols_now(conn: Connection, symbol_ids: Collection[str]) -> dict[str, SymbolNow]:
    """Return what symbols are now, those that exist."""
    found = {}
    for batch in _batches(sorted(symbol_ids)):
        query = select(symbols.c.symbol_id, symbols.c.revision, symbols.c.value).where(symbols.c.symbol_id.in_(batch))
        for row in conn.execute(query):
            value = None if row.value is None else int(row.value)
            found[row.symbol_id] = SymbolNow(revision=row.revision, value=value)
    return found


def last_commits(conn: Connection, repo_id: str, symbol_ids: Collection[str]) -> dict[str, Commit]:
    """Return symbol id -> the commit that last changed it, of symbols that exist."""
    commit_of: dict[str, str] = {}
    for batch in _batches(sorted(symbol_ids)):
        query = select(symbols.c.symbol_id, symbols.c.commit_id).where(symbols.c.symbol_id.in_(batch))
        commit_of.update({row.symbol_id: row.commit_id for row in conn.execute(query)})
    times: dict[str, float] = {}
    for batch in _batches(sorted(set(commit_of.values()))):
        here = (commits.c.repo_id == repo_id) & commits.c.commit_id.in_(batch)
        query = select(commits.c.commit_id, commits.c.commit_time).where(here)
        times.update({row.commit_id: row.commit_time for row in conn.execute(query)})
    return {key: Commit(commit, times[commit]) for key, commit in commit_of.items() if commit in times}


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


def _kept(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _files_in(batch: Sequence[tuple[str, str]], parser: str | None) -> tuple[Any, Any]:
    named = tuple_(parsed_files.c.path, parsed_files.c.blob_id).in_(batch)
    return named, parsed_files.c.parser == _version(parser)


def _version(parser: str | None) -> str:
    return parser_version() if parser is None else parser


def _batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + BATCH_ROWS] for start in range(0, len(items), BATCH_ROWS))
