"""Numbers handed out once each, in the order of the transactions that take them."""

from sqlalchemy import Connection, select, update

from streams.ledger.schema import counters
from streams.ledger.upsert import upsert


def take(conn: Connection, name: str, number: int) -> int:
    """Return the first of `number` consecutive numbers, from 1, that nobody else gets."""
    upsert(conn, counters, [{"name": name, "value": 0}], update=())
    # The update locks the row until the transaction ends, so the order of numbers is the order of commits.
    conn.execute(update(counters).where(counters.c.name == name).values(value=counters.c.value + number))
    return int(conn.execute(select(counters.c.value).where(counters.c.name == name)).scalar_one()) - number + 1
