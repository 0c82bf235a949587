"""The ledger's engine: SQLite in WAL mode on one machine, PostgreSQL on many, the same Core code on both.

SQLite has one writer: a transaction that will write takes the lock at its start (BEGIN IMMEDIATE), since a reader
that becomes a writer fails at once when another wrote in between, whatever the busy timeout. A commit is on disk when
it returns (synchronous=FULL): offsets are acknowledged to Kafka after it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from streams.errors import ConfigError, LedgerError

BUSY_TIMEOUT_MS = 30_000
BATCH_ROWS = 500  # of one INSERT: SQLite allows 32766 variables a statement
_WRITES = "ledger_writes"


def open_ledger(database_url: str) -> Engine:
    """Return the engine of a ledger; the database is not touched yet, and its schema may still be missing.

    Raises ConfigError for a URL that is no database's.
    """
    try:
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(f"database_url: an SQLAlchemy URL of SQLite or PostgreSQL expected: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that may write: committed at the end, rolled back on an exception."""
    with engine.connect().execution_options(**{_WRITES: True}) as conn, conn.begin():
        yield conn


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose reads see one snapshot. Raises LedgerError when the database can not be opened."""
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise LedgerError(f"ledger: {engine.url!r}: {error.orig}") from error
    with connection as conn, conn.begin():
        yield conn


def upsert(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, update: Sequence[str] | None = None
) -> int:
    """Insert rows; where the primary key is there already, set the columns of `update` (None: all; (): keep the old).

    Rows of one call have the same columns and different keys. Returns how many rows were written.
    """
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    keys = [column.name for column in table.primary_key]
    written = 0
    for start in range(0, len(rows), BATCH_ROWS):
        batch = [dict(row) for row in rows[start : start + BATCH_ROWS]]
        statement = insert(table).values(batch)
        names = [name for name in batch[0] if name not in keys] if update is None else list(update)
        if names:
            changed = {name: statement.excluded[name] for name in names}
            statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        written += conn.execute(statement).rowcount
    return written


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see _begin
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get(_WRITES) else "BEGIN")
