"""Outgoing records, written in the transaction of their effect and removed once Kafka has confirmed them.

Topics are those of streams/topics.py, without the prefix of an installation. The ids of one key's records grow with
the transactions that put them, as these hold a lock for what the key is of.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, delete, func, insert, select

from streams.ledger.engine import reading, writing
from streams.ledger.locks import lock
from streams.ledger.schema import outbox

logger = logging.getLogger(__name__)

HOLDER_SECONDS = 60.0


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


def publish(engine: Engine, send: Callable[[list[Waiting]], None], *, limit: int) -> int:
    """Send the first records that wait, remove them once `send` has returned, and return how many there were.

    One process publishes at a time: were two to send the same records, a late one of the one could follow a newer one
    of the other. On PostgreSQL records are removed in the transaction in which they are read, which holds a lock.
    SQLite can not be held for so long, so a lock file beside it is; a process that is stopped while it has the lock
    keeps the others waiting for HOLDER_SECONDS, then they go on without it.
    """
    with reading(engine) as conn:
        batch = waiting(conn, limit=limit)
    if batch and engine.dialect.name == "postgresql":
        with writing(engine) as conn:
            lock(conn, "outbox")
            batch = waiting(conn, limit=limit)  # another has sent some of them meanwhile
            send(batch)
            confirm(conn, [item.id for item in batch])
    elif batch:
        with _alone(engine):
            with reading(engine) as conn:
                batch = waiting(conn, limit=limit)
            send(batch)
            with writing(engine) as conn:
                confirm(conn, [item.id for item in batch])
    return len(batch)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Hold the outbox of a SQLite file; the lock ends with its process, however that ends."""
    database = engine.url.database
    if not database or database == ":memory:":
        yield
        return
    lock_file = FileLock(f"{database}.outbox.lock", timeout=HOLDER_SECONDS)
    with ExitStack() as held:
        try:
            held.enter_context(lock_file)
        except Timeout:
            logger.warning("outbox: its holder is silent for %g s, going on without it", HOLDER_SECONDS)
        yield


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


def oldest(conn: Connection) -> float | None:
    """Return when the record was put that has been waiting longest, None if none waits."""
    found: float | None = conn.execute(select(func.min(outbox.c.created_at))).scalar_one()
    return found


def count_before(conn: Connection, moment: float) -> int:
    """Return how many records have been waiting since before a moment."""
    query = select(func.count()).select_from(outbox).where(outbox.c.created_at < moment)
    return int(conn.execute(query).scalar_one())


def count(conn: Connection) -> int:
    """Return how many records wait."""
    return conn.execute(select(func.count()).select_from(outbox)).scalar_one()
