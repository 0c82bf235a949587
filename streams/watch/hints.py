"""Read hints of news from Kafka and pass them on: "look now" and nothing more, so one that is lost does no harm.

Read without a consumer group: a watcher that starts looks at everything anyway. After a broken connection reading goes
on a little before where it was.
"""

import logging
import threading
import time
from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams import topics
from streams.broker import require_broker
from streams.config import StreamsSettings
from streams.errors import BrokerError, RecordError
from streams.kafka_security import client_options
from streams.records import HintRecord

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
POLL_MS = 1000
OVERLAP_SECONDS = 30.0
RETRY_SECONDS = 5.0


def follow_hints(settings: StreamsSettings, stop: threading.Event, hint: Callable[[str], None]) -> None:
    """Call hint(place) for each hint that comes, until stop is set."""
    since = time.time()
    said = False
    while not stop.is_set():
        try:
            consumer = _connect(settings, since)
            said = False
            try:
                while not stop.is_set():
                    records = consumer.poll(timeout_ms=POLL_MS)
                    since = time.time() - OVERLAP_SECONDS
                    for record in (record for batch in records.values() for record in batch):
                        _pass_on(record.value, hint)
            finally:
                consumer.close()
        except (BrokerError, KafkaError, OSError) as error:
            if not said:
                logger.warning("hints cannot be read, trying again; polling goes on: %s", error)
            said = True
            stop.wait(RETRY_SECONDS)


def _connect(settings: StreamsSettings, since: float) -> KafkaConsumer:
    """Return a consumer that reads what came since a moment."""
    require_broker(settings)
    consumer = KafkaConsumer(
        client_id="sheetstream-hints",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
        **client_options(settings),
    )
    try:
        place = TopicPartition(topics.topic_name(settings, topics.HINTS), 0)  # the topic's only one
        consumer.assign([place])
        found = consumer.offsets_for_times({place: int(since * 1000)})[place]
        consumer.seek(place, found.offset if found is not None else consumer.end_offsets([place])[place])
    except BaseException:
        consumer.close()
        raise
    return consumer


def _pass_on(value: bytes | None, hint: Callable[[str], None]) -> None:
    try:
        hint(HintRecord.decode(value).to_domain().place)
    except RecordError as error:
        logger.warning("hint not understood, dropped: %s", error)
