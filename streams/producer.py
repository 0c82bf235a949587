"""Send records to Kafka from outside the worker, and return only when the brokers have them.

A call has a deadline: whatever the broker does, it ends with every record confirmed or with BrokerError, and then the
caller sends the same records again later. Their ids come from content, so twice does no harm.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError

from streams.broker import require_broker
from streams.broker_faults import failed
from streams.config import StreamsSettings
from streams.kafka_security import client_options
from streams.ledger.outbox import Outgoing

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
DELIVERY_SECONDS = 30.0
CLOSE_SECONDS = 2.0


class RecordProducer:
    """A lazily connected idempotent producer; after an error the next call connects afresh. Threads may share it."""

    def __init__(self, settings: StreamsSettings, *, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()

    def send(self, records: Sequence[Outgoing]) -> None:
        """Send records in their order and wait until all are confirmed. Raises BrokerError."""
        with self._lock:
            try:
                self._deliver(self._connected(), records)
            except (KafkaError, OSError) as error:
                self.close()
                raise failed(error, self._settings) from error

    def close(self) -> None:
        """Give the connection up; what is unconfirmed stays unconfirmed."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError):
                producer.close(timeout=CLOSE_SECONDS)

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            require_broker(self._settings)
            self._producer = KafkaProducer(
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
                max_block_ms=int(CONNECT_SECONDS * 1000),
                request_timeout_ms=int(DELIVERY_SECONDS * 500),
                delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
                reconnect_backoff_max_ms=1000,
                **client_options(self._settings),
            )
        return self._producer

    def _deliver(self, producer: KafkaProducer, records: Sequence[Outgoing]) -> None:
        deadline = time.monotonic() + DELIVERY_SECONDS + CLOSE_SECONDS
        confirmations = [
            producer.send(
                self._settings.topic_prefix + record.topic,
                key=record.key.encode(),
                value=record.value,
                headers=[(name, text.encode()) for name, text in record.headers.items()],
            )
            for record in records
        ]
        for confirmation in confirmations:
            confirmation.get(timeout=max(0.0, deadline - time.monotonic()))
