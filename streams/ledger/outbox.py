"""Outgoing records, written in the transaction of their effect and removed once Kafka has confirmed them.

Topics are those of streams/topics.py, without the prefix of an installation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select

from streams.ledger.schema import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A record to publish; value None is a tombstone."""

    topic: str
    key: str
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An outbox row that Kafka has not confirmed yet."""

    id: int
    record: Outgoing


def put(conn: Connection, records: Iterable[Outgoing], now: float) -> list[int]:
    """Add records in their order and return their ids."""
    rows = [
        {"topic": r.topic, "key": r.key, "value": r.value, "headers": dict(r.headers), "created_at": now}
        for r in records
    ]
    if not rows:
        return []
    statement = insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True)
    return list(conn.execute(statement, rows).scalars())


def waiting(
    conn: Connection, ids: Iterable[int] | None = None, *, before: float | None = None, limit: int = 1000
) -> list[Waiting]:
    """Return unconfirmed records in their order: those of `ids`, or of all those created before a time."""
    query = select(outbox).order_by(outbox.c.id).limit(limit)
    if ids is not None:
        query = query.where(outbox.c.id.in_(list(ids)))
    if before is not None:
        query = query.where(outbox.c.created_at < before)
    return [
        Waiting(id=row.id, record=Outgoing(topic=row.topic, key=row.key, value=row.value, headers=row.headers))
        for row in conn.execute(query)
    ]


def confirm(conn: Connection, ids: Iterable[int]) -> None:
    """Remove records that Kafka has confirmed."""
    conn.execute(delete(outbox).where(outbox.c.id.in_(list(ids))))


def count(conn: Connection) -> int:
    """Return how many records wait."""
    return conn.execute(select(func.count()).select_from(outbox)).scalar_one()
