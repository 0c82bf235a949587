"""What the watcher says about the others: lag by the broker's offsets, and the ledger's totals.

The worker cannot say how far behind it is when it is dead, so somebody else does.
"""

import contextlib
import logging
import threading
import time
from typing import Any

from kafka.errors import KafkaError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from streams.config import StreamsSettings
from streams.errors import BrokerError, LedgerError
from streams.lag import lag, num_members
from streams.ledger.counts import counts
from streams.ledger.coverage import coverage, refresh
from streams.ledger.engine import reading
from streams.ledger.offsets import positions
from streams.ledger.upgrades import outdated
from streams.metrics import StreamsMetrics
from streams.topics import connect_admin

logger = logging.getLogger(__name__)

EXPORT_SECONDS = 15.0
COUNTING_SECONDS = 2.0  # of each round, for the coverage of datasheets whose links changed


def export_gauges(settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, stop: threading.Event) -> None:
    """Refresh the gauges every EXPORT_SECONDS until stop is set; what cannot be asked keeps its last value."""
    admin: Any = None
    while not stop.is_set():
        try:
            refresh(engine, time.time, seconds=COUNTING_SECONDS)
            with reading(engine) as conn:
                export_ledger(conn, metrics)
                applied = {(at.agent, at.topic_id, at.partition): at.next_offset for at in positions(conn)}
            admin = admin or connect_admin(settings)
            _export_lag(settings, admin, applied, metrics)
        except (LedgerError, SQLAlchemyError) as error:
            logger.warning("ledger totals unknown: %s", error)
        except BrokerError as error:
            logger.warning("lag unknown: %s", error)
            _close(admin)
            admin = None
        except Exception:
            logger.exception("gauges not refreshed")
            _close(admin)
            admin = None
        stop.wait(EXPORT_SECONDS)
    _close(admin)


def export_ledger(conn: Connection, metrics: StreamsMetrics) -> None:
    """Set the gauges about the ledger."""
    total = counts(conn)
    for gauge, by_label in (
        (metrics.links, total.links),
        (metrics.samples, total.samples),
        (metrics.letters, total.dead_letters),
    ):
        gauge.clear()
        for label, number in by_label.items():
            gauge.labels(label).set(number)
    metrics.conflicts_open.set(total.conflicts_open)
    metrics.outbox.set(total.outbox)
    due = outdated(conn)
    for kind, number in (("trees", due.trees), ("datasheets", due.sheets), ("links", due.links)):
        metrics.outdated.labels(kind).set(number)
    covered = coverage(conn)
    metrics.registers.set(sum(sheet.registers for sheet in covered))
    metrics.registers_linked.set(sum(sheet.registers_linked for sheet in covered))


def _export_lag(
    settings: StreamsSettings, admin: Any, applied: dict[tuple[str, str, int], int], metrics: StreamsMetrics
) -> None:
    for place in lag(settings, admin=admin):
        labels = (place.agent, place.topic, str(place.partition))
        metrics.lag.labels(*labels).set(place.lag)
        metrics.committed.labels(*labels).set(place.committed or 0)
        reached = applied.get((place.agent, place.topic_id, place.partition), 0)
        metrics.ledger_lag.labels(*labels).set(max(0, place.end - max(place.start, reached)))
    metrics.members.set(num_members(settings, admin=admin))


def _close(admin: Any) -> None:
    if admin is not None:
        with contextlib.suppress(KafkaError, OSError):
            admin.close()
