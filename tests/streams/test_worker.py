"""streams/worker.py on a real broker: commits in, links out, through a kill and a ledger that was lost."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from mapper.ids import sheet_event_id
from mapper.model import Datasheet, Register
from streams import topics
from streams.audit import audit
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.events import SheetEvent
from streams.failpoints import EXIT_STATUS
from streams.kafka_security import client_options
from streams.ledger import links, offsets, outbox, sheets, sources, upgrades
from streams.ledger.counts import counts
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.letters import find_letters
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import link_history, parsed_files
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.records import LinkRecord, SheetRecord
from streams.topics import AGENT_TOPICS, apply_topics, topic_name
from streams.upgrade import tell_upgrades
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SCRIPT = """
import logging, signal, sys, threading
from prometheus_client import CollectorRegistry, generate_latest
from streams.config import StreamsSettings
from streams.worker import run

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop, beats, registry = threading.Event(), [], CollectorRegistry()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run(StreamsSettings(), registry=registry, stop=stop, beat=lambda: beats.append(1))
    sys.stdout.write(f"beats {len(beats)}\\n{generate_latest(registry).decode()}")
"""
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the same on any ledger, and slow
FAUST_WEB_PORT = 6066
HEADER = """/* SPDX-License-Identifier: MIT */
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
"""
SOURCE = """/* SPDX-License-Identifier: MIT */
#include "zq4071.h"
int zq4071_rate(struct bus *bus, int rate) { return bus_write(bus, ZQ4071_REG_SAMPLE_RATE, rate); }
int zq4071_status(struct bus *bus) { return bus_read(bus, ZQ4071_REG_STATUS); }
"""


class System:
    """A home, a ledger and topics of their own, and workers over them."""

    def __init__(self, settings: StreamsSettings) -> None:
        self.settings = settings
        self.log = settings.home / "worker.log"
        self.environment: dict[str, str] = {}
        """Of its workers, besides what every worker gets."""
        self.script = SCRIPT
        self.engine = self.open()
        self.producer = RecordProducer(settings, client_id="test")

    def open(self) -> Engine:
        engine = open_ledger(self.settings.database_url)
        upgrade(engine)
        return engine

    def add_repository(self, url: str) -> str:
        """Add a repository and tell its whole history."""
        with writing(self.engine) as conn:
            repo = sources.add_repository(conn, url=url, now=time.time(), parts=["ZQ4071"])
            sources.record_tip(conn, repo.repo_id, EMPTY_TREE)
        self.poll(repo.repo_id)
        return repo.repo_id

    def poll(self, repo_id: str) -> None:
        with reading(self.engine) as conn:
            repo = sources.get_repository(conn, repo_id)
        metrics = StreamsMetrics(CollectorRegistry())
        blobs = BlobStore(self.settings.home)
        Poller(self.settings, self.engine, self.producer, blobs, metrics).poll_repository(repo)

    @contextlib.contextmanager
    def worker(self, failpoint: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker; it is asked to stop at the end, if it has not ended."""
        script = self.settings.home / "worker_main.py"
        script.write_text(self.script)
        environment = os.environ | {
            "SHEETSTREAM_HOME": str(self.settings.home),
            "SHEETSTREAM_DATABASE_URL": self.settings.database_url,
            "SHEETSTREAM_KAFKA": self.settings.kafka,
            "SHEETSTREAM_TOPIC_PREFIX": self.settings.topic_prefix,
            "SHEETSTREAM_FAILPOINT": failpoint,
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            **self.environment,
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen([sys.executable, script], env=environment, stdout=log, stderr=log)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        finally:
            process.kill()
            process.wait()

    def is_settled(self) -> bool:
        """Return whether every agent has applied all its topic holds, and nothing waits to be published."""
        names = {topic_name(self.settings, topic): topic.name for topic in AGENT_TOPICS.values()}
        consumer = KafkaConsumer(**client_options(self.settings), enable_auto_commit=False)
        ends = consumer.end_offsets([p for name in names for p in _partitions(consumer, name)])
        consumer.close()
        with reading(self.engine) as conn:
            reached = {(place.topic, place.partition): place.next_offset for place in offsets.positions(conn)}
            waits = outbox.count(conn)
        wanted = {(names[p.topic], p.partition): end for p, end in ends.items() if end}
        return bool(wanted) and wanted == reached and not waits

    def settle(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it is settled, twice in a row."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            if self.is_settled():
                time.sleep(1.0)
                if self.is_settled():
                    return
            time.sleep(0.5)
        pytest.fail(f"not settled, exit status {process.poll()}:\n{self.log.read_text()[-3000:]}")


def _partitions(consumer: KafkaConsumer, topic: str) -> list[Any]:
    from kafka import TopicPartition

    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]


@pytest.fixture
def system(kafka_address: str, tmp_path: Path, database_url: str) -> Iterator[System]:
    """A system with its topics, a datasheet that is current, and no commits yet."""
    home = tmp_path / "home"
    home.mkdir()
    prefix = f"{uuid.uuid4().hex[:8]}."
    settings = StreamsSettings(home=home, database_url=database_url, kafka=kafka_address, topic_prefix=prefix)
    apply_topics(settings)
    system = System(settings)
    add_sheet(system.engine)
    yield system
    system.producer.close()
    system.engine.dispose()


@pytest.fixture
def lose_ledger(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Callable[[], None]:
    """Give a function that leaves nothing in the ledger."""

    def lose() -> None:
        if database_url.startswith("sqlite"):
            for path in tmp_path.glob("ledger.db*"):
                path.unlink()
        else:
            request.getfixturevalue("postgres").clear()

    return lose


def add_sheet(engine: Engine) -> None:
    names = ("CONTROL", "SAMPLE_RATE", "STATUS")
    sheet = Datasheet(
        sha256="s1",
        file="zq4071.pdf",
        title="ZQ4071",
        parts=("ZQ4071",),
        family="zq4071",
        revision="A",
        num_pages=1,
        sections=(),
        registers=tuple(Register(name=name, address=at, width=8, page=1) for at, name in enumerate(names)),
        pages=("ZQ4071 " + " ".join(names),),
    )
    with writing(engine) as conn:
        sheets.write_sheet(conn, sheet, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=True)


def told_links(settings: StreamsSettings) -> dict[str, str]:
    """Return link id -> newest state in the topic trace.links."""
    consumer = KafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        consumer_timeout_ms=2000,
    )
    consumer.assign(_partitions(consumer, topic_name(settings, topics.LINKS)))
    found = {record.key.decode(): LinkRecord.decode(record.value).to_domain().state for record in consumer}
    consumer.close()
    return found


def test_a_history_becomes_links_though_the_worker_is_killed(
    system: System, make_vendor: Callable[..., Any], lose_ledger: Callable[[], None]
) -> None:
    """Killed between ledger and Kafka, then stopped cleanly, then the ledger lost: always what a mapping says."""
    vendor = make_vendor()
    vendor.commit("one", zq4071__h=HEADER, zq4071__c=SOURCE)
    vendor.commit("two", zq4071__h=HEADER.replace("0x02", "0x03"))
    vendor.commit("three", zq4071__h=HEADER, other__c="int other_thing(int a) { return a + 41 + another_thing; }\n")
    repo = system.add_repository(str(vendor.folder))

    with system.worker("delivery.4_committed@2") as process:
        assert process.wait(60) == EXIT_STATUS
    with system.worker() as process:
        system.settle(process)
        with contextlib.closing(socket.socket()) as web:
            assert web.connect_ex(("127.0.0.1", FAUST_WEB_PORT)) != 0
    assert process.returncode == 0
    report = audit(system.engine)
    with reading(system.engine) as conn:
        first = counts(conn)
        states = {row.link_id: row.state for row in links.find_links(conn, state="all")}
        places = {place.topic: place.applied for place in offsets.positions(conn)}
    assert report.is_clean
    assert report.repositories[0].links >= 3
    assert first.commits == places["repo.commits"] == 3
    assert first.samples["pending"] >= 1
    assert told_links(system.settings) == states

    system.engine.dispose()
    lose_ledger()
    system.engine = system.open()
    add_sheet(system.engine)
    with writing(system.engine) as conn:
        sources.add_repository(conn, url=str(vendor.folder), now=1.0, parts=["ZQ4071"])
    with system.worker() as process:
        system.settle(process)

    with reading(system.engine) as conn:
        again = counts(conn)
        assert sources.get_repository(conn, repo).head == vendor.git("rev-parse", "HEAD")
    assert audit(system.engine).is_clean
    assert (again.commits, again.symbols, sum(again.links.values())) == (3, first.symbols, sum(first.links.values()))


@ON_SQLITE
def test_an_upgrade_goes_on_after_a_kill(system: System, make_vendor: Callable[..., Any]) -> None:
    """Told through the outbox, killed after the first effect: all is read again once, no link is touched."""
    vendor = make_vendor()
    vendor.commit("one", zq4071__h=HEADER, zq4071__c=SOURCE)
    repo = system.add_repository(str(vendor.folder))
    with system.worker() as process:
        system.settle(process)
    with writing(system.engine) as conn:
        conn.execute(parsed_files.update().values(parser="parser1_older"))
        conn.execute(sources.repositories.update().values(parser="parser1_older", linked_by="mapping1_older"))
        before = links.load_links(conn, repo_id=repo)
        history = conn.execute(select(link_history)).all()
    assert tell_upgrades(system.engine) == 1

    with system.worker("delivery.4_committed@1") as process:
        assert process.wait(60) == EXIT_STATUS
    with system.worker() as process:
        system.settle(process)

    assert tell_upgrades(system.engine) == 0
    with reading(system.engine) as conn:
        assert upgrades.outdated(conn) == upgrades.Outdated(trees=0, sheets=0, links=0)
        assert (links.load_links(conn, repo_id=repo), conn.execute(select(link_history)).all()) == (before, history)
    assert len(before) >= 3
    assert audit(system.engine).is_clean


@ON_SQLITE
def test_a_bad_pdf_and_bytes_of_nobody_stop_nothing(system: System, make_vendor: Callable[..., Any]) -> None:
    """They become dead letters with reasons; the commit after them gets its links; the worker beats."""
    bad = BlobStore(system.settings.home).put(b"this is no PDF")
    with writing(system.engine) as conn:
        source = sources.add_sheet_source(conn, location="/bad.pdf", now=1.0).source_id
        outbox.put(conn, [Outgoing(topic="corpus.shards", key="1", value=b"{}")], 1.0)
    event = SheetEvent(
        event_id=sheet_event_id(source, bad),
        source_id=source,
        location="/bad.pdf",
        file="bad.pdf",
        sha256=bad,
        released_at=1.0,
    )
    records = [
        Outgoing(topic=topics.SHEETS.name, key=source, value=SheetRecord.from_domain(event).encode()),
        Outgoing(topic=topics.COMMITS.name, key="nobody", value=b"\xff\xfe"),
    ]
    system.producer.send(records)
    vendor = make_vendor()
    vendor.commit("one", zq4071__h=HEADER)
    system.add_repository(str(vendor.folder))

    with system.worker() as process:
        system.settle(process)

    with reading(system.engine) as conn:
        assert sorted((letter.agent, letter.reason) for letter in find_letters(conn)) == [
            ("sheets", "not_pdf"),
            ("symbols", "decode"),
        ]
        assert counts(conn).links["new"] >= 3
    assert process.returncode == 0
    text = system.log.read_text()
    assert int(text.split("beats ")[1].split()[0]) >= 2
    assert 'sheetstream_streams_dead_letters_total{reason="not_pdf",stage="sheets"} 1.0' in text


@ON_SQLITE
def test_a_worker_without_topics_refuses_to_start(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what is missing, and how to make it."""
    import threading

    from streams import worker
    from streams.errors import TopicError

    monkeypatch.setattr(worker, "TOPICS_SECONDS", 0.0)
    settings = system.settings.model_copy(update={"topic_prefix": "none."})

    with pytest.raises(TopicError, match=r"none\.repo\.commits.*sheetstream topics apply"):
        worker.run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)
    shutil.rmtree(settings.home / "mirrors", ignore_errors=True)
