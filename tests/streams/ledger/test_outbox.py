"""streams/ledger/outbox.py"""

import threading
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import Engine

from streams.ledger import outbox
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing, Waiting


def test_records_wait_in_their_order_until_confirmed(engine: Engine) -> None:
    """What was put first comes first, headers and tombstones as they were."""
    first = Outgoing(topic="t", key="k", value=b"1", headers={"a": "b"})
    second = Outgoing(topic="t", key="k", value=None)

    with writing(engine) as conn:
        ids = outbox.put(conn, [first, second], 1.0)
        waiting = outbox.waiting(conn)
        outbox.confirm(conn, ids[:1])

        assert [item.record for item in waiting] == [first, second]
        assert [item.id for item in outbox.waiting(conn)] == ids[1:]
        assert outbox.count(conn) == 1


def put(engine: Engine, number: int) -> None:
    with writing(engine) as conn:
        outbox.put(conn, [Outgoing(topic="t", key="k", value=b"%d" % n) for n in range(number)], 1.0)


def test_two_publishers_send_each_record_once(engine: Engine) -> None:
    """The second waits until the first has removed what it sent, and then finds nothing."""
    put(engine, 3)
    sent: list[bytes | None] = []
    other = threading.Thread(target=lambda: outbox.publish(engine, second, limit=10))

    def second(batch: list[Waiting]) -> None:
        sent.extend(item.record.value for item in batch)

    def first(batch: list[Waiting]) -> None:
        other.start()
        other.join(0.3)
        second(batch)

    assert outbox.publish(engine, first, limit=10) == 3
    other.join()

    assert sent == [b"0", b"1", b"2"]
    with reading(engine) as conn:
        assert outbox.count(conn) == 0


def test_a_holder_that_is_silent_stops_nobody_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process keeps its lock; after a while records go out without it."""
    monkeypatch.setattr(outbox, "HOLDER_SECONDS", 0.1)
    engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    put(engine, 1)

    with FileLock(f"{tmp_path / 'ledger.db'}.outbox.lock"):
        assert outbox.publish(engine, lambda batch: None, limit=10) == 1
    engine.dispose()
