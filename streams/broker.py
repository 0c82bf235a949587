"""Is a Kafka broker there at all? Asked before a client is made.

A client of kafka-python 3.0 whose first connection fails waits for its whole time limit and leaves its sockets to the
garbage collector; a refused connection is known at once.
"""

import socket

from streams.config import StreamsSettings
from streams.errors import BrokerError

PROBE_SECONDS = 5.0


def require_broker(settings: StreamsSettings) -> None:
    """Return if one of the addresses in the setting kafka accepts connections. Raises BrokerError."""
    reasons = []
    for address in settings.kafka.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_SECONDS):
                return
        except (OSError, ValueError) as error:
            reasons.append(f"{address}: {error}")
    raise BrokerError(
        f"kafka: no broker answers: {'; '.join(reasons)}; is the system running, is SHEETSTREAM_KAFKA right?"
    )
