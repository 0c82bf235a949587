"""Seal pending samples into shards: plan in the ledger, write the tar, then its sidecar, then record it.

The plan comes first and names its samples, so a sealer that dies at any step writes the same bytes when it comes
back. Where a shard ends depends on the number and size of samples alone; their age only decides when it is cut. The
worker announces a recorded shard from the outbox; the trainer does not wait for that, as the folder decides.
"""

import hashlib
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mapper.corpus.sample import Sample
from streams.config import StreamsSettings
from streams.durable import sweep, writing
from streams.errors import LedgerError, SealError
from streams.events import ShardEvent
from streams.failpoints import Failpoints, Point
from streams.ledger import engine as ledger
from streams.ledger import shards
from streams.ledger.migrate import upgrade
from streams.ledger.offsets import positions
from streams.ledger.samples import load_samples, lock_samples, pending_samples, pending_summary
from streams.ledger.shards import Shard
from streams.metrics import StreamsMetrics
from streams.shards import Sidecar, entry_size, read_sidecar, shards_folder, sidecar_path, tar_bytes, write_sidecar

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
RETRY_SECONDS = 5.0


def cut(sizes: Sequence[int], *, max_samples: int, max_bytes: int, overdue: bool) -> int:
    """Return how many of the first pending samples make the next shard, 0 to wait for more.

    A full shard is cut at once; what does not fill one is cut when it is overdue. One sample may be over max_bytes.
    """
    total = 0
    for count, size in enumerate(sizes[:max_samples]):
        if count and total + size > max_bytes:
            return count
        total += size
    count = min(len(sizes), max_samples)
    is_full = count == max_samples or total >= max_bytes
    return count if is_full or overdue else 0


def run(
    settings: StreamsSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Seal until stop is set. A fault of disk or database is waited out; the plan stays."""
    engine = ledger.open_ledger(settings.database_url)
    upgrade(engine)
    sealer = Sealer(settings, engine, StreamsMetrics(registry))
    sealer.recover()
    while not stop.is_set():
        wait = TICK_SECONDS
        try:
            if sealer.step():
                wait = 0.0
            beat()
        except (LedgerError, SQLAlchemyError, OSError) as error:
            logger.warning("not sealed, trying again: %s", error)
            wait = RETRY_SECONDS
        stop.wait(wait)
    engine.dispose()


class Sealer:
    """Turns pending samples into shards, one step at a time."""

    def __init__(self, settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._failpoints = Failpoints(settings.failpoint)
        self._folder = shards_folder(settings.home)
        self._oldest: tuple[int, float] | None = None
        self._seen = 0

    def recover(self) -> None:
        """Remove what a crashed sealer left half-written and count shards whose file is gone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder)
        with ledger.reading(self._engine) as conn:
            sealed = shards.sealed_files(conn)
        missing = [name for name, num_bytes in sealed if not self._is_whole(name, num_bytes)]
        for name in missing:
            logger.error("sealed shard is missing or has another size name=%s", name)
        self._metrics.shard_mismatches.set(len(missing))

    def step(self) -> bool:
        """Seal what is planned, plan what is due; return whether there was anything."""
        with ledger.reading(self._engine) as conn:
            planned = shards.planned_shards(conn)
            pending, oldest = pending_summary(conn)
        self._metrics.samples_pending.set(pending)
        for shard in planned:
            self._seal(shard)
        did_plan = self._plan(pending, oldest)
        return bool(planned) or did_plan

    def _plan(self, pending: int, oldest: int | None) -> bool:
        """Plan one shard if it is due."""
        if oldest is None:
            self._oldest, self._seen = None, 0
            return False
        if self._oldest is None or self._oldest[0] != oldest:
            self._oldest = (oldest, time.monotonic())
        overdue = time.monotonic() - self._oldest[1] >= self._settings.shard_max_age_seconds
        if pending == self._seen and not overdue:
            return False
        self._seen = pending
        limits = self._settings
        with ledger.writing(self._engine) as conn:
            lock_samples(conn)
            waiting = [sample for _, sample in pending_samples(conn, limit=limits.shard_max_samples)]
            count = cut(
                [entry_size(sample) for sample in waiting],
                max_samples=limits.shard_max_samples,
                max_bytes=limits.shard_max_bytes,
                overdue=overdue,
            )
            if not count:
                return False
            shard = shards.plan_shard(conn, [sample.sample_id for sample in waiting[:count]])
        logger.info("shard planned name=%s samples=%d", shard.name, count)
        self._oldest, self._seen = None, 0
        self._failpoints.hit(Point.SHARD_PLANNED)
        return True

    def _seal(self, shard: Shard) -> None:
        """Write a planned shard's files, then record it."""
        with ledger.reading(self._engine) as conn:
            found = load_samples(conn, shard.sample_ids)
            offsets: dict[str, dict[int, int]] = {}
            for at in positions(conn):  # of a topic that was made anew, the newest comes last
                offsets.setdefault(at.topic, {})[at.partition] = at.next_offset
        data = self._write_tar(shard, [sample for _, sample in found])
        sidecar = self._write_sidecar(
            Sidecar(
                seq=shard.seq,
                name=shard.name,
                sha256=hashlib.sha256(data).hexdigest(),
                num_bytes=len(data),
                num_samples=len(found),
                domains=dict(sorted(Counter(row.domain for row, _ in found).items())),
                newest_event_time=max(row.event_time for row, _ in found),
                sealed_at=time.time(),
                source_offsets=offsets,
                holdout_sha256=holdout_sha256(self._settings.holdout_families),
            )
        )
        event = ShardEvent(
            seq=sidecar.seq,
            name=sidecar.name,
            sha256=sidecar.sha256,
            num_samples=sidecar.num_samples,
            num_bytes=sidecar.num_bytes,
            newest_event_time=sidecar.newest_event_time,
            sealed_at=sidecar.sealed_at,
        )
        with ledger.writing(self._engine) as conn:
            shards.record_sealed(conn, event, sidecar.domains)
        self._failpoints.hit(Point.SHARD_RECORDED)
        self._count(sidecar)

    def _write_tar(self, shard: Shard, samples: Sequence[Sample]) -> bytes:
        data = tar_bytes(samples)
        with writing(self._folder / shard.name) as file:
            file.write(data)
            file.flush()
            self._failpoints.hit(Point.SHARD_WRITTEN)
        self._failpoints.hit(Point.SHARD_VISIBLE)
        return data

    def _write_sidecar(self, sidecar: Sidecar) -> Sidecar:
        """Make the sidecar visible and return it; one that a sealer wrote before it died stays as it is."""
        path = sidecar_path(self._folder / sidecar.name)
        if path.exists():
            try:
                before = read_sidecar(path)
            except SealError as error:
                logger.warning("sidecar is written anew: %s", error)
            else:
                if before.sha256 == sidecar.sha256:
                    return before
        write_sidecar(self._folder, sidecar)
        self._failpoints.hit(Point.SIDECAR_VISIBLE)
        return sidecar

    def _is_whole(self, name: str, num_bytes: int | None) -> bool:
        path = self._folder / name
        return path.exists() and path.stat().st_size == num_bytes and sidecar_path(path).exists()

    def _count(self, sidecar: Sidecar) -> None:
        self._metrics.shards_sealed.inc()
        self._metrics.shard_samples.inc(sidecar.num_samples)
        self._metrics.shard_bytes.inc(sidecar.num_bytes)
        self._metrics.sealed_event_time.set(sidecar.newest_event_time)
        logger.info("shard sealed name=%s samples=%d bytes=%d", sidecar.name, sidecar.num_samples, sidecar.num_bytes)


def holdout_sha256(families: Sequence[str]) -> str:
    """Return the digest of a hold-out list, whatever its order."""
    return hashlib.sha256(json.dumps(sorted(set(families))).encode()).hexdigest()
