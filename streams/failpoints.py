"""Failpoints: numbered points of watching, delivery and sealing at which a test lets the process die or wait.

Set by the setting `failpoint`: NAME, NAME@HIT (the how-manieth pass, from 1), with =exit (the default: at once, as by
kill -9) or =sleep:SECONDS. Without it a point is one comparison.
"""

import logging
import os
import re
import time
from enum import StrEnum

from streams.errors import ConfigError

logger = logging.getLogger(__name__)

EXIT_STATUS = 137
SLEEPING = "failpoint sleeps"
"""What the log says when a point waits: from then on the process may be killed from outside."""

_SYNTAX = re.compile(r"(?P<name>[a-z0-9_.]+)(@(?P<hit>[1-9][0-9]*))?(=(exit|sleep:(?P<seconds>[0-9.]+)))?")


class Point(StrEnum):
    """Every point, in the order in which a source's news, a record or a shard passes them."""

    FETCHED = "watch.1_fetched"  # the mirror has the commits, Kafka does not
    TOLD = "watch.2_told"  # Kafka has them, the ledger does not know
    NOTED = "watch.3_noted"
    BLOB_STORED = "watch.4_blob"  # a datasheet's bytes lie in the store, Kafka does not know
    SHEET_TOLD = "watch.5_sheet_told"
    RECEIVED = "delivery.1_received"
    POOL_CALLED = "pool.1_called"
    POOL_ANSWERED = "pool.2_answered"
    PREPARED = "delivery.2_prepared"
    LOCKED = "delivery.2b_locked"  # inside the transaction, which holds the place in the partition and nothing else yet
    APPLIED = "delivery.3_applied"  # inside the transaction, with all its locks
    COMMITTED = "delivery.4_committed"
    OUTBOX_READ = "publish.1_read"  # with the outbox's lock; nothing is sent yet
    PUBLISHED = "delivery.5_published"  # Kafka has confirmed, the outbox still holds the records
    OUTBOX_EMPTIED = "publish.2_emptied"
    CONFIRMED = "delivery.6_confirmed"
    BURIED = "delivery.7_buried"  # inside the transaction of a dead letter
    SHARD_PLANNED = "seal.1_planned"
    SHARD_WRITTEN = "seal.2_written"
    SHARD_VISIBLE = "seal.3_visible"
    SIDECAR_VISIBLE = "seal.4_sidecar"
    SHARD_RECORDED = "seal.5_recorded"


class Failpoints:
    """The points of one process; `hit` is called at each."""

    def __init__(self, setting: str = "") -> None:
        self._point: Point | None = None
        self._remaining = 1
        self._seconds: float | None = None
        if setting:
            match = _SYNTAX.fullmatch(setting)
            names = [point.value for point in Point]
            if match is None or match["name"] not in names:
                raise ConfigError(
                    f"failpoint: NAME[@HIT][=exit|=sleep:SECONDS] expected, NAME of {names}, got {setting!r}"
                )
            self._point = Point(match["name"])
            self._remaining = int(match["hit"] or 1)
            self._seconds = float(match["seconds"]) if match["seconds"] else None

    def hit(self, point: Point) -> None:
        """Die or wait if this is the point that was set and its turn has come."""
        if point is not self._point:
            return
        self._remaining -= 1
        if self._remaining:
            return
        if self._seconds is None:
            os._exit(EXIT_STATUS)
        logger.warning("%s point=%s", SLEEPING, point.value)
        time.sleep(self._seconds)
