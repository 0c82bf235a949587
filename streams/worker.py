"""The worker process: Faust's worker inside a process of ours, which owns signals, logging and the metrics' port.

It refuses to start before its topics exist, and ends with an error when Faust's app crashes: then it is started afresh.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import faust
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from streams.agents.delivery import Delivery
from streams.agents.handlers import create_handlers
from streams.app import StreamsApp, create_app
from streams.config import StreamsSettings
from streams.errors import BrokerError, StreamsError, TopicError
from streams.failpoints import Failpoints
from streams.ledger.engine import open_ledger
from streams.ledger.migrate import upgrade
from streams.metrics import StreamsMetrics
from streams.pool import Pool, map_limits
from streams.publisher import Publisher
from streams.tidy import tidy
from streams.topics import TopicReport, require_topics

logger = logging.getLogger(__name__)

TOPICS_SECONDS = 60.0  # how long a start waits for topics that another process is about to make
SWEEP_SECONDS = 1.0
BEAT_SECONDS = 5.0
STUCK_SECONDS = 1800.0  # one record in hand for longer than this: the health check may fail


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
            with Pool(limits=map_limits(settings)) as pool:
                asyncio.run(_run(settings, engine, metrics, report, pool, stop, beat))
    finally:
        engine.dispose()


def _wait_for_topics(settings: StreamsSettings, stop: threading.Event, beat: Callable[[], None]) -> TopicReport | None:
    deadline = time.monotonic() + TOPICS_SECONDS
    while not stop.is_set():
        beat()
        try:
            return require_topics(settings)
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
    stop: threading.Event,
    beat: Callable[[], None],
) -> None:
    failpoints = Failpoints(settings.failpoint)
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
    sweeping = asyncio.create_task(_sweep(publisher))
    tidying = asyncio.create_task(tidy(engine))
    running = asyncio.create_task(worker.start())
    try:
        await _watch(running, list(deliveries.values()), pool, stop, beat)
    finally:
        sweeping.cancel()
        tidying.cancel()
        await worker.stop()
        pool.abort()  # nobody waits for it now, and asyncio's end waits for the thread that does
        ended = await asyncio.gather(running, sweeping, tidying, return_exceptions=True)
    crash = ended[0] or worker.crash_reason or app.crash_reason
    if not stop.is_set():
        raise StreamsError(f"worker: Faust stopped by itself: {crash!r}") from crash


async def _watch(
    running: asyncio.Task[None],
    deliveries: list[Delivery[Any, Any]],
    pool: Pool,
    stop: threading.Event,
    beat: Callable[[], None],
) -> None:
    """Return when stop is set or the worker ended; beat while no agent holds one record for too long."""
    last_beat = 0.0
    while not stop.is_set() and not running.done():
        now = time.monotonic()
        taken = [delivery.in_progress_since for delivery in deliveries if delivery.in_progress_since is not None]
        if now - last_beat >= BEAT_SECONDS and all(now - since < STUCK_SECONDS for since in taken):
            beat()
            last_beat = now
        pool.release_idle()
        await asyncio.sleep(0.2)


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
