"""Delivery: the one way every agent takes a record, so that none is lost and none has its effect twice.

    received -> prepared (expensive, no lock held) -> one ledger transaction {skip what was applied before; effect;
    outgoing records; offset} -> outgoing records confirmed by Kafka -> returned, and so acknowledged

Faust acknowledges a record whose agent raised, and so loses it: nothing is raised from here. A transient fault
(broker, database, disk) is retried with back-off; a record that can never succeed becomes a dead letter, written by
the same transaction and outbox; and when even that fails the process dies before anything is acknowledged.
"""

import asyncio
import logging
import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from streams import topics
from streams.agents.faults import Fault, classify
from streams.errors import StreamsError
from streams.failpoints import Failpoints, Point
from streams.ledger import letters, offsets, outbox
from streams.ledger.engine import writing
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import WireRecord

logger = logging.getLogger(__name__)

EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h
DOUBTFUL_ATTEMPTS = 4
FIRST_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 15.0
ERROR_CHARS = 500

EventT = TypeVar("EventT")
EventT_contra = TypeVar("EventT_contra", contravariant=True)
PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record as it came: `topic` is the name in streams/topics.py."""

    topic: str
    topic_id: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    time: float


def _nothing() -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What applying an event did, besides what it wrote."""

    records: tuple[Outgoing, ...] = ()
    event_time: float | None = None
    result: str = "ok"
    """ok, or dropped when there was nothing to apply the event to."""
    count: Callable[[], None] = field(default=_nothing)
    """Called once, after the effect is durable."""


class Handler(Protocol[EventT_contra, PreparedT]):
    """What an agent does with an event; both methods run in a thread."""

    agent: str
    record: type[WireRecord[Any]]

    def prepare(self, event: EventT_contra) -> PreparedT:
        """Do the expensive part, keyed by content; writes nothing that counts."""
        ...

    def apply(self, conn: Connection, event: EventT_contra, prepared: PreparedT) -> Effect:
        """Write the effect. Raises MovedError when what was prepared is no longer what it was prepared from."""
        ...


class Publishing(Protocol):
    """Publishes what waits in the outbox."""

    async def flush(self) -> None:
        """Return when Kafka has confirmed every record that waited."""
        ...


class Delivery(Generic[EventT, PreparedT]):
    """Delivers records to one handler."""

    def __init__(
        self,
        handler: Handler[EventT, PreparedT],
        engine: Engine,
        publisher: Publishing,
        metrics: StreamsMetrics,
        *,
        failpoints: Failpoints | None = None,
        retry_seconds: float = 300.0,
        sleep: Callable[[float], Any] = asyncio.sleep,
        die: Callable[[int], Any] = os._exit,
    ) -> None:
        self.handler = handler
        self.in_progress_since: float | None = None
        self._engine = engine
        self._publisher = publisher
        self._metrics = metrics
        self._failpoints = failpoints or Failpoints()
        self._retry_seconds = retry_seconds
        self._sleep = sleep
        self._die = die

    async def deliver(self, message: Message) -> None:
        """Return once the record's effect is durable and published, or once it is a dead letter."""
        started = self.in_progress_since = time.monotonic()
        stage = self.handler.agent
        self._failpoints.hit(Point.RECEIVED)
        result = await self._until_settled(message)
        await self._with_retries(self._publisher.flush)
        self._failpoints.hit(Point.CONFIRMED)
        self._metrics.records.labels(stage, result).inc()
        self._metrics.duration.labels(stage).observe(time.monotonic() - started)
        self.in_progress_since = None

    async def _until_settled(self, message: Message) -> str:
        """Return ok, dropped, skipped or dead: what the ledger now says of the record."""
        doubtful = attempts = 0
        started = time.monotonic()
        while True:
            attempts += 1
            try:
                return await asyncio.to_thread(self._apply, message)
            except Exception as error:  # noqa: BLE001  # the boundary: whatever it is, the record must not be lost
                fault = classify(error)
                doubtful += fault is Fault.DOUBTFUL
                if fault is Fault.POISON or doubtful >= DOUBTFUL_ATTEMPTS:
                    return str(await self._with_retries(partial(self._bury, message, error, attempts)))
                await self._pause(error, attempts, started)

    def _apply(self, message: Message) -> str:
        event = self.handler.record.decode(message.value).to_domain()
        if self._is_applied(message):
            return "skipped"
        prepared = self.handler.prepare(event)
        self._failpoints.hit(Point.PREPARED)
        with writing(self._engine) as conn:
            before = self._position(conn, message)
            self._failpoints.hit(Point.LOCKED)
            if before is not None and message.offset < before.next_offset:
                offsets.record_skipped(conn, before, time.time())
                return "skipped"
            if before is not None and message.offset > before.next_offset:
                self._note_gap(message, before.next_offset)
            effect = self.handler.apply(conn, event, prepared)
            outbox.put(conn, effect.records, time.time())
            self._record_offset(conn, message, before, effect.event_time)
            self._failpoints.hit(Point.APPLIED)
        self._failpoints.hit(Point.COMMITTED)
        effect.count()
        if effect.event_time is not None:
            self._metrics.event_time.labels(self.handler.agent, message.partition).set(effect.event_time)
        return effect.result

    def _is_applied(self, message: Message) -> bool:
        with writing(self._engine) as conn:
            before = self._position(conn, message)
            if before is None or message.offset >= before.next_offset:
                return False
            offsets.record_skipped(conn, before, time.time())
        return True

    def _note_gap(self, message: Message, expected: int) -> None:
        # Only retention leaves gaps in these topics: anything else is a record that was lost on the way here.
        logger.error(
            "offset gap agent=%s topic=%s partition=%d expected=%d got=%d",
            *(self.handler.agent, message.topic, message.partition, expected, message.offset),
        )
        self._metrics.gaps.labels(self.handler.agent).inc()

    async def _bury(self, message: Message, error: Exception, attempts: int) -> str:
        reason = error.reason if isinstance(error, StreamsError) else str(getattr(error, "reason", "internal"))
        logger.warning(
            "dead letter agent=%s topic=%s partition=%d offset=%d reason=%s error=%r",
            *(self.handler.agent, message.topic, message.partition, message.offset, reason, error),
            exc_info=error if reason == "internal" else None,
        )
        await asyncio.to_thread(self._write_letter, message, error, reason, attempts)
        self._metrics.dead_letters.labels(self.handler.agent, reason).inc()
        return "dead"

    def _write_letter(self, message: Message, error: Exception, reason: str, attempts: int) -> None:
        agent, text = self.handler.agent, scrub(str(error))[:ERROR_CHARS]
        key = None if message.key is None else message.key.decode("utf-8", "replace")
        letter = letters.Letter(
            letter_id=letters.letter_id(agent, message.topic, message.topic_id, message.partition, message.offset),
            agent=agent,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=key,
            reason=reason,
            error_class=type(error).__name__,
            message=text,
            attempts=attempts,
            state="dead",
            died_at=time.time(),
        )
        headers = {
            "topic": message.topic,
            "partition": str(message.partition),
            "offset": str(message.offset),
            "time": repr(message.time),
            "agent": agent,
            "reason": reason,
            "error_class": letter.error_class,
            "error": text,
            "attempts": str(attempts),
            "version": code_version(),
        }
        record = Outgoing(topic=topics.DEAD_LETTERS.name, key=key or "", value=message.value, headers=headers)
        with writing(self._engine) as conn:
            before = self._position(conn, message)
            if before is not None and message.offset < before.next_offset:
                return
            letters.bury(conn, letter)
            outbox.put(conn, [record], letter.died_at)
            self._record_offset(conn, message, before, None)
            self._failpoints.hit(Point.BURIED)

    async def _with_retries(self, action: Callable[[], Any]) -> Any:
        """Return what the action gives; the process dies when it fails for longer than retry_seconds."""
        attempts, started = 0, time.monotonic()
        while True:
            attempts += 1
            try:
                return await action()
            except Exception as error:  # noqa: BLE001  # a step without an alternative: again, or die unacknowledged
                await self._pause(error, attempts, started)

    async def _pause(self, error: Exception, attempts: int, started: float) -> None:
        reason = str(getattr(error, "reason", "transient"))
        self._metrics.retries.labels(self.handler.agent, reason).inc()
        if classify(error) is Fault.MOVED:
            return
        if time.monotonic() - started > self._retry_seconds:
            logger.critical("giving up agent=%s attempts=%d error=%r", self.handler.agent, attempts, error)
            self._die(EXIT_STATUS)
        delay = min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), MAX_DELAY_SECONDS) * random.uniform(0.75, 1.25)
        logger.warning("retry agent=%s attempt=%d in_seconds=%.1f error=%r", self.handler.agent, attempts, delay, error)
        await self._sleep(delay)

    def _position(self, conn: Connection, message: Message) -> offsets.Position | None:
        return offsets.lock_position(conn, self.handler.agent, message.topic, message.topic_id, message.partition)

    def _record_offset(
        self, conn: Connection, message: Message, before: offsets.Position | None, event_time: float | None
    ) -> None:
        offsets.record_applied(
            conn,
            before,
            agent=self.handler.agent,
            topic=message.topic,
            topic_id=message.topic_id,
            partition=message.partition,
            offset=message.offset,
            event_time=event_time,
            now=time.time(),
        )


def scrub(text: str) -> str:
    """Return text without user names and passwords in URLs."""
    return re.sub(r"://[^/\s@]+@", "://***@", text)


def code_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("sheetstream")
    except PackageNotFoundError:
        return "unknown"
