"""streams/ledger/outbox.py"""

from sqlalchemy import Engine

from streams.ledger import outbox
from streams.ledger.engine import writing
from streams.ledger.outbox import Outgoing


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
