"""The watcher process: which source is due, and what to do when a look fails.

Sources come from the ledger and are looked up every second, so one that the command line adds is seen at once. A
source that fails is tried again later and later; a broker that is away is waited for. Nothing is lost either way, as
the ledger notes only what Kafka has confirmed.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from streams.acls import require_rights
from streams.blobs import BlobStore
from streams.broker import AccessWatch
from streams.config import StreamsSettings
from streams.errors import BrokerError, LedgerError, StreamsError
from streams.failpoints import Failpoints
from streams.ledger import sources
from streams.ledger.engine import open_ledger, reading
from streams.ledger.migrate import upgrade
from streams.ledger.sources import Repository, SheetSource
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.watch.gauges import export_gauges
from streams.watch.poll import Poller

logger = logging.getLogger(__name__)

SERVICE = "watcher"  # of streams/acls.py
TICK_SECONDS = 1.0
POLLS_AT_ONCE = 4
MAX_BACKOFF_SECONDS = 60.0
MAX_DOUBLINGS = 10
BROKER_RETRY_SECONDS = 2.0
NOTE_SECONDS = 30.0
"""A source without news has the time of its last look written no more often than this."""

STOP_SECONDS = 5.0

Source = Repository | SheetSource


@dataclass(slots=True)
class _Schedule:
    """When a source is due, and how its last looks went."""

    due: float = 0.0
    failures: int = 0
    noted: float = 0.0
    error: str | None = None
    running: bool = False


def watch(
    settings: StreamsSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Watch all sources until stop is set. Raises BrokerAccessError when the brokers let us in no more."""
    engine = open_ledger(settings.database_url)
    upgrade(engine)
    metrics = StreamsMetrics(registry)
    producer = RecordProducer(settings, client_id="sheetstream-watcher")
    blobs = BlobStore(settings.home)
    blobs.sweep()
    poller = Poller(settings, engine, producer, blobs, metrics, Failpoints(settings.failpoint))
    threading.Thread(target=export_gauges, args=(settings, engine, metrics, stop), daemon=True, name="gauges").start()
    watcher = _Watcher(settings, poller, metrics)
    try:
        with AccessWatch(settings, partial(require_rights, settings, SERVICE)) as access:
            while not stop.is_set():
                access.check()
                try:
                    with reading(engine) as conn:
                        active: list[Source] = list(sources.list_repositories(conn, ("active",)))
                        active += sources.list_sheet_sources(conn, ("active",))
                    watcher.start_due(active)
                    beat()
                except (LedgerError, SQLAlchemyError) as error:
                    logger.warning("ledger not readable, trying again: %s", error)
                stop.wait(TICK_SECONDS)
    finally:
        watcher.join(STOP_SECONDS)
        producer.close()
        engine.dispose()


class _Watcher:
    """Starts the looks that are due, each in a thread of its own: one slow server keeps nobody else waiting."""

    def __init__(self, settings: StreamsSettings, poller: Poller, metrics: StreamsMetrics) -> None:
        self._settings = settings
        self._poller = poller
        self._metrics = metrics
        self._schedules: dict[tuple[str, float], _Schedule] = {}
        self._threads: list[threading.Thread] = []

    def start_due(self, active: list[Source]) -> None:
        """Start a look at each source that is due, up to POLLS_AT_ONCE at a time."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        known = {_key(source): source for source in active}
        self._schedules = {key: self._schedules.get(key) or _Schedule(error=known[key].error) for key in known}
        for key, schedule in sorted(self._schedules.items(), key=lambda item: item[1].due):
            if len(self._threads) >= POLLS_AT_ONCE:
                break
            if not schedule.running and time.monotonic() >= schedule.due:
                schedule.running = True
                thread = threading.Thread(target=self._look, args=(known[key], schedule), daemon=True, name="look")
                thread.start()
                self._threads.append(thread)

    def join(self, seconds: float) -> None:
        """Wait for running looks, so long at most; the process's end ends them otherwise."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _look(self, source: Source, schedule: _Schedule) -> None:
        kind = "repository" if isinstance(source, Repository) else "datasheet"
        wait, error = self._interval(source), None
        try:
            events = self._poll(source)
            result = "changed" if events else "unchanged"
            self._metrics.events.labels(kind).inc(events)
            schedule.failures = 0
        except (BrokerError, LedgerError, SQLAlchemyError) as fault:
            result, wait, error = "failed", BROKER_RETRY_SECONDS, schedule.error
            logger.warning("%s, trying again", fault)
        except Exception as fault:
            expected = isinstance(fault, StreamsError | OSError)
            if not expected:
                logger.exception("look at a source failed key=%s", _key(source)[0])
            result, error = "failed", str(fault) if expected else f"internal: {type(fault).__name__}: {fault}"
            schedule.failures += 1
            wait = max(wait, min(wait * 2 ** min(schedule.failures, MAX_DOUBLINGS), MAX_BACKOFF_SECONDS))
        self._metrics.polls.labels(kind, result).inc()
        self._note(source, schedule, error)
        schedule.due = time.monotonic() + wait
        schedule.running = False

    def _poll(self, source: Source) -> int:
        if isinstance(source, Repository):
            return self._poller.poll_repository(source)
        return self._poller.poll_sheet(source)

    def _interval(self, source: Source) -> float:
        location = source.url if isinstance(source, Repository) else source.location
        remote = location.startswith(("http://", "https://"))
        return self._settings.remote_poll_seconds if remote else self._settings.poll_seconds

    def _note(self, source: Source, schedule: _Schedule, error: str | None) -> None:
        """Write the look into the ledger when its outcome is news, or from time to time."""
        if error == schedule.error and time.monotonic() - schedule.noted < NOTE_SECONDS:
            return
        if error and error != schedule.error:
            logger.warning("source error: %s", error)
        try:
            self._poller.note_poll(source, error)
        except Exception as fault:  # noqa: BLE001 - the note is for people; the next look brings another
            logger.warning("look not noted: %s", fault)
            return
        schedule.error, schedule.noted = error, time.monotonic()
        self._metrics.source_failing.labels(_key(source)[0]).set(error is not None)


def _key(source: Source) -> tuple[str, float]:
    """Return what identifies a source as added: one that is removed and added again is another."""
    return (source.repo_id if isinstance(source, Repository) else source.source_id), source.added_at
