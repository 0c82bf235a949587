"""Conflicts: where code and datasheet disagree, opened and resolved with their causes, and how they came and went."""

import dataclasses
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, update

from mapper.model import Conflict
from streams.events import Cause
from streams.ledger.engine import BATCH_ROWS
from streams.ledger.indexes import IS_OPEN, equals_folded
from streams.ledger.schema import conflict_history, conflicts
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
    opened_kind: str | None = None
    """commit, datasheet...: what opened_by is the id of; None: it was opened before that was noted."""
    opened_at: float | None = None
    resolved_kind: str | None = None
    resolved_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictTurn:
    """A time at which a conflict was opened or resolved, with both sides as they were then."""

    seq: int
    state: str
    code_value: str
    sheet_value: str
    cause_kind: str
    cause_id: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class Subject:
    """What a conflict is about, for finding its cause."""

    symbol_id: str
    path: str
    sheet_family: str


CauseOf = Callable[[Subject], Cause]


def open_conflicts(conn: Connection, *, repo_id: str | None = None, limit: int = 1000) -> list[ConflictRow]:
    """Return the open conflicts, by path and line."""
    return find_conflicts(conn, repo_id=repo_id, state="open", limit=limit)


def find_conflicts(
    conn: Connection,
    *,
    repo_id: str | None = None,
    state: str | None = None,
    part: str | None = None,
    kind: str | None = None,
    limit: int = 1000,
    offset: int = 0,
) -> list[ConflictRow]:
    """Return conflicts, by path and line; state None: open and resolved."""
    query = select(conflicts).order_by(
        conflicts.c.repo_id, conflicts.c.path, conflicts.c.line, conflicts.c.kind, conflicts.c.conflict_id
    )
    for column, wanted in ((conflicts.c.repo_id, repo_id), (conflicts.c.kind, kind)):
        if wanted is not None:
            query = query.where(column == wanted)
    if part is not None:
        query = query.where(equals_folded(conflicts.c.part, part))
    if state is not None:
        query = query.where(IS_OPEN if state == "open" else conflicts.c.state == state)
    return [_row(row) for row in conn.execute(query.limit(limit).offset(offset))]


def by_cause(
    conn: Connection, cause_id: str, *, repo_id: str | None = None
) -> tuple[list[ConflictRow], list[ConflictRow]]:
    """Return the conflicts that a commit or a datasheet revision opened, and those it resolved, by path and line."""
    found = []
    for column in (conflicts.c.opened_by, conflicts.c.resolved_by):
        query = select(conflicts).where(column == cause_id)
        if repo_id is not None:
            query = query.where(conflicts.c.repo_id == repo_id)
        rows = [_row(row) for row in conn.execute(query)]
        found.append(sorted(rows, key=lambda row: (row.repo_id, row.path, row.line, row.kind, row.conflict_id)))
    opened, resolved = found
    return opened, resolved


def conflict_turns(conn: Connection, conflict_id: str) -> list[ConflictTurn]:
    """Return how a conflict came and went, oldest first, as far back as that was noted."""
    columns = [conflict_history.c[field.name] for field in dataclasses.fields(ConflictTurn)]
    query = select(*columns).where(conflict_history.c.conflict_id == conflict_id).order_by(conflict_history.c.seq)
    return [ConflictTurn(**row._mapping) for row in conn.execute(query)]


def replace_conflicts(
    conn: Connection,
    repo_id: str,
    found: Sequence[Conflict],
    cause: Cause | CauseOf,
    *,
    families: Collection[str] | None = None,
    now: float | None = None,
) -> tuple[int, int]:
    """Make these the open conflicts of a repository, or of some datasheet families in it.

    Returns how many were opened and how many resolved. cause: of all of them, or what gives it for each.
    """
    cause_of = cause if callable(cause) else lambda _: cause
    now = time.time() if now is None else now
    here = and_(conflicts.c.repo_id == repo_id, IS_OPEN)
    if families is not None:
        here &= conflicts.c.sheet_family.in_(sorted(families))
    before = {row.conflict_id: _row(row) for row in conn.execute(select(conflicts).where(here))}
    fresh = {conflict.conflict_id: conflict for conflict in found}
    gone = [row for key, row in sorted(before.items()) if key not in fresh]
    turns = []
    for row in gone:
        by = cause_of(Subject(row.symbol_id, row.path, row.sheet_family))
        values = {"state": "resolved", "resolved_by": by.id, "resolved_kind": by.kind, "resolved_at": now}
        conn.execute(update(conflicts).where(conflicts.c.conflict_id == row.conflict_id).values(values))
        turns.append((row.conflict_id, "resolved", row.code_value, row.sheet_value, by))
    rows = []
    for key, conflict in fresh.items():
        known = before.get(key)
        if known is None:
            by = cause_of(Subject(conflict.symbol_id, conflict.symbol.path, conflict.sheet_family))
            turns.append((key, "open", conflict.code_value, conflict.sheet_value, by))
            row = _new_row(repo_id, conflict, opened_by=by.id, opened_kind=by.kind, opened_at=now)
        else:
            row = _new_row(
                repo_id,
                conflict,
                opened_by=known.opened_by,
                opened_kind=known.opened_kind,
                opened_at=known.opened_at,
            )
        if row != known:
            rows.append(dataclasses.asdict(row))
    upsert(conn, conflicts, rows)
    _write_turns(conn, turns, now)
    return len(fresh.keys() - before.keys()), len(gone)


def _write_turns(conn: Connection, turns: Sequence[tuple[str, str, str, str, Cause]], now: float) -> None:
    lengths: dict[str, int] = {}
    ids = [turn[0] for turn in turns]
    for start in range(0, len(ids), BATCH_ROWS):
        here = conflict_history.c.conflict_id.in_(ids[start : start + BATCH_ROWS])
        query = select(conflict_history.c.conflict_id, func.max(conflict_history.c.seq)).where(here)
        lengths.update(dict(conn.execute(query.group_by(conflict_history.c.conflict_id)).all()))
    rows = [
        {
            "conflict_id": conflict_id,
            "seq": lengths.get(conflict_id, 0) + 1,
            "state": state,
            "code_value": code_value,
            "sheet_value": sheet_value,
            "cause_kind": cause.kind,
            "cause_id": cause.id,
            "changed_at": now,
        }
        for conflict_id, state, code_value, sheet_value, cause in turns
    ]
    upsert(conn, conflict_history, rows)


def _row(row: Row[Any]) -> ConflictRow:
    return ConflictRow(**row._mapping)


def _new_row(
    repo_id: str, conflict: Conflict, *, opened_by: str, opened_kind: str | None, opened_at: float | None
) -> ConflictRow:
    return ConflictRow(
        conflict_id=conflict.conflict_id,
        repo_id=repo_id,
        sheet_family=conflict.sheet_family,
        part=conflict.part,
        kind=conflict.kind,
        symbol_id=conflict.symbol_id,
        name=conflict.symbol.qualified_name,
        path=conflict.symbol.path,
        line=conflict.symbol.line,
        page=conflict.anchor.page,
        register=conflict.anchor.register,
        field=conflict.anchor.field,
        code_value=conflict.code_value,
        sheet_value=conflict.sheet_value,
        detail=conflict.detail,
        state="open",
        opened_by=opened_by,
        resolved_by=None,
        opened_kind=opened_kind,
        opened_at=opened_at,
    )
