"""Lag seen from outside: what the worker's group committed against the ends of its topics.

Asked of the broker, not of the consumer, because a dead consumer reports nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
)

from streams.broker_faults import failed
from streams.config import StreamsSettings
from streams.topics import AGENT_TOPICS, connect_admin, group_id, topic_name

COORDINATOR_ATTEMPTS = 10
COORDINATOR_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLag:
    """How far a group is behind in one partition."""

    agent: str
    """Who reads the topic."""
    topic: str
    topic_id: str
    """Kafka's id of this incarnation of the topic."""
    partition: int
    committed: int | None
    """Offset of the next record to read; None: nothing was committed yet."""
    start: int
    """Offset of the oldest record still there."""
    end: int
    """Offset the next record will get."""

    @property
    def lag(self) -> int:
        """Number of records that wait."""
        return max(0, self.end - max(self.start, self.committed or 0))


def lag(settings: StreamsSettings, *, admin: Any = None) -> tuple[PartitionLag, ...]:
    """Return the lag of the worker's group in every partition of its topics, ordered. Raises BrokerError."""
    own = admin is None
    admin = admin or connect_admin(settings)
    try:
        return _lag(settings, admin)
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error
    finally:
        if own:
            admin.close()


def num_members(settings: StreamsSettings, *, admin: Any) -> int:
    """Return how many consumers the worker's group has."""
    group = group_id(settings)
    try:
        described = admin.describe_groups([group])
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error
    return len(described[group]["members"]) if group in described else 0


def _lag(settings: StreamsSettings, admin: Any) -> tuple[PartitionLag, ...]:
    agents = {topic_name(settings, topic): agent for agent, topic in AGENT_TOPICS.items()}
    topics = {topic["name"]: topic for topic in admin.describe_topics() if topic["name"] in agents}
    places = [
        TopicPartition(name, partition["partition_index"])
        for name, topic in topics.items()
        for partition in topic["partitions"]
    ]
    committed = _committed_offsets(admin, group_id(settings))
    starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    return tuple(
        PartitionLag(
            agent=agents[place.topic],
            topic=place.topic,
            topic_id=str(topics[place.topic]["topic_id"]),
            partition=place.partition,
            committed=_committed(committed.get(place)),
            start=starts[place].offset,
            end=ends[place].offset,
        )
        for place in sorted(places)
    )


def _committed_offsets(admin: Any, group: str) -> Mapping[TopicPartition, Any]:
    """Return what a group committed; asked again while the broker still sets up the group's coordinator."""
    for _ in range(COORDINATOR_ATTEMPTS):
        try:
            offsets: Mapping[TopicPartition, Any] = admin.list_group_offsets({group: None}).get(group, {})
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            time.sleep(COORDINATOR_SECONDS)
        else:
            return offsets
    raise CoordinatorNotAvailableError(f"group {group}: no coordinator yet")


def _committed(offset: Any) -> int | None:
    return offset.offset if offset is not None and offset.offset >= 0 else None
