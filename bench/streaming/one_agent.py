"""One agent, or a bare Faust app, over what waits in a topic: `python -m bench.streaming.one_agent AGENT KIND`.

Prints how many records it took and the seconds from the first one in hand to the last one done, as JSON. KIND is
agent (the real one, with its ledger and outbox), faust (pass each record on, as Faust's own examples do) or confirmed
(the same, waiting for Kafka to confirm each record before the next, as a delivery without loss must).
"""

import argparse
import asyncio
import json
import logging
import time
from typing import Any

import faust
from kafka import KafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from streams.agents.delivery import Delivery, Message
from streams.agents.handlers import create_handlers
from streams.app import create_app
from streams.config import StreamsSettings
from streams.ledger import offsets
from streams.ledger.engine import open_ledger, reading
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.publisher import Publisher
from streams.topics import AGENT_TOPICS, require_topics, topic_name
from streams.worker import EmbeddedWorker

LIMIT_SECONDS = 300.0


class Watch:
    """Counts records and takes the time from the first to the last."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.count = 0
        self.done = asyncio.Event()
        self._first = self._last = 0.0

    def begin(self) -> None:
        self._first = self._first or time.perf_counter()

    def end(self) -> None:
        self.count += 1
        self._last = time.perf_counter()
        if self.count >= self.expected:
            self.done.set()

    def seconds(self) -> float:
        return self._last - self._first


class Timed(Delivery[Any, Any]):
    """A delivery under a watch."""

    watch: Watch

    async def deliver(self, message: Message) -> None:
        """Deliver, and tell the watch."""
        self.watch.begin()
        await super().deliver(message)
        self.watch.end()


class AppProducer:
    """The producer of an app that is made later."""

    app: Any

    async def send(self, *arguments: Any) -> Any:
        return await (await self.app.maybe_start_producer()).send(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agent", choices=sorted(AGENT_TOPICS))
    parser.add_argument("kind", choices=("agent", "faust", "confirmed"))
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    settings = StreamsSettings()
    with Pool() as pool:
        print(json.dumps(asyncio.run(_measure(settings, arguments.agent, arguments.kind, pool))))


async def _measure(settings: StreamsSettings, agent: str, kind: str, pool: Pool) -> dict[str, float]:
    watch = Watch(_waiting(settings, agent, applied=kind == "agent"))
    if not watch.expected:
        return {"records": 0, "seconds": 0.0}
    app = _agent_app(settings, agent, watch, pool) if kind == "agent" else _bare_app(settings, agent, kind, watch)
    worker = EmbeddedWorker(
        app, loop=asyncio.get_running_loop(), quiet=True, override_logging=False, redirect_stdouts=False, debug=False
    )
    worker.spinner = None
    running = asyncio.create_task(worker.start())
    done = asyncio.create_task(watch.done.wait())
    try:
        await asyncio.wait([running, done], timeout=LIMIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await worker.stop()
        ended = await asyncio.gather(running, return_exceptions=True)
    if not done.done():
        raise RuntimeError(f"{agent}: {watch.count} of {watch.expected} records taken, then: {ended[0]!r}")
    return {"records": watch.count, "seconds": watch.seconds()}


def _waiting(settings: StreamsSettings, agent: str, *, applied: bool) -> int:
    """Return how many records the agent's topic holds, those that the ledger's position is behind of left out."""
    name = topic_name(settings, AGENT_TOPICS[agent])
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    places = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name)]
    num_records = sum(consumer.end_offsets(places).values())
    consumer.close()
    if not applied:
        return int(num_records)
    engine = open_ledger(settings.database_url)
    with reading(engine) as conn:
        num_records -= sum(place.next_offset for place in offsets.positions(conn) if place.agent == agent)
    engine.dispose()
    return int(num_records)


def _agent_app(settings: StreamsSettings, agent: str, watch: Watch, pool: Pool) -> Any:
    engine, metrics, producer = open_ledger(settings.database_url), StreamsMetrics(CollectorRegistry()), AppProducer()
    publisher = Publisher(engine, producer, metrics, topic_prefix=settings.topic_prefix)
    (handler,) = [found for found in create_handlers(settings, engine, metrics, pool) if found.agent == agent]
    delivery = Timed(handler, engine, publisher, metrics)
    delivery.watch = watch
    topic_ids = require_topics(settings).topic_ids
    producer.app = create_app(settings, {agent: delivery}, engine=engine, topic_ids=topic_ids)
    return producer.app


def _bare_app(settings: StreamsSettings, agent: str, kind: str, watch: Watch) -> Any:
    folder = settings.home / "cache" / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        f"{settings.topic_prefix}bare-{agent}-{kind}",
        broker=f"kafka://{settings.kafka}",
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        store="memory://",
        datadir=folder,
        autodiscover=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    bytes_only: dict[str, Any] = {
        "key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw",
    }  # fmt: skip
    source = app.topic(topic_name(settings, AGENT_TOPICS[agent]), internal=False, **bytes_only)
    target = app.topic(f"{settings.topic_prefix}bench.passed", internal=False, **bytes_only)

    async def passing(stream: Any) -> None:
        async for event in stream.events():
            watch.begin()
            sent = await target.send(key=event.message.key, value=event.message.value)
            if kind == "confirmed":
                await sent
            watch.end()

    app.agent(source, name="passing", concurrency=1)(passing)
    return app


if __name__ == "__main__":
    main()
