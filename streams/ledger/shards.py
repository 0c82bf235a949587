"""Shards as the ledger plans them: which samples, in which order, before a byte is written.

A plan is one transaction; the tar is made from it, so a sealer that dies writes the same bytes when it comes back.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from streams import topics
from streams.events import ShardEvent
from streams.ledger import outbox
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import samples, shards
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard, planned or sealed; what only the sealed file knows is None before."""

    seq: int
    name: str
    state: str
    sample_ids: tuple[str, ...]
    sha256: str | None
    num_bytes: int | None
    domains: Mapping[str, int] | None
    newest_event_time: float | None
    sealed_at: float | None


def plan_shard(conn: Connection, sample_ids: Sequence[str]) -> Shard:
    """Return the next shard, planned to hold these pending samples in this order; they are its from now on."""
    seq = newest_seq(conn) + 1
    row = {"seq": seq, "name": f"shard-{seq:06d}.tar", "state": "planned", "sample_ids": list(sample_ids)}
    upsert(conn, shards, [row])
    conn.execute(update(samples).where(samples.c.sample_id.in_(sample_ids)).values(state="sealed", shard_seq=seq))
    return get_shard(conn, seq)


def get_shard(conn: Connection, seq: int) -> Shard:
    """Return a shard that exists."""
    return _shard(conn.execute(select(shards).where(shards.c.seq == seq)).one())


def planned_shards(conn: Connection) -> list[Shard]:
    """Return the shards that are planned and not sealed yet, in order."""
    return [
        _shard(row) for row in conn.execute(select(shards).where(shards.c.state == "planned").order_by(shards.c.seq))
    ]


def list_shards(conn: Connection, *, limit: int | None = None) -> list[Shard]:
    """Return all shards, newest first."""
    return [_shard(row) for row in conn.execute(select(shards).order_by(shards.c.seq.desc()).limit(limit))]


def sealed_files(conn: Connection) -> list[tuple[str, int | None]]:
    """Return the name and size of every sealed shard, without the ids of its samples."""
    query = select(shards.c.name, shards.c.num_bytes).where(shards.c.state == "sealed").order_by(shards.c.seq)
    return [(row.name, row.num_bytes) for row in conn.execute(query)]


def newest_sealed_event_time(conn: Connection) -> float | None:
    """Return how new the newest vendor change in any sealed shard is."""
    newest: float | None = conn.execute(select(func.max(shards.c.newest_event_time))).scalar_one()
    return newest


def newest_seq(conn: Connection) -> int:
    """Return the number of the newest shard, 0 if there is none."""
    return conn.execute(select(func.max(shards.c.seq))).scalar_one() or 0


def record_sealed(conn: Connection, event: ShardEvent, domains: Mapping[str, int]) -> list[int]:
    """Note that a planned shard lies sealed and put its announcement into the outbox; returns the outbox ids."""
    from streams.records import ShardRecord  # here, since it loads Faust, and readers of the ledger need it not

    values = {
        "state": "sealed",
        "sha256": event.sha256,
        "num_bytes": event.num_bytes,
        "domains": dict(domains),
        "newest_event_time": event.newest_event_time,
        "sealed_at": event.sealed_at,
    }
    conn.execute(update(shards).where(shards.c.seq == event.seq).values(values))
    record = Outgoing(topic=topics.SHARDS.name, key=f"{event.seq:06d}", value=ShardRecord.from_domain(event).encode())
    return outbox.put(conn, [record], event.sealed_at)


def _shard(row: Row[Any]) -> Shard:
    fields = {field.name: row._mapping[field.name] for field in dataclasses.fields(Shard)}
    return Shard(**{**fields, "sample_ids": tuple(row.sample_ids)})
