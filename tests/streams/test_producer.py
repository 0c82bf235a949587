"""Records are sent when the brokers have confirmed them, and an absent broker is a BrokerError in bounded time."""

import time
from pathlib import Path

import pytest

from streams import topics
from streams.config import StreamsSettings
from streams.errors import BrokerError
from streams.ledger.outbox import Outgoing
from streams.producer import RecordProducer
from streams.replay import read_since
from streams.topics import apply_topics


def outgoing(number: int) -> Outgoing:
    return Outgoing(topic=topics.COMMITS.name, key="family", value=str(number).encode())


def test_without_a_broker_a_send_ends_with_an_error(tmp_path: Path) -> None:
    """Nobody listens on that port: the call ends soon and names the address."""
    producer = RecordProducer(StreamsSettings(home=tmp_path, kafka="127.0.0.1:9"), client_id="test")
    started = time.monotonic()

    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:9"):
        producer.send([outgoing(1)])
    assert time.monotonic() - started < 5


@pytest.mark.broker
def test_what_was_sent_lies_in_the_topic_in_order(tmp_path: Path, kafka_address: str) -> None:
    """Records of one key are in one partition in the order they were sent; a second call goes on."""
    settings = StreamsSettings(home=tmp_path, kafka=kafka_address, topic_prefix="producer.")
    apply_topics(settings)
    producer = RecordProducer(settings, client_id="test")

    producer.send([outgoing(number) for number in range(50)])
    producer.send([outgoing(50)])
    producer.close()

    records = read_since(settings, topics.COMMITS)
    assert [record.value for record in records] == [str(number).encode() for number in range(51)]
    assert {record.key for record in records} == {b"family"}


@pytest.mark.broker
def test_a_missing_topic_is_an_error_and_not_made(
    tmp_path: Path, kafka_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Topics have a table; a producer makes none."""
    monkeypatch.setattr("streams.producer.CONNECT_SECONDS", 2.0)
    settings = StreamsSettings(home=tmp_path, kafka=kafka_address, topic_prefix="nowhere.")
    producer = RecordProducer(settings, client_id="test")

    with pytest.raises(BrokerError):
        producer.send([outgoing(1)])
    with pytest.raises(BrokerError, match="topics apply"):
        read_since(settings, topics.COMMITS)
