"""The embedded Kafka node and what keeps it from starting."""

import socket
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from deploy.local import broker as module
from deploy.local.broker import Broker, reachable
from deploy.local.errors import BrokerError
from deploy.local.home import LOOPBACK, Home
from deploy.local.jars import read_digests


@pytest.mark.broker
def test_a_record_comes_back(kafka_address: str) -> None:
    """What is produced is consumed: it is a real broker."""
    admin = KafkaAdminClient(bootstrap_servers=kafka_address)
    admin.create_topics({"round-trip": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka_address)
    producer.send("round-trip", b"hello").get(timeout=20)
    producer.close()
    consumer = KafkaConsumer(
        "round-trip", bootstrap_servers=kafka_address, auto_offset_reset="earliest", consumer_timeout_ms=20000
    )

    assert next(iter(consumer)).value == b"hello"
    consumer.close()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """The message says which port and what to do."""
    home = Home(tmp_path)
    home.create()
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        broker = Broker(home, tmp_path, port=port, controller_port=port)

        with pytest.raises(BrokerError, match=rf"port {port} .* in use"):
            broker.start()


def test_a_full_disk_is_said_before_kafka_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka on a full disk would die much later with a stack trace."""
    monkeypatch.setattr(module, "MIN_FREE_BYTES", 1 << 62)
    home = Home(tmp_path)
    home.create()

    with pytest.raises(BrokerError, match="of disk free"):
        Broker(home, tmp_path, port=1, controller_port=2).start()


def test_nothing_listens_is_not_reachable() -> None:
    """A wrong address is an answer, not an exception."""
    assert not reachable("127.0.0.1:1")
    assert not reachable("nonsense")


def test_the_pinned_jars_are_kafka() -> None:
    """The digests name one Kafka of one version."""
    kafka = {name for name in read_digests() if name.startswith("kafka-clients")}

    assert len(kafka) == 1
    assert all(len(digest) == 64 for digest in read_digests().values())
