"""The ledger's engine: SQLite in WAL mode on one machine, PostgreSQL on many, the same Core code on both.

SQLite has one writer: a transaction that will write takes the lock at its start (BEGIN IMMEDIATE), since a reader
that becomes a writer fails at once when another wrote in between, whatever the busy timeout. A commit is on disk when
it returns (synchronous=FULL): offsets are acknowledged to Kafka after it.

On PostgreSQL writers run side by side (READ COMMITTED) and lock what they decide upon: rows, or names where there is
no row (streams/ledger/locks.py). Readers see one snapshot (REPEATABLE READ) there too.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, and_, create_engine, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from streams.errors import ConfigError, LedgerError
from streams.ledger.failures import explain

BUSY_TIMEOUT_MS = 30_000
BATCH_ROWS = 500  # of one IN: SQLite allows 32766 variables a statement
SETTING = "SHEETSTREAM_DATABASE_URL"
LAST_CHARACTER = "\U0010ffff"
_WRITES = "ledger_writes"


def open_ledger(database_url: str) -> Engine:
    """Return the engine of a ledger; the database is not touched yet, and its schema may still be missing.

    Raises ConfigError for a URL that is no SQLite's or PostgreSQL's; the message has nothing of its password.
    """
    try:
        url = _known_url(database_url)
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(f"{SETTING}: a URL of SQLite or PostgreSQL expected: {error}") from error
    except ValueError:  # says what came in place of a number, which may be a part of the password
        expected = "a number as port, and %3A, %2F, %40 for :, /, @ within a password expected"
        raise ConfigError(f"{SETTING}: {expected}") from None
    if engine.dialect.name == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    else:
        event.listen(engine, "begin", _begin_postgresql)
    return engine


def where(engine: Engine) -> str:
    """Return where a ledger is, for people: its URL without the password."""
    url = engine.url
    return repr(url if url.get_backend_name() == "sqlite" else url.set(drivername=url.get_backend_name()))


def url_of(engine: Engine) -> str:
    """Return the URL that opens the same ledger in another process, with its password: not for people or logs."""
    url = engine.url
    plain = url if url.get_backend_name() == "sqlite" else url.set(drivername=url.get_backend_name())
    return plain.render_as_string(hide_password=False)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that may write: committed at the end, rolled back on an exception.

    Raises LedgerError when the database can not be reached.
    """
    with _connect(engine).execution_options(**{_WRITES: True}) as conn, conn.begin():
        yield conn


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose reads see one snapshot. Raises LedgerError when the database can not be reached."""
    with _connect(engine) as conn, conn.begin():
        yield conn


def starts_with(column: ColumnElement[str], start: str) -> ColumnElement[bool]:
    """Return the condition that a text starts so: to the letter, and through an index on both databases.

    LIKE disregards the case of letters on SQLite.
    """
    return and_(column >= start, column < start + LAST_CHARACTER)


def _known_url(database_url: str) -> URL:
    """Return the URL with our driver in it."""
    url = make_url(database_url.replace("postgres://", "postgresql://", 1))
    if url.get_backend_name() == "sqlite":
        return url
    if url.drivername not in ("postgresql", "postgresql+pg8000"):
        raise ArgumentError(f"got {url.drivername}")
    registry.register("postgresql.ledger", "streams.ledger.postgres", "LedgerDialect")
    return url.set(drivername="postgresql+ledger")


def _connect(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except DBAPIError as error:
        raise LedgerError(f"ledger: {where(engine)} ({SETTING}): {explain(error)}") from error


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see _begin
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get(_WRITES) else "BEGIN")


def _begin_postgresql(conn: Connection) -> None:
    """Give a reader one snapshot, for as long as it computes with it; a writer has the connection's defaults."""
    if not conn.get_execution_options().get(_WRITES):
        conn.exec_driver_sql(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
            " SET LOCAL idle_in_transaction_session_timeout = 0"
        )
