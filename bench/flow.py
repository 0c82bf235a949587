"""The streams with workers as processes of their own, over a broker and a ledger that somebody else started.

`python -m deploy.process worker` is what runs on a cluster; a benchmark and the tests of several workers start it here.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.model import Datasheet, Register
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.ledger import offsets, outbox, sheets, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.topics import AGENT_TOPICS, apply_topics, topic_name
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

ROOT = Path(__file__).resolve().parents[1]
LOOK_SECONDS = 0.25
PART = "ZQ4071"
REGISTERS = ("CONTROL", "SAMPLE_RATE", "STATUS", "OFFSET", "GAIN", "THRESHOLD", "FIFO", "IDENTITY")


class Worker:
    """One worker process; its log is named after it."""

    def __init__(self, name: str, settings: StreamsSettings) -> None:
        self.log = settings.home / f"{name}.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        environment = os.environ | {
            "SHEETSTREAM_HOME": str(settings.home),
            "SHEETSTREAM_DATABASE_URL": settings.database_url,
            "SHEETSTREAM_KAFKA": settings.kafka,
            "SHEETSTREAM_TOPIC_PREFIX": settings.topic_prefix,
            "SHEETSTREAM_PARTITIONS": str(settings.partitions),
            "PYTHONPATH": str(ROOT),
        }
        command = (sys.executable, "-m", "deploy.process", "worker", "--die-with-parent")
        places = ("--home", str(settings.home), "--metrics-port", str(self._port))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *places], env=environment, stdout=log, stderr=log)

    def records(self) -> float:
        """Return how many records it has applied, by its own metrics; 0 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        name = 'sheetstream_streams_records_total{result="ok"'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def end(self) -> None:
        """Ask it to stop, and kill it if it does not."""
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()


class Flow:
    """A home, topics and a ledger of one run."""

    def __init__(self, settings: StreamsSettings) -> None:
        self.settings = settings
        self.engine: Engine = open_ledger(settings.database_url)
        upgrade(self.engine)
        apply_topics(settings)
        self._producer = RecordProducer(settings, client_id="sheetstream-flow")

    def close(self) -> None:
        self._producer.close()
        self.engine.dispose()

    def add_sheet(self) -> None:
        """Write a datasheet of a few registers, as if it had been read."""
        sheet = Datasheet(
            sha256="s1",
            file="zq4071.pdf",
            title=PART,
            parts=(PART,),
            family="zq4071",
            revision="A",
            num_pages=1,
            sections=(),
            registers=tuple(Register(name=name, address=at, width=8, page=1) for at, name in enumerate(REGISTERS)),
            pages=(f"{PART} {' '.join(REGISTERS)}",),
        )
        with writing(self.engine) as conn:
            sheets.write_sheet(conn, sheet, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=True)

    def add_repository(self, folder: Path) -> None:
        """Add a repository and tell its whole history."""
        with writing(self.engine) as conn:
            added = sources.add_repository(conn, url=str(folder), now=time.time(), parts=[PART])
            sources.record_tip(conn, added.repo_id, EMPTY_TREE)
        with reading(self.engine) as conn:
            repository = sources.get_repository(conn, added.repo_id)
        metrics = StreamsMetrics(CollectorRegistry())
        blobs = BlobStore(self.settings.home)
        Poller(self.settings, self.engine, self._producer, blobs, metrics).poll_repository(repository)

    def applied(self) -> int:
        """Return how many records all agents have applied, by the ledger."""
        with reading(self.engine) as conn:
            return sum(place.applied for place in offsets.positions(conn))

    def is_settled(self) -> bool:
        """Return whether every agent has applied all that its topic holds, and nothing waits to be published."""
        names = {topic_name(self.settings, topic): topic.name for topic in AGENT_TOPICS.values()}
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka, enable_auto_commit=False)
        places = [TopicPartition(name, at) for name in names for at in consumer.partitions_for_topic(name) or ()]
        ends = consumer.end_offsets(places)
        consumer.close()
        with reading(self.engine) as conn:
            reached = {(place.topic, place.partition): place.next_offset for place in offsets.positions(conn)}
            waits = outbox.count(conn)
        wanted = {(names[place.topic], place.partition): end for place, end in ends.items() if end}
        return bool(wanted) and wanted == reached and not waits

    def settle(self, workers: Sequence[Worker], seconds: float) -> None:
        """Return when it is settled, twice in a row. Raises TimeoutError, with what the workers said last."""
        deadline, quiet = time.monotonic() + seconds, 0
        while quiet < 2:
            quiet = quiet + 1 if self.is_settled() else 0
            if time.monotonic() > deadline:
                said = "\n".join(worker.log.read_text(errors="replace")[-2000:] for worker in workers)
                raise TimeoutError(f"not settled within {seconds:g} s:\n{said}")
            time.sleep(LOOK_SECONDS)


@contextmanager
def working(flow: Flow, number: int) -> Iterator[list[Worker]]:
    """Run so many workers; all are stopped at the end."""
    workers = [Worker(f"worker{at}", flow.settings) for at in range(number)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.end()
