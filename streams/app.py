"""The Faust application: four agents over four topics, at least once, positioned by the ledger.

Faust's own offsets lag behind the ledger's after a kill, and may run ahead of them: it acknowledges a record whose
processing a shutdown cancelled. So each partition starts where the ledger says, whatever Faust had committed.
No tables, no web server, no topic made by Faust; the delivery decodes bytes: there a bad record is a dead letter.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from sqlalchemy import Engine

from streams.agents.delivery import Delivery, Message
from streams.config import StreamsSettings
from streams.kafka_security import addresses, faust_credentials
from streams.ledger import offsets
from streams.ledger.engine import reading
from streams.topics import AGENT_TOPICS, MAX_LETTER_BYTES, Topic, group_id, topic_name

logger = logging.getLogger(__name__)

HEARTBEATS = 5  # of one session
MAX_POLL_SECONDS = 1800.0  # a large repository's first mapping is one record
COMMIT_SECONDS = 1.0
BUFFER_RECORDS = 32  # of up to 1 MB each

StartOffsets = Callable[[], Mapping[TP, int]]


class LedgerConsumer(driver.Consumer):  # type: ignore[misc]  # faust is not followed by mypy
    """Faust's Kafka consumer, positioned by the ledger's offsets instead of the group's committed ones."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every assigned partition to the ledger's offset, the beginning where it has none; return the offsets."""
        found: dict[TP, int] = dict(await super().seek_to_committed())
        known = await asyncio.to_thread(self.app.start_offsets)
        for partition in self.assignment():
            offset = known.get(partition, 0)
            if offset != found.get(partition):
                logger.debug("seek topic=%s partition=%d from=%s to=%d", *partition, found.get(partition), offset)
                await self._seek(partition, offset)
                found[partition] = offset
        return found


class LedgerTransport(driver.Transport):  # type: ignore[misc]
    """Faust's Kafka transport with that consumer."""

    Consumer = LedgerConsumer


class StreamsApp(faust.App):  # type: ignore[misc]
    """A Faust app that knows where to start reading."""

    start_offsets: StartOffsets

    def _new_transport(self) -> Any:
        return LedgerTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: there are no tables to keep."""


def create_app(
    settings: StreamsSettings,
    deliveries: Mapping[str, Delivery[Any, Any]],
    *,
    engine: Engine,
    topic_ids: Mapping[str, str],
) -> StreamsApp:
    """Return the app with one agent a delivery; nothing is connected yet. `topic_ids`: of streams.topics."""
    app = StreamsApp(
        group_id(settings),
        broker=[f"kafka://{address}" for address in addresses(settings)],
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / HEARTBEATS,
        broker_max_poll_interval=MAX_POLL_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        consumer_auto_offset_reset="earliest",
        processing_guarantee="at_least_once",
        producer_acks=-1,
        producer_max_request_size=MAX_LETTER_BYTES,
        stream_buffer_maxsize=BUFFER_RECORDS,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        store="memory://",
        datadir=settings.home / "cache" / "faust",
        autodiscover=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.start_offsets = lambda: start_offsets(settings, engine, topic_ids)
    for agent, delivery in deliveries.items():
        _add_agent(app, settings, AGENT_TOPICS[agent], delivery, topic_ids[AGENT_TOPICS[agent].name])
    return app


def start_offsets(settings: StreamsSettings, engine: Engine, topic_ids: Mapping[str, str]) -> dict[TP, int]:
    """Return the next offset of every partition that the ledger knows in this incarnation of its topic."""
    names = {topic.name: topic_name(settings, topic) for topic in AGENT_TOPICS.values()}
    with reading(engine) as conn:
        return {
            TP(names[position.topic], position.partition): position.next_offset
            for position in offsets.positions(conn)
            if position.topic in names and topic_ids.get(position.topic) == position.topic_id
        }


def _add_agent(
    app: StreamsApp, settings: StreamsSettings, topic: Topic, delivery: Delivery[Any, Any], topic_id: str
) -> None:
    channel = app.topic(
        topic_name(settings, topic),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        internal=False,
    )

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            await delivery.deliver(_message(event.message, topic, topic_id))

    app.agent(channel, name=f"{delivery.handler.agent}", concurrency=1)(agent)


def _message(message: Any, topic: Topic, topic_id: str) -> Message:
    return Message(
        topic=topic.name,
        topic_id=topic_id,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        time=message.timestamp or 0.0,
    )
