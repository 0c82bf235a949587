"""The watchers: look at every source in turn and say in Kafka what is new.

The process is in watcher.py; it is imported when it runs, since readers of a mirror need git.py alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from streams.config import StreamsSettings


def run(
    settings: StreamsSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Watch all sources until stop is set."""
    from streams.watch.watcher import watch

    watch(settings, registry=registry, stop=stop, beat=beat)
