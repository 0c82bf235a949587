"""A broker, topics and a home for one run of the benchmark, and the processes over them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streams.config import StreamsSettings
from streams.ledger.engine import open_ledger
from streams.ledger.migrate import upgrade
from streams.topics import apply_topics

STOP_SECONDS = 30.0
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """A home with an empty ledger and topics of its own on a running broker."""

    settings: StreamsSettings

    def environment(self) -> Mapping[str, str]:
        """Return what a process needs to work here."""
        return os.environ | {
            "SHEETSTREAM_HOME": str(self.settings.home),
            "SHEETSTREAM_KAFKA": self.settings.kafka,
            "SHEETSTREAM_TOPIC_PREFIX": self.settings.topic_prefix,
            "SHEETSTREAM_POLL_SECONDS": str(POLL_SECONDS),
            "SHEETSTREAM_DEFAULT_LICENCE": "MIT",
        }

    @contextmanager
    def process(self, name: str, metrics_port: int) -> Iterator[subprocess.Popen[bytes]]:
        """Run one of the system's processes until the end of the block."""
        arguments = ["--home", str(self.settings.home), "--metrics-port", str(metrics_port), "--die-with-parent"]
        with (self.settings.home / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "deploy.process", name, *arguments],
                env=self.environment(), stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def new_place(folder: Path, kafka: str, *, prefix: str) -> Place:
    """Return a place below a folder, its topics made, its ledger empty."""
    folder.mkdir(parents=True)
    settings = StreamsSettings(home=folder, kafka=kafka, topic_prefix=prefix, default_licence="MIT")
    apply_topics(settings)
    engine = open_ledger(settings.database_url)
    upgrade(engine)
    engine.dispose()
    return Place(settings)
