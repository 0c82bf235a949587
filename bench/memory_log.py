"""Kafka in memory, as much of it as producers and agents see: topics with ids, partitions by key, offsets, no loss."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from mapper.ids import content_id
from streams.agents.delivery import Message
from streams.ledger.outbox import Outgoing
from streams.topics import TOPICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record as it lies in a partition."""

    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


class MemoryLog:
    """All topics of a broker; a record that was appended stays, with its offset."""

    def __init__(self, *, partitions: int = 1) -> None:
        self.partitions = partitions
        self.topic_ids = {topic.name: content_id("topic", topic.name) for topic in TOPICS}
        self._single = {topic.name for topic in TOPICS if topic.single_partition}
        self._records: dict[tuple[str, int], list[Stored]] = defaultdict(list)

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes]) -> None:
        """Add a record to the partition of its key."""
        count = 1 if topic in self._single else self.partitions
        place = (topic, zlib.crc32(key or b"") % count)
        self._records[place].append(Stored(key=key, value=value, headers=dict(headers)))

    def end(self, topic: str, partition: int) -> int:
        """Return the offset that the next record of a partition gets."""
        return len(self._records[topic, partition])

    def read(self, topic: str, partition: int, offset: int) -> Message:
        """Return a record as an agent gets it."""
        stored = self._records[topic, partition][offset]
        return Message(
            topic=topic,
            topic_id=self.topic_ids[topic],
            partition=partition,
            offset=offset,
            key=stored.key,
            value=stored.value,
            time=float(offset),
        )

    def all_of(self, topic: str) -> list[Stored]:
        """Return every record of a topic, by partition and offset."""
        return [record for place in sorted(self._records) if place[0] == topic for record in self._records[place]]


class WatcherProducer:
    """What the watcher sends with: a call returns when every record is in the log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def send(self, records: Sequence[Outgoing]) -> None:
        """Append the records in their order."""
        for record in records:
            headers = {name: text.encode() for name, text in record.headers.items()}
            self._log.append(record.topic, record.key.encode(), record.value, headers)

    def close(self) -> None:
        """Nothing is open."""


class WorkerProducer:
    """What the outbox is published with: confirmed at once."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Mapping[str, bytes] | None,
    ) -> Awaitable[object]:
        """Append the record and return its confirmation."""
        self._log.append(topic, key, value, headers or {})
        confirmed = asyncio.get_running_loop().create_future()
        confirmed.set_result(None)
        return confirmed
