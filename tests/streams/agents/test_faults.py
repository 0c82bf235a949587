"""streams/agents/faults.py: a full disk is waited out, wherever it is full."""

import errno
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert
from sqlalchemy.exc import DBAPIError, OperationalError

from streams.agents.faults import Fault, classify
from streams.ledger import outbox
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import outbox as table


def fill(conn: Connection) -> None:
    row = {"topic": "t", "key": "k", "value": b"x" * 100_000, "headers": {}, "created_at": 1.0}
    outbox.put(conn, [Outgoing(topic="t", key="first", value=b"1")], 1.0)
    for _ in range(10):
        conn.execute(insert(table), [row])


def test_a_full_sqlite_is_transient_and_keeps_what_it_has(tmp_path: Path) -> None:
    """SQLite's own answer when its file can not grow is no fault of the record; nothing of the transaction is left."""
    engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))

    with pytest.raises(OperationalError, match="database or disk is full") as caught, writing(engine) as conn:
        fill(conn)

    assert classify(caught.value) is Fault.TRANSIENT
    with reading(engine) as conn:
        assert outbox.count(conn) == 0
    engine.dispose()


@pytest.mark.parametrize(
    "error",
    [
        DBAPIError("INSERT", {}, Exception({"S": "ERROR", "C": "53100", "M": "could not extend file"})),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.EROFS, "Read-only file system"),
    ],
)
def test_a_full_disk_is_transient(error: Exception) -> None:
    """PostgreSQL's disk, and ours: blobs, mirrors, shards."""
    assert classify(error) is Fault.TRANSIENT
