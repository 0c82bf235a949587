"""The worker process: Faust's worker inside a process of ours, which owns signals, logging and the metrics' port.

It refuses to start before its topics exist, and ends with an error when Faust's app crashes: then it is started afresh.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import faust
from faust.exceptions import ConsumerNotStarted
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from streams.acls import require_rights
from streams.agents.delivery import EXIT_STATUS, Delivery
from streams.agents.handlers import create_handlers
from streams.app import StreamsApp, create_app
from streams.broker import AccessWatch
from streams.config import StreamsSettings
from streams.errors import BrokerAccessError, BrokerError, StreamsError, TopicError
from streams.failpoints import Failpoints
from streams.ledger.engine import open_ledger
from streams.ledger.migrate import upgrade
from streams.metrics import StreamsMetrics
from streams.pool import Pool, map_limits
from streams.publisher import Publisher
from streams.tidy import tidy
from streams.topics import TopicReport, require_topics
from streams.watchdog import Partition, watch_partitions

logger = logging.getLogger(__name__)

SERVICE = "worker"  # of streams/acls.py
TOPICS_SECONDS = 60.0  # how long a start waits for topics that another process is about to make
SWEEP_SECONDS = 1.0
BEAT_SECONDS = 5.0
STUCK_SECONDS = 1800.0  # one record in hand for longer than this: the health check may fail
STALLED_SECONDS = 60.0  # how long a worker that stalled is still there, for its gauge and log to be seen


class EmbeddedWorker(faust.Worker):  # type: ignore[misc]  # faust is not followed by mypy
    """Faust's worker without its claims on the process: signals and title stay with the program that runs it."""

    def install_signal_handlers(self) -> None:
        """Install none."""

    def _setproctitle(self, info: str, *, ident: str = "") -> None:
        """Set none."""


def run(
    settings: StreamsSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Run the agents until stop is set. Raises StreamsError when they can not run or stopped by themselves."""
    metrics = StreamsMetrics(registry)
    engine = open_ledger(settings.database_url)
    try:
        upgrade(engine)
        report = _wait_for_topics(settings, stop, beat)
        if report is not None:
            failpoints = Failpoints(settings.failpoint)
            with Pool(limits=map_limits(settings), failpoints=failpoints) as pool:
                asyncio.run(_run(settings, engine, metrics, report, pool, failpoints, stop, beat))
    finally:
        engine.dispose()


def _wait_for_topics(settings: StreamsSettings, stop: threading.Event, beat: Callable[[], None]) -> TopicReport | None:
    deadline = time.monotonic() + TOPICS_SECONDS
    while not stop.is_set():
        beat()
        try:
            report = require_topics(settings)
            require_rights(settings, SERVICE)
            return report
        except BrokerAccessError:
            raise
        except (TopicError, BrokerError) as error:
            if time.monotonic() > deadline:
                raise
            logger.info("waiting for topics: %s", error)
            stop.wait(1.0)
    return None


async def _run(
    settings: StreamsSettings,
    engine: Engine,
    metrics: StreamsMetrics,
    report: TopicReport,
    pool: Pool,
    failpoints: Failpoints,
    stop: threading.Event,
    beat: Callable[[], None],
) -> None:
    producer = _LateProducer()
    publisher = Publisher(engine, producer, metrics, topic_prefix=settings.topic_prefix, failpoints=failpoints)
    deliveries = {
        handler.agent: Delivery[Any, Any](
            handler, engine, publisher, metrics, failpoints=failpoints, retry_seconds=settings.retry_seconds
        )
        for handler in create_handlers(settings, engine, metrics, pool)
    }
    app = create_app(settings, deliveries, engine=engine, topic_ids=report.topic_ids)
    producer.app = app
    worker = EmbeddedWorker(
        app, loop=asyncio.get_running_loop(), quiet=True, override_logging=False, redirect_stdouts=False, debug=False
    )
    worker.spinner = None  # it writes to the terminal even when quiet
    stall = Stall()
    sweeping = asyncio.create_task(_sweep(publisher))
    tidying = asyncio.create_task(tidy(engine))
    watching = asyncio.create_task(
        watch_partitions(
            settings,
            engine,
            metrics,
            assigned=lambda: _assigned(app),
            busy=lambda: [name for name, delivery in deliveries.items() if delivery.in_progress_since is not None],
            report=stall,
        )
    )
    running = asyncio.create_task(worker.start())
    try:
        with AccessWatch(settings, partial(require_rights, settings, SERVICE)) as access:
            await _watch(running, list(deliveries.values()), pool, stall, access, stop, beat)
    finally:
        sweeping.cancel()
        tidying.cancel()
        watching.cancel()
        await worker.stop()
        pool.abort()  # nobody waits for it now, and asyncio's end waits for the thread that does
        ended = await asyncio.gather(running, sweeping, tidying, watching, return_exceptions=True)
    crash = ended[0] or worker.crash_reason or app.crash_reason
    if not stop.is_set():
        raise StreamsError(f"worker: Faust stopped by itself: {crash!r}") from crash


async def _watch(
    running: asyncio.Task[None],
    deliveries: list[Delivery[Any, Any]],
    pool: Pool,
    stall: "Stall",
    access: AccessWatch,
    stop: threading.Event,
    beat: Callable[[], None],
) -> None:
    """Return when stop is set or the worker ended; beat while nothing has stalled and no record is held too long.

    Raises BrokerAccessError when the brokers let this process in no more.
    """
    last_beat = 0.0
    while not stop.is_set() and not running.done():
        now = time.monotonic()
        taken = [delivery.in_progress_since for delivery in deliveries if delivery.in_progress_since is not None]
        if now - last_beat >= BEAT_SECONDS and not stall and all(now - since < STUCK_SECONDS for since in taken):
            beat()
            last_beat = now
        access.check()
        pool.release_idle()
        await asyncio.sleep(0.2)


def _assigned(app: StreamsApp) -> Collection[Partition]:
    try:
        return {(place.topic, place.partition) for place in app.consumer.assignment()}
    except ConsumerNotStarted:
        return set()


class Stall:
    """What the watchdog says: true from a stall on; when it lasts, the process dies, to be started afresh.

    It dies without an attempt to stop Faust, which may hang for the same reason; nothing is in hand then.
    """

    def __init__(self, *, die: Callable[[int], Any] = os._exit, clock: Callable[[], float] = time.monotonic) -> None:
        self._die = die
        self._clock = clock
        self._since: float | None = None

    def __bool__(self) -> bool:
        return self._since is not None

    def __call__(self, stalled: bool) -> None:
        """Take what a look found."""
        if not stalled:
            self._since = None
            return
        self._since = self._since if self._since is not None else self._clock()
        if self._clock() - self._since >= STALLED_SECONDS:
            logger.critical("stalled for good: the process ends, to be started afresh")
            self._die(EXIT_STATUS)


async def _sweep(publisher: Publisher) -> None:
    """Publish what others put into the outbox (commands, the sealer), and what a crash left there."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await publisher.flush()
        except Exception as error:  # noqa: BLE001  # the next round tries again; agents do so with their own limits
            logger.warning("outbox not published: %r", error)


class _LateProducer:
    """The app's producer, which starts with the first record: the app is made after the publisher."""

    app: StreamsApp

    async def send(self, *arguments: Any) -> Any:
        producer = await self.app.maybe_start_producer()
        return await producer.send(*arguments)
