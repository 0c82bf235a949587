"""The broker as a process of the supervisor."""

import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from deploy.local.broker import Broker
from deploy.local.config import LocalSettings
from deploy.local.home import Home


def run(
    settings: LocalSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Run Kafka on the ports written down for this home until stop is set. Raises BrokerError."""
    home = Home(settings.home)
    ports = home.ports()
    broker = Broker(
        home,
        settings.cache,
        port=ports["kafka"],
        controller_port=ports["controller"],
        heap_mb=settings.kafka_heap_mb,
    )
    broker.start()
    try:
        broker.wait(stop, beat)
    finally:
        broker.stop()
