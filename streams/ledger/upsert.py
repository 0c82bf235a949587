"""Insert many rows, or rewrite those that are there: one statement for any number of them, compiled once.

SQLite takes the rows one after the other, without a step between them that is not C. PostgreSQL takes them all at once
as one JSON text: a parameter a value would cost a parse of each, in Python, by SQLAlchemy and by the driver.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, Table, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite

from streams.ledger.columns import storable

BATCH_ROWS = 500  # of one statement: what it holds is in memory several times over

Rows = Sequence[Mapping[str, Any]]


def upsert(conn: Connection, table: Table, rows: Rows, *, update: Sequence[str] | None = None) -> None:
    """Insert rows; where the primary key is there already, set the columns of `update` (None: all; (): keep the old).

    Rows of one call have the same columns and different keys.
    """
    if not rows:
        return
    keys = [key.name for key in table.primary_key]
    names = tuple(rows[0])
    changed = tuple(name for name in names if name not in keys) if update is None else tuple(update)
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])  # one order: two writers can not deadlock
    for start in range(0, len(ordered), BATCH_ROWS):
        batch = ordered[start : start + BATCH_ROWS]
        if conn.dialect.name == "sqlite":
            conn.execute(_sqlite(table, names, changed), [dict(row) for row in batch])
        else:
            conn.execute(_postgresql(table, names, changed), {"rows": _json(batch)})


@functools.cache
def _sqlite(table: Table, names: tuple[str, ...], changed: tuple[str, ...]) -> sqlite.Insert:
    statement = sqlite.insert(table)
    keys = [key.name for key in table.primary_key]
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_={n: statement.excluded[n] for n in changed})


@functools.cache
def _postgresql(table: Table, names: tuple[str, ...], changed: tuple[str, ...]) -> postgresql.Insert:
    text = cast(bindparam("rows", type_=Text), JSON)
    given = func.json_to_recordset(text).table_valued(*(column(name, table.c[name].type) for name in names))
    record = given.render_derived(name="given", with_types=True)
    statement = postgresql.insert(table).from_select(list(names), select(*(record.c[name] for name in names)))
    keys = [key.name for key in table.primary_key]
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_={n: statement.excluded[n] for n in changed})


def _json(rows: Rows) -> str:
    return json.dumps([{name: _plain(value) for name, value in row.items()} for row in rows], ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return what JSON has for a value: bytes as PostgreSQL writes them, text as streams/ledger/columns.py keeps it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return storable(value) if isinstance(value, str) else value
