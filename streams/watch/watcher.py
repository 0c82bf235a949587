"""The watcher process: which source is due, and what to do when a look fails.

Sources come from the ledger and are looked up every second, so one that the command line adds is seen at once. A
source is due after its interval, give or take some so that they spread; at once when a hint or a person says so; and
later and later when it fails. Several on one host share what that host may be asked. A broker that is away is waited
for. Nothing is lost either way, as the ledger notes only what Kafka has confirmed.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from streams.acls import require_rights
from streams.blobs import BlobStore
from streams.broker import AccessWatch
from streams.config import StreamsSettings
from streams.errors import BrokerError, HostError, LedgerError, StreamsError
from streams.failpoints import Failpoints
from streams.ledger import sources
from streams.ledger.engine import open_ledger, reading
from streams.ledger.migrate import upgrade
from streams.ledger.sources import Repository, SheetSource
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.upgrade import tell_upgrades
from streams.watch.folders import poll_folder
from streams.watch.gauges import export_gauges
from streams.watch.hints import follow_hints
from streams.watch.hosts import Hosts
from streams.watch.place import host_of, place_of
from streams.watch.poll import Poller

logger = logging.getLogger(__name__)

SERVICE = "watcher"  # of streams/acls.py
TICK_SECONDS = 1.0
POLLS_AT_ONCE = 8
MAX_BACKOFF_SECONDS = 60.0
MAX_REMOTE_BACKOFF_SECONDS = 900.0
MAX_DOUBLINGS = 10
JITTER = 0.15
"""Of an interval, up or down: sources that were added together do not stay together."""
HINT_DISTANCE_SECONDS = 2.0
"""Between the starts of two looks at a source that hints ask for."""
MAX_HINTS = 10_000
"""Places that wait to be matched; more within a second are no hints any more."""
BROKER_RETRY_SECONDS = 2.0
NOTE_SECONDS = 30.0
"""A source without news has the time of its last look written no more often than this."""

UPGRADE_SECONDS = 10.0
"""How often it is asked what another version of the mapper has read."""

STOP_SECONDS = 5.0

Source = Repository | SheetSource


@dataclass(slots=True)
class _Schedule:
    """When a source is due, and how its last looks went."""

    due: float = 0.0
    started: float = -HINT_DISTANCE_SECONDS
    failures: int = 0
    again: bool = False
    """A hint came while a look was running: what that look saw may be older."""
    forced: float | None = None
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
    threading.Thread(target=follow_hints, args=(settings, stop, watcher.hint), daemon=True, name="hints").start()
    active: list[Source] = []
    read_at = 0.0
    next_upgrade = 0.0
    try:
        with AccessWatch(settings, partial(require_rights, settings, SERVICE)) as access:
            while not stop.is_set():
                access.check()
                try:
                    if time.monotonic() - read_at >= TICK_SECONDS:
                        active = _active(engine)
                        read_at = time.monotonic()
                    watcher.start_due(active)
                    beat()
                    if time.monotonic() >= next_upgrade:
                        next_upgrade = time.monotonic() + UPGRADE_SECONDS
                        tell_upgrades(engine)
                except (LedgerError, SQLAlchemyError) as error:
                    logger.warning("ledger not readable, trying again: %s", error)
                    stop.wait(TICK_SECONDS)
                watcher.wait(TICK_SECONDS)
    finally:
        watcher.join(STOP_SECONDS)
        producer.close()
        engine.dispose()


def _active(engine: Engine) -> list[Source]:
    """Return the sources to look at; the files of a folder are looked at with the folder."""
    with reading(engine) as conn:
        sheets = sources.list_sheet_sources(conn, ("active",))
        return [*sources.list_repositories(conn, ("active",)), *(sheet for sheet in sheets if sheet.folder is None)]


class _Watcher:
    """Starts the looks that are due, each in a thread of its own: one slow server keeps nobody else waiting."""

    def __init__(self, settings: StreamsSettings, poller: Poller, metrics: StreamsMetrics) -> None:
        self._settings = settings
        self._poller = poller
        self._metrics = metrics
        self._schedules: dict[tuple[str, float], _Schedule] = {}
        self._threads: list[threading.Thread] = []
        self._hosts = Hosts(at_once=settings.polls_per_host, distance_seconds=settings.host_distance_seconds)
        self._lock = threading.Lock()  # over schedules, hosts and hints
        self._hints: set[str] = set()
        self._wake = threading.Event()

    def hint(self, place: str) -> None:
        """Note that somebody says a repository has news; many for one place are one."""
        with self._lock:
            if len(self._hints) < MAX_HINTS:
                self._hints.add(place)
        self._wake.set()

    def wait(self, seconds: float) -> None:
        """Return when a look has ended, a hint has come, or the time is over."""
        self._wake.wait(seconds)
        self._wake.clear()

    def start_due(self, active: list[Source]) -> None:
        """Start a look at each source that is due, up to POLLS_AT_ONCE at a time, as its host allows."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        known = {_key(source): source for source in active}
        with self._lock:
            self._schedules = {key: self._schedules.get(key) or _Schedule(error=known[key].error) for key in known}
            self._hurry(known)
            for key, schedule in sorted(self._schedules.items(), key=lambda item: item[1].due):
                if len(self._threads) >= POLLS_AT_ONCE:
                    break
                now, source = time.monotonic(), known[key]
                if schedule.running or now < schedule.due or not self._hosts.take(_host(source), now):
                    continue
                schedule.running, schedule.started, schedule.again = True, now, False
                thread = threading.Thread(target=self._look, args=(source, schedule), daemon=True, name="look")
                thread.start()
                self._threads.append(thread)

    def _hurry(self, known: Mapping[tuple[str, float], Source]) -> None:
        """Make due what hints and people ask for; a hint for what is not watched is dropped."""
        hints, self._hints = self._hints, set()
        met = set()
        for key, schedule in self._schedules.items():
            source = known[key]
            if not isinstance(source, Repository):
                continue
            called = hints & {source.repo_id, place_of(source.url) or source.repo_id}
            met |= called
            forced = source.forced_at is not None and source.forced_at != schedule.forced
            if (called or forced) and schedule.running:
                schedule.again = True
            elif called or forced:
                schedule.due = min(schedule.due, schedule.started + HINT_DISTANCE_SECONDS)
            if forced:
                schedule.forced, schedule.failures = source.forced_at, 0
                self._hosts.hurry(_host(source))
        self._metrics.hints.labels("taken").inc(len(met))
        self._metrics.hints.labels("unknown").inc(len(hints - met))

    def join(self, seconds: float) -> None:
        """Wait for running looks, so long at most; the process's end ends them otherwise."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _look(self, source: Source, schedule: _Schedule) -> None:
        kind = "repository" if isinstance(source, Repository) else "datasheet"
        wait, error, host_fault = self._interval(source), None, None
        try:
            events = self._poll(source)
            result = "changed" if events else "unchanged"
            self._metrics.events.labels(kind).inc(events)
            schedule.failures = 0
            wait *= random.uniform(1 - JITTER, 1 + JITTER)
        except (BrokerError, LedgerError, SQLAlchemyError) as fault:
            result, wait, error = "failed", BROKER_RETRY_SECONDS, schedule.error
            logger.warning("%s, trying again", fault)
        except Exception as fault:
            expected = isinstance(fault, StreamsError | OSError)
            if not expected:
                logger.exception("look at a source failed key=%s", _key(source)[0])
            result, error = "failed", str(fault) if expected else f"internal: {type(fault).__name__}: {fault}"
            host_fault = fault if isinstance(fault, HostError) else None
            schedule.failures += 1
            longest = MAX_REMOTE_BACKOFF_SECONDS if _host(source) else MAX_BACKOFF_SECONDS
            wait = max(wait, min(wait * 2 ** min(schedule.failures, MAX_DOUBLINGS), longest))
            wait *= random.uniform(1 - JITTER, 1 + JITTER)
        self._metrics.polls.labels(kind, result).inc()
        self._note(source, schedule, error)
        with self._lock:
            now = time.monotonic()
            self._hosts.give_back(_host(source), now, host_fault)
            schedule.due = schedule.started + HINT_DISTANCE_SECONDS if schedule.again else now + wait
            schedule.running = False
        self._wake.set()

    def _poll(self, source: Source) -> int:
        now = self._poller.reread(source)  # the list may be older than what another look has noted
        if now is None or _key(now) != _key(source) or now.state != "active":
            return 0
        if isinstance(now, Repository):
            return self._poller.poll_repository(now)
        return poll_folder(self._poller, now) if now.is_folder else self._poller.poll_sheet(now)

    def _interval(self, source: Source) -> float:
        return self._settings.remote_poll_seconds if _host(source) else self._settings.poll_seconds

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


def _host(source: Source) -> str:
    return host_of(source.url if isinstance(source, Repository) else source.location)
