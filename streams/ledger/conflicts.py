"""Conflicts: where code and datasheet disagree, opened and resolved with their causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from mapper.model import Conflict
from streams.events import Cause
from streams.ledger.indexes import IS_OPEN
from streams.ledger.schema import conflicts
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRow:
    """A disagreement with both sides as they write it."""

    conflict_id: str
    repo_id: str
    sheet_family: str
    part: str
    kind: str
    symbol_id: str
    name: str
    path: str
    line: int
    page: int
    register: str | None
    field: str | None
    code_value: str
    sheet_value: str
    detail: str
    state: str
    opened_by: str
    resolved_by: str | None


def open_conflicts(conn: Connection, *, repo_id: str | None = None, limit: int = 1000) -> list[ConflictRow]:
    """Return the open conflicts, by path and line."""
    return find_conflicts(conn, repo_id=repo_id, state="open", limit=limit)


def find_conflicts(
    conn: Connection, *, repo_id: str | None = None, state: str | None = None, limit: int = 1000
) -> list[ConflictRow]:
    """Return conflicts, by path and line; state None: open and resolved."""
    query = select(conflicts).order_by(
        conflicts.c.repo_id, conflicts.c.path, conflicts.c.line, conflicts.c.kind, conflicts.c.conflict_id
    )
    if repo_id is not None:
        query = query.where(conflicts.c.repo_id == repo_id)
    if state is not None:
        query = query.where(IS_OPEN if state == "open" else conflicts.c.state == state)
    return [_row(row) for row in conn.execute(query.limit(limit))]


def replace_conflicts(conn: Connection, repo_id: str, found: Sequence[Conflict], cause: Cause) -> tuple[int, int]:
    """Make these the open conflicts of a repository; returns how many were opened and how many resolved."""
    query = select(conflicts).where(conflicts.c.repo_id == repo_id, IS_OPEN)
    before = {row.conflict_id: dict(row._mapping) for row in conn.execute(query)}
    now = {conflict.conflict_id: conflict for conflict in found}
    gone = sorted(before.keys() - now.keys())
    for conflict_id in gone:
        here = conflicts.c.conflict_id == conflict_id
        conn.execute(update(conflicts).where(here).values(state="resolved", resolved_by=cause.id))
    rows = {
        key: _values(repo_id, conflict, opened_by=before[key]["opened_by"] if key in before else cause.id)
        for key, conflict in now.items()
    }
    upsert(conn, conflicts, [row for key, row in rows.items() if row != before.get(key)])
    return len(now.keys() - before.keys()), len(gone)


def _row(row: Row[Any]) -> ConflictRow:
    return ConflictRow(**row._mapping)


def _values(repo_id: str, conflict: Conflict, *, opened_by: str) -> dict[str, Any]:
    return {
        "conflict_id": conflict.conflict_id,
        "repo_id": repo_id,
        "sheet_family": conflict.sheet_family,
        "part": conflict.part,
        "kind": conflict.kind,
        "symbol_id": conflict.symbol_id,
        "name": conflict.symbol.qualified_name,
        "path": conflict.symbol.path,
        "line": conflict.symbol.line,
        "page": conflict.anchor.page,
        "register": conflict.anchor.register,
        "field": conflict.anchor.field,
        "code_value": conflict.code_value,
        "sheet_value": conflict.sheet_value,
        "detail": conflict.detail,
        "state": "open",
        "opened_by": opened_by,
        "resolved_by": None,
    }
