"""Send records that were in a topic once more: a dead letter's, or all commits and releases since some moment.

The same bytes under the same key, so the same ids: what has its effect already changes nothing when it comes again.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams import topics
from streams.broker import require_broker
from streams.broker_faults import failed
from streams.config import StreamsSettings
from streams.errors import BrokerError, RecordError
from streams.kafka_security import client_options
from streams.lag import PartitionLag
from streams.ledger.letters import Letter
from streams.ledger.outbox import Outgoing
from streams.records import CommitRecord
from streams.topics import Topic, topic_name

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""A read that brings nothing for so long is given up."""

CLOCK_SECONDS = 300.0
"""How far the clocks of two machines may be apart, when a letter is looked for by the time it died."""
FIRST_SECONDS = 5.0
"""The first records of partitions are awaited no longer; what has none by then stays unknown."""

_UNITS = {"min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it lies in a topic."""

    topic: str
    """The topic's name in streams/topics.py."""
    partition: int
    offset: int
    time: float
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)

    def outgoing(self) -> Outgoing:
        """Return the record to send again."""
        return Outgoing(topic=self.topic, key=(self.key or b"").decode("utf-8", "replace"), value=self.value)


def read_record(settings: StreamsSettings, topic: str, partition: int, offset: int) -> Record | None:
    """Return one record, None if its topic does not keep it any more. Raises BrokerError."""
    (known,) = [entry for entry in topics.TOPICS if entry.name == topic]
    with _consumer(settings) as consumer:
        place = TopicPartition(topic_name(settings, known), partition)
        if not consumer.beginning_offsets([place])[place] <= offset < consumer.end_offsets([place])[place]:
            return None
        for record in _read(consumer, known, {place: offset}, last={place: offset + 1}):
            return record if record.offset == offset else None
    return None


def read_letters(settings: StreamsSettings, letters: Sequence[Letter]) -> dict[str, Record]:
    """Return what the topic dead.letters keeps of these: by letter id what died, under headers that say why.

    The topic is read once, from the oldest of them on. Raises BrokerError.
    """
    if not letters:
        return {}
    wanted = {(x.agent, x.topic, str(x.partition), str(x.offset), x.reason): x.letter_id for x in letters}
    found = {}
    for record in read_since(settings, topics.DEAD_LETTERS, min(x.died_at for x in letters) - CLOCK_SECONDS):
        place = tuple(record.headers.get(name, "") for name in ("agent", "topic", "partition", "offset", "reason"))
        if place in wanted:
            found[wanted[place]] = record
    return found


def dead_record(settings: StreamsSettings, letter: Letter, kept: Record | None) -> Record | None:
    """Return the record that died, to be sent again: from dead.letters, or else from where it lay.

    None when neither keeps it any more; where it lay there may be another by now, of a topic that was made anew.
    Raises BrokerError.
    """
    key = None if letter.key is None else letter.key.encode()
    if kept is not None:
        return replace(kept, topic=letter.topic, partition=letter.partition, offset=letter.offset, key=key, headers={})
    record = read_record(settings, letter.topic, letter.partition, letter.offset)
    return record if record is not None and record.key == key else None


def read_since(settings: StreamsSettings, topic: Topic, since: float = 0.0) -> list[Record]:
    """Return what a topic got since a moment, by partition and offset. Raises BrokerError."""
    with _consumer(settings) as consumer:
        name = topic_name(settings, topic)
        places = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
        if not places:
            raise BrokerError(f"kafka: {settings.kafka}: no topic {name} (sheetstream topics apply)")
        found = consumer.offsets_for_times(dict.fromkeys(places, int(since * 1000)))
        ends = consumer.end_offsets(places)
        starts = {place: at.offset for place, at in found.items() if at is not None}
        records = list(_read(consumer, topic, starts, last={place: ends[place] for place in starts}))
    return sorted(records, key=lambda record: (record.partition, record.offset))


def waiting_since(settings: StreamsSettings, lag: Sequence[PartitionLag]) -> dict[str, float]:
    """Return when the oldest record was sent that each agent has yet to read, of agents that have any to read.

    Raises BrokerError.
    """
    behind = {TopicPartition(part.topic, part.partition): part for part in lag if part.lag}
    found: dict[str, float] = {}
    if not behind:
        return found
    with _consumer(settings) as consumer:
        consumer.assign(list(behind))
        for place, part in behind.items():
            consumer.seek(place, max(part.start, part.committed or 0))
        deadline = time.monotonic() + FIRST_SECONDS
        while behind and time.monotonic() < deadline:
            for place, batch in consumer.poll(timeout_ms=200, max_records=100).items():
                if place in behind and batch:
                    part = behind.pop(place)
                    at = batch[0].timestamp / 1000
                    found[part.agent] = min(at, found.get(part.agent, at))
                    consumer.pause(place)
    return found


def read_from(settings: StreamsSettings, topic: str, partition: int, offset: int) -> list[Record]:
    """Return what a partition got from an offset on, in its order.

    Raises RecordError for a topic that no agent reads or a partition that is not there, BrokerError.
    """
    known = {entry.name: entry for entry in topics.AGENT_TOPICS.values()}
    if topic not in known:
        raise RecordError(f"{topic}: one of the topics that agents read expected: {', '.join(sorted(known))}")
    with _consumer(settings) as consumer:
        name = topic_name(settings, known[topic])
        numbers = sorted(consumer.partitions_for_topic(name) or ())
        if partition not in numbers:
            raise RecordError(f"{topic}/{partition}: no such partition, one of {numbers} expected")
        place = TopicPartition(name, partition)
        first, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
        return list(_read(consumer, known[topic], {place: max(first, offset)}, last={place: end}))


def parse_place(text: str) -> tuple[str, int, int]:
    """Return topic, partition and offset of TOPIC/PARTITION/OFFSET. Raises RecordError."""
    match = re.fullmatch(r"([a-z.]+)/(\d+)/(\d+)", text)
    if match is None:
        raise RecordError(f"{text!r}: TOPIC/PARTITION/OFFSET expected, like repo.commits/0/120")
    return match[1], int(match[2]), int(match[3])


def with_later_commits(settings: StreamsSettings, record: Record) -> list[Record]:
    """Return a record, and if it is a commit, all that was told of its repository after it, in that order.

    A commit that is applied late takes the repository back to its own tree; those after it lead forward again.
    """
    repo_id = _repo_id(record) if record.topic == topics.COMMITS.name else None
    if repo_id is None:
        return [record]
    later = of_repository(read_from(settings, record.topic, record.partition, record.offset + 1), repo_id)
    return [record, *later]


def of_repository(records: Sequence[Record], repo_id: str) -> list[Record]:
    """Return the commit records of one repository."""
    return [record for record in records if _repo_id(record) == repo_id]


def parse_since(text: str) -> float:
    """Return the moment that a date (2026-03-01, 2026-03-01T12:00) or an age (90min, 12h, 7d) names."""
    age = re.fullmatch(r"(\d+) *(min|h|d)", text)
    if age:
        return time.time() - int(age[1]) * _UNITS[age[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise RecordError(f"{text!r}: a date like 2026-03-01T12:00 or an age like 90min, 12h, 7d expected") from error


def _repo_id(record: Record) -> str | None:
    try:
        return CommitRecord.decode(record.value).to_domain().repo_id
    except RecordError:
        return None


@contextmanager
def _consumer(settings: StreamsSettings) -> Iterator[KafkaConsumer]:
    """Give a consumer without a group: it reads and commits nothing."""
    require_broker(settings)
    consumer = None
    try:
        consumer = KafkaConsumer(
            client_id="sheetstream-replay",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            **client_options(settings),
        )
        yield consumer
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error
    finally:
        if consumer is not None:
            consumer.close()


def _read(
    consumer: KafkaConsumer, topic: Topic, starts: dict[TopicPartition, int], *, last: dict[TopicPartition, int]
) -> Iterator[Record]:
    """Yield the records of each partition from its start to its last (not included)."""
    starts = {place: start for place, start in starts.items() if start < last[place]}
    if not starts:
        return
    consumer.assign(list(starts))
    for place, start in starts.items():
        consumer.seek(place, start)
    deadline = time.monotonic() + READ_SECONDS
    while any(consumer.position(place) < last[place] for place in starts):
        for place, batch in consumer.poll(timeout_ms=1000).items():
            deadline = time.monotonic() + READ_SECONDS
            for record in batch:
                if record.offset < last[place]:
                    yield _record(topic, record)
        if time.monotonic() > deadline:
            raise BrokerError(f"kafka: topic {topic.name} gave nothing for {READ_SECONDS:g} s")


def _record(topic: Topic, record: Any) -> Record:
    return Record(
        topic=topic.name,
        partition=record.partition,
        offset=record.offset,
        time=record.timestamp / 1000,
        key=record.key,
        value=record.value,
        headers={name: (value or b"").decode("utf-8", "replace") for name, value in record.headers},
    )
