"""Deliveries of webhooks that were taken: remembered for a while, so that one that comes again is known."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from streams.ledger.schema import webhook_deliveries
from streams.ledger.upsert import upsert

KEPT_SECONDS = 7 * 24 * 3600.0
MAX_KEPT = 100_000
"""Rows; the oldest go first."""


def is_known(conn: Connection, keys: Sequence[str]) -> bool:
    """Return whether a delivery was taken that had one of these keys."""
    query = select(webhook_deliveries.c.delivery_id).where(webhook_deliveries.c.delivery_id.in_(list(keys)))
    return conn.execute(query.limit(1)).first() is not None


def record(conn: Connection, keys: Sequence[str], now: float) -> None:
    """Note that a delivery was taken."""
    upsert(conn, webhook_deliveries, [{"delivery_id": key, "received_at": now} for key in keys], update=())


def prune(conn: Connection, now: float, *, kept_seconds: float = KEPT_SECONDS, max_kept: int = MAX_KEPT) -> int:
    """Forget what is too old, and what is too much; return how many."""
    received_at = webhook_deliveries.c.received_at
    over = conn.execute(select(received_at).order_by(received_at.desc()).offset(max_kept).limit(1)).scalar()
    oldest = now - kept_seconds
    forgotten = received_at < oldest if over is None else (received_at < oldest) | (received_at <= over)
    return conn.execute(delete(webhook_deliveries).where(forgotten)).rowcount
