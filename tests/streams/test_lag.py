"""Lag is what the group has not committed, counted from outside."""

import time
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata
from prometheus_client import CollectorRegistry

from streams import topics
from streams.config import StreamsSettings
from streams.errors import BrokerError
from streams.lag import PartitionLag, lag
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.replay import waiting_since
from streams.topics import apply_topics, connect_admin, group_id
from streams.watch.gauges import _export_lag


def at(committed: int | None, start: int, end: int) -> PartitionLag:
    return PartitionLag(
        agent="symbols", topic="repo.commits", topic_id="t", partition=0, committed=committed, start=start, end=end
    )


@pytest.mark.parametrize(
    ("committed", "start", "end", "waiting"), [(None, 0, 5, 5), (3, 0, 5, 2), (5, 0, 5, 0), (2, 4, 5, 1), (7, 0, 5, 0)]
)
def test_lag_counts_records_that_are_still_there(committed: int | None, start: int, end: int, waiting: int) -> None:
    """Nothing committed counts from the start; what expired is no lag; a re-made topic gives none below zero."""
    assert at(committed, start, end).lag == waiting


def test_without_a_broker_the_lag_is_unknown(tmp_path: Path) -> None:
    """It is an error, not zero."""
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:9"):
        lag(StreamsSettings(home=tmp_path, kafka="127.0.0.1:9"))


@pytest.mark.broker
def test_the_lag_falls_as_the_group_commits(tmp_path: Path, kafka_address: str) -> None:
    """Three records wait; after one is committed two do, and the gauges say the same of the ledger."""
    settings = StreamsSettings(home=tmp_path, kafka=kafka_address, topic_prefix="lag.", partitions=2)
    apply_topics(settings)
    producer = RecordProducer(settings, client_id="test")
    producer.send([Outgoing(topic=topics.COMMITS.name, key="family", value=b"{}")] * 3)
    producer.close()

    before = lag(settings)
    (busy,) = [place for place in before if place.end]
    admin = connect_admin(settings)
    place = TopicPartition(busy.topic, busy.partition)
    admin.alter_group_offsets(group_id(settings), {place: OffsetAndMetadata(1, "", -1)})
    after = {(at.topic, at.partition): at for at in lag(settings, admin=admin)}
    since = waiting_since(settings, lag(settings, admin=admin))
    registry = CollectorRegistry()
    applied = {("symbols", busy.topic_id, busy.partition): 2}
    _export_lag(settings, admin, applied, StreamsMetrics(registry))
    admin.close()

    assert (busy.agent, busy.topic, busy.committed, busy.lag) == ("symbols", "lag.repo.commits", None, 3)
    assert len(before) == 2 * len(topics.AGENT_TOPICS)
    assert after[busy.topic, busy.partition].lag == 2
    labels = {"agent": "symbols", "topic": busy.topic, "partition": str(busy.partition)}
    assert registry.get_sample_value("sheetstream_streams_consumer_lag_records", labels) == 2
    assert registry.get_sample_value("sheetstream_streams_ledger_lag_records", labels) == 1
    assert registry.get_sample_value("sheetstream_streams_consumer_members") == 0
    assert list(since) == ["symbols"]
    assert 0 <= time.time() - since["symbols"] < 60
