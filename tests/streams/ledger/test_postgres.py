"""streams/ledger/postgres.py: connecting to a PostgreSQL server, and losing it."""

import traceback
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from streams.agents.faults import Fault, classify
from streams.errors import ConfigError, LedgerError
from streams.ledger.engine import open_ledger, reading, where, writing
from streams.ledger.health import server
from streams.ledger.schema import counters
from streams.ledger.upsert import upsert

ROW = [{"name": "a", "value": 1}]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:secret@h/db", "got mysql"),
        ("postgresql+psycopg://u:secret@h/db", r"got postgresql\+psycopg"),
        ("postgresql://u:sec:ret@h:secret/db", "a number as port"),
        ("postgresql://u:secret@h/db?password=secret", "password: unknown parameter"),
        ("postgresql://u:secret@h/db?sslmode=maybe", "sslmode: one of disable"),
        ("postgresql://u:secret@h/db?sslmode=require&sslrootcert=/nowhere", "sslrootcert: a file"),
    ],
)
def test_a_url_that_will_not_do_is_a_config_error(url: str, said: str) -> None:
    """The message names the setting and what is wrong, and has nothing of the password."""
    with pytest.raises(ConfigError, match=f"^SHEETSTREAM_DATABASE_URL: .*{said}") as caught:
        open_ledger(url)

    assert "secret" not in str(caught.value)


def test_no_server_is_a_ledger_error() -> None:
    """Whoever is told has the address and the setting, and not the password."""
    engine = open_ledger("postgresql://u:secret@127.0.0.1:9/db")

    with pytest.raises(
        LedgerError, match=r"127\.0\.0\.1:9/db \(SHEETSTREAM_DATABASE_URL\): can not connect: "
    ) as caught:
        writing(engine).__enter__()

    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert classify(caught.value) is Fault.TRANSIENT


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("database", "user", "password", "said"),
    [
        ("ledger", "sheetstream", "wrong", "password authentication failed"),
        ("ledger", "nobody", "wrong", "password authentication failed"),
        ("nowhere", "sheetstream", None, 'database "nowhere" does not exist'),
    ],
)
def test_a_refusal_says_why(postgres: Any, database: str, user: str, password: str | None, said: str) -> None:
    """A wrong password, user or database is told in the server's words."""
    engine = open_ledger(postgres.tcp_url(database, user, password or postgres.PASSWORD))

    with pytest.raises(LedgerError, match=said) as caught:
        reading(engine).__enter__()

    assert postgres.PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.postgres
def test_a_password_of_any_characters_is_taken(postgres: Any) -> None:
    """What a URL gives a meaning to is escaped in it."""
    engine = open_ledger(postgres.tcp_url("ledger"))

    with reading(engine) as conn:
        assert conn.execute(text("SELECT current_user")).scalar_one() == postgres.USER
    assert where(engine) == f"postgresql://sheetstream:***@127.0.0.1:{postgres.port}/ledger"
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("mode", "encrypted"), [("", True), ("disable", False), ("prefer", True), ("require", True), ("verify-full", True)]
)
def test_tls_is_as_asked_for(postgres: Any, mode: str, encrypted: bool) -> None:
    """Without a word it is used where the server has it; verify-full wants a certificate that we trust."""
    root = f"&sslrootcert={postgres.certificate}" if mode == "verify-full" else ""
    engine = open_ledger(postgres.tcp_url("ledger") + (f"?sslmode={mode}{root}" if mode else ""))

    with reading(engine) as conn:
        facts = server(conn)
    engine.dispose()

    assert facts is not None
    assert (facts.is_encrypted, facts.is_local, facts.encoding) == (encrypted, True, "UTF8")


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_certificate_of_nobody_we_trust_is_refused(postgres: Any, mode: str) -> None:
    """Nothing is sent to a server that can not prove who it is."""
    engine = open_ledger(postgres.tcp_url("ledger") + f"?sslmode={mode}")

    with pytest.raises(LedgerError, match="certificate verify failed"):
        reading(engine).__enter__()


@pytest.mark.postgres
def test_a_connection_lost_in_a_transaction_is_transient(postgres: Any) -> None:
    """What was written is gone, the fault is one to wait out, and the next transaction has a new connection."""
    engine = open_ledger(postgres.url("ledger"))

    def write(conn: Connection) -> None:
        upsert(conn, counters, ROW)
        postgres.execute(f"SELECT pg_terminate_backend({_pid(conn)})")
        upsert(conn, counters, ROW)

    with pytest.raises(DBAPIError) as caught, writing(engine) as conn:
        write(conn)

    assert classify(caught.value) is Fault.TRANSIENT
    with reading(engine) as conn:
        assert conn.execute(select(counters)).all() == []
    engine.dispose()


@pytest.mark.postgres
def test_a_restart_of_the_server_is_not_noticed(postgres: Any) -> None:
    """A connection that died while nobody used it is replaced by the pool."""
    engine = open_ledger(postgres.url("ledger"))
    with reading(engine) as conn:
        before = _pid(conn)

    postgres.restart()

    with writing(engine) as conn:
        assert _pid(conn) != before
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    ["SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", "SET LOCAL lock_timeout = 20; LOCK TABLE counters"],
)
def test_what_takes_too_long_is_transient(postgres: Any, statement: str) -> None:
    """A statement or a wait for a lock that the server ends is tried again, and is no dead letter."""
    engine = open_ledger(postgres.url("ledger"))

    with writing(engine) as holder:
        holder.exec_driver_sql("LOCK TABLE counters")
        with pytest.raises(DBAPIError) as caught, writing(engine) as conn:
            conn.exec_driver_sql(statement)

    assert classify(caught.value) is Fault.TRANSIENT
    engine.dispose()


@pytest.mark.postgres
def test_a_reader_can_not_write(postgres: Any) -> None:
    """Its transaction is read only, so that a forgotten lock can not hide behind a snapshot."""
    engine = open_ledger(postgres.url("ledger"))

    with pytest.raises(DBAPIError, match="read-only transaction"), reading(engine) as conn:
        upsert(conn, counters, ROW)
    engine.dispose()


def test_text_is_ordered_and_compared_by_its_bytes(engine: Engine) -> None:
    """The same on both databases and as Python sorts, whatever the server's locale."""
    names = ["a", "B", "_", "ä", "aa", "Z", "\U00010400", "\uffff", "a b", "A"]
    with writing(engine) as conn:
        upsert(conn, counters, [{"name": name, "value": 1} for name in names])

        found = conn.execute(select(counters.c.name).order_by(counters.c.name)).scalars().all()

    assert found == sorted(names)


def _pid(conn: Connection) -> int:
    return int(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())
