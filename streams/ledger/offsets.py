"""How far each agent has read, written in the transaction of the effect: this, not Kafka's own offset, is the truth."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from streams.ledger.locks import lock
from streams.ledger.schema import offsets
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An agent's place in one partition of one incarnation of a topic."""

    agent: str
    topic: str
    topic_id: str
    partition: int
    next_offset: int
    applied: int
    skipped: int
    event_time: float | None
    updated_at: float


def lock_position(conn: Connection, agent: str, topic: str, topic_id: str, partition: int) -> Position | None:
    """Return the agent's place in a partition, None if nothing was applied yet.

    Until the transaction ends nobody else gets it: of two workers that have the same record in hand, one applies it.
    """
    query = (
        select(offsets)
        .where(
            offsets.c.agent == agent,
            offsets.c.topic == topic,
            offsets.c.topic_id == topic_id,
            offsets.c.partition == partition,
        )
        .with_for_update()
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        lock(conn, "offset", agent, topic, topic_id, str(partition))
        row = conn.execute(query).one_or_none()
    return Position(**row._mapping) if row else None


def record_applied(
    conn: Connection,
    before: Position | None,
    *,
    agent: str,
    topic: str,
    topic_id: str,
    partition: int,
    offset: int,
    event_time: float | None,
    now: float,
) -> None:
    """Record that the record at `offset` has its effect, in this transaction; `before`: what lock_position gave."""
    times = [event_time, before.event_time if before else None]
    newest = max((time for time in times if time is not None), default=None)
    row = {
        "agent": agent,
        "topic": topic,
        "topic_id": topic_id,
        "partition": partition,
        "next_offset": offset + 1,
        "applied": (before.applied if before else 0) + 1,
        "skipped": before.skipped if before else 0,
        "event_time": newest,
        "updated_at": now,
    }
    upsert(conn, offsets, [row])


def record_skipped(conn: Connection, before: Position, now: float) -> None:
    """Count a record that came again."""
    upsert(
        conn,
        offsets,
        [
            {
                "agent": before.agent,
                "topic": before.topic,
                "topic_id": before.topic_id,
                "partition": before.partition,
                "next_offset": before.next_offset,
                "applied": before.applied,
                "skipped": before.skipped + 1,
                "event_time": before.event_time,
                "updated_at": now,
            }
        ],
    )


def positions(conn: Connection, agent: str | None = None) -> list[Position]:
    """Return all places, or those of one agent, ordered."""
    query = select(offsets).order_by(offsets.c.agent, offsets.c.topic, offsets.c.partition, offsets.c.updated_at)
    if agent is not None:
        query = query.where(offsets.c.agent == agent)
    return [Position(**row._mapping) for row in conn.execute(query)]
