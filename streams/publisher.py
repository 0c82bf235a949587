"""Publish the outbox: send what waits, in its order, and remove it once Kafka has confirmed it.

One at a time in a process, so that two records of one key never overtake each other. A record whose removal fails is
sent again: readers know records by their ids.
"""

import asyncio
import threading
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Protocol

from sqlalchemy import Engine

from streams.errors import BrokerError
from streams.failpoints import Failpoints, Point
from streams.ledger import outbox
from streams.ledger.outbox import Waiting
from streams.metrics import StreamsMetrics

BATCH_RECORDS = 500


class Producer(Protocol):
    """The part of Faust's producer that is used here."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Mapping[str, bytes] | None,
    ) -> Awaitable[object]:
        """Return what is done when the broker has confirmed the record."""
        ...


class Publisher:
    """Publishes the outbox of one ledger through one producer."""

    def __init__(
        self,
        engine: Engine,
        producer: Producer,
        metrics: StreamsMetrics,
        *,
        topic_prefix: str = "",
        failpoints: Failpoints | None = None,
    ) -> None:
        self._engine = engine
        self._producer = producer
        self._metrics = metrics
        self._prefix = topic_prefix
        self._failpoints = failpoints or Failpoints()
        self._lock = asyncio.Lock()

    async def flush(self) -> None:
        """Return when Kafka has confirmed every record that waited. Raises what the producer raises."""
        loop, cancelled = asyncio.get_running_loop(), threading.Event()
        send = partial(self._deliver, loop, cancelled)
        async with self._lock:
            try:
                while await asyncio.to_thread(outbox.publish, self._engine, send, limit=BATCH_RECORDS):
                    self._failpoints.hit(Point.OUTBOX_EMPTIED)
            finally:
                cancelled.set()
            self._metrics.outbox.set(0)

    def _deliver(self, loop: asyncio.AbstractEventLoop, cancelled: threading.Event, batch: list[Waiting]) -> None:
        """Return when Kafka has confirmed a batch; called in a thread, while the producer lives in the loop.

        Raises BrokerError when nobody waits for it any more: the producer is being stopped.
        """
        if cancelled.is_set():
            raise BrokerError("outbox: not published, the worker stops")
        self._metrics.outbox.set(len(batch))
        self._failpoints.hit(Point.OUTBOX_READ)
        asyncio.run_coroutine_threadsafe(self._send_all(batch), loop).result()
        self._failpoints.hit(Point.PUBLISHED)
        for item in batch:
            self._metrics.published.labels(item.record.topic).inc()

    async def _send_all(self, batch: list[Waiting]) -> None:
        confirmations = [await self._send(item) for item in batch]
        await asyncio.gather(*confirmations)

    async def _send(self, item: Waiting) -> Awaitable[object]:
        record = item.record
        headers = {name: text.encode() for name, text in record.headers.items()}
        return await self._producer.send(
            self._prefix + record.topic, record.key.encode(), record.value, None, None, headers or None
        )
