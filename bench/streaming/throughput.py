"""Records per second through each agent, beside a bare Faust app that passes the same records on.

Each agent runs alone, in a process of its own, over what the agent before it left: many small repositories, first
imported, then each with one small commit.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from bench.streaming.place import Place, new_place
from bench.streaming.vendor import driver_tree, small_commits, snapshots, write_sheets
from deploy.demo.repositories.history import publish_commit, write_history
from streams.blobs import BlobStore
from streams.ledger import sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.sources import Repository
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.topics import connect_admin
from streams.watch.poll import Poller

AGENTS = ("sheets", "symbols", "links", "samples")
BARE = ("faust", "confirmed")
MEASURE_SECONDS = 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast one agent, or a bare app over its topic, took records."""

    agent: str
    work: str
    """first import, small commits, or what a bare app does."""
    records: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.records / self.seconds if self.seconds else 0.0


def measure_throughput(folder: Path, kafka: str, *, num_repositories: int, say: Callable[[str], object]) -> list[Rate]:
    """Return the rates of every agent for first imports and small commits, and of bare apps over the same records."""
    place = new_place(folder / "home", kafka, prefix="rate.")
    _make_topic(place, "bench.passed")
    repositories = [_Repository(folder, number) for number in range(num_repositories)]
    vendor = _Vendor(place, write_sheets(folder / "sheets"), repositories)
    rates = []
    for step, work in enumerate(("first import", "small commits")):
        vendor.tell(step)
        for agent in AGENTS[0 if step == 0 else 1 :]:
            say(f"{work}: {agent}")
            rates.append(_measure(place, agent, "agent", work))
    for agent in AGENTS[1:]:
        for kind in BARE:
            say(f"bare Faust over the records of {agent}, {kind}")
            rates.append(_measure(place, agent, kind, kind))
    return rates


class _Repository:
    """A small repository with two commits."""

    def __init__(self, folder: Path, number: int) -> None:
        self.path = folder / "git" / f"vendor{number}.git"
        tree = driver_tree(mark=f"vendor {number}")
        self.commits = write_history(self.path, snapshots(tree, small_commits(tree, 1, seed=number)))


class _Vendor:
    """Publishes repositories and datasheets, and tells what is new as the watcher does."""

    def __init__(self, place: Place, pdfs: list[Path], repositories: list[_Repository]) -> None:
        self._engine = open_ledger(place.settings.database_url)
        self._repositories = repositories
        self._producer = RecordProducer(place.settings, client_id="bench")
        metrics = StreamsMetrics(CollectorRegistry())
        blobs = BlobStore(place.settings.home)
        self._poller = Poller(place.settings, self._engine, self._producer, blobs, metrics)
        self._known: list[str] = []
        with writing(self._engine) as conn:
            found = [sources.add_sheet_source(conn, location=str(pdf), now=time.time()) for pdf in pdfs]
        for source in found:
            self._poller.poll_sheet(source)

    def tell(self, step: int) -> None:
        """Publish this commit of every repository, and tell it."""
        for repository in self._repositories:
            publish_commit(repository.path, repository.commits[step])
            self._poller.poll_repository(self._added(repository))

    def _added(self, repository: _Repository) -> Repository:
        url = str(repository.path)
        with writing(self._engine) as conn:
            repo_id = sources.add_repository(conn, url=url, now=time.time()).repo_id
        with reading(self._engine) as conn:
            return sources.get_repository(conn, repo_id)


def _make_topic(place: Place, name: str) -> None:
    admin = connect_admin(place.settings)
    admin.create_topics(
        {place.settings.topic_prefix + name: {"num_partitions": place.settings.partitions, "replication_factor": 1}},
        wait_for_metadata=True,
    )
    admin.close()


def _measure(place: Place, agent: str, kind: str, work: str) -> Rate:
    done = subprocess.run(
        [sys.executable, "-m", "bench.streaming.one_agent", agent, kind],
        env=place.environment(), stdout=subprocess.PIPE, check=True, timeout=MEASURE_SECONDS,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return Rate(agent=agent, work=work, records=found["records"], seconds=found["seconds"])
