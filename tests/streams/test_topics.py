"""streams/topics.py"""

import uuid
from pathlib import Path

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
