"""streams/topics.py"""

import uuid
from pathlib import Path
from typing import Any

import pytest

from streams import topics
from streams.config import StreamsSettings
from streams.errors import BrokerError, TopicError


def test_each_agent_has_a_topic_of_its_own() -> None:
    """So the place of an agent in the ledger is the place in its topic."""
    names = [topic.name for topic in topics.TOPICS]

    assert len(set(names)) == len(names)
    assert len(set(topics.AGENT_TOPICS.values())) == len(topics.AGENT_TOPICS)


def test_only_announcements_of_a_current_state_are_compacted() -> None:
    """Events are kept whole; what only the newest record of a key counts for is compacted."""
    compacted = {topic.name for topic in topics.TOPICS if topic.compact}

    assert compacted == {"trace.links", "corpus.shards", "model.checkpoints", "model.releases"}
    assert topics.COMMITS.config()["retention.ms"] == "-1"


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_with_three_copies_two_must_confirm(replicas: int, in_sync: str | None) -> None:
    """With fewer a single broker that is away would stop everything; a leader always has all that was confirmed."""
    config = topics.COMMITS.config(replicas)

    assert config.get("min.insync.replicas") == in_sync
    assert config["unclean.leader.election.enable"] == "false"


def test_a_topic_with_one_copy_never_wants_two(tmp_path: Path) -> None:
    """When the factor is raised later, the topics that are there would take no record any more."""
    settings = StreamsSettings(home=tmp_path, replication_factor=3)
    admin = FakeAdmin()

    report = topics.apply_topics(settings, admin=admin)

    assert "repo.commits: 1 replicas, expected 3" in report.drift
    assert not any("min.insync.replicas" in change for change in admin.changes)


class FakeAdmin:
    """A broker on which every topic is there with one copy and other settings."""

    def __init__(self) -> None:
        self.changes: list[dict[str, str]] = []

    def describe_topics(self) -> list[dict[str, object]]:
        return [
            {
                "name": topic.name,
                "topic_id": "id",
                "partitions": [{"replica_nodes": [1]}] * (1 if topic.single_partition else 4),
            }
            for topic in topics.TOPICS
        ]

    def describe_configs(self, resources: list[Any], config_filter: str) -> dict[str, Any]:
        return {"topic": {resource.name: {"retention.ms": {"value": "1"}} for resource in resources}}

    def alter_configs(self, resources: list[Any]) -> None:
        self.changes += [resource.configs for resource in resources]


@pytest.mark.broker
def test_topics_are_created_once_and_drift_is_put_right(kafka_address: str, tmp_path: Path) -> None:
    """Workers refuse to start before; a second time nothing is done; another partition count is only reported."""
    settings = StreamsSettings(home=tmp_path, kafka=kafka_address, topic_prefix=f"{uuid.uuid4().hex[:8]}.")
    with pytest.raises(TopicError, match=r"repo\.commits"):
        topics.require_topics(settings)

    first = topics.apply_topics(settings)
    second = topics.apply_topics(settings)
    more = topics.apply_topics(settings.model_copy(update={"partitions": 8}))

    assert len(first.created) == len(topics.TOPICS)
    assert (second.created, second.altered, second.drift) == ((), (), ())
    assert f"{settings.topic_prefix}repo.commits: 4 partitions, expected 8" in more.drift
    assert second.topic_ids == first.topic_ids
    assert topics.require_topics(settings).drift == ()


def test_no_broker_is_a_broker_error(tmp_path: Path) -> None:
    """The message names the address."""
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1"):
        topics.apply_topics(StreamsSettings(home=tmp_path, kafka="127.0.0.1:1"))
