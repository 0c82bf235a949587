"""A system under test: a home, a ledger and topics of its own, the processes over them, and what they have come to."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from sqlalchemy import Engine

from streams.config import StreamsSettings
from streams.kafka_security import addresses
from streams.ledger import offsets, outbox, samples, shards
from streams.ledger.engine import open_ledger, reading
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.producer import RecordProducer
from streams.topics import AGENT_TOPICS, apply_topics, num_partitions, topic_name
from tests.soak.processes import ROOT, Life
from tests.soak.work import Step, Work

SETTLE_SECONDS = 600.0
LOOK_SECONDS = 0.25
SETTINGS = {
    "shard_max_age_seconds": 1.0,
    "shard_max_samples": 24,
    "poll_seconds": 0.5,
    "default_licence": "MIT",
    "session_seconds": 6.0,
    "partitions": 3,
}


class NotSettledError(Exception):
    """What was told did not have its effect in time; says what is missing, and the logs' ends."""


class System:
    """See tests/soak/scenario.py for how it is used."""

    def __init__(
        self,
        work: Work,
        home: Path,
        *,
        kafka: str,
        database_url: str,
        rng: random.Random,
        stopping: threading.Event,
        settings: Mapping[str, Any],
    ) -> None:
        home.mkdir(parents=True)
        self.work = work
        self.steps = work.steps
        self.home = home
        self.random = rng
        self.kills = 0
        self.python_path: tuple[str, ...] = ()
        """Folders that processes started from now on look for modules in first."""

        self.may_end = False
        """Whether processes may end by themselves, to be started again: their broker or disk is away."""

        self.ignored: set[str] = set()
        """Ids of input records that the undisturbed run does not have."""

        self.started = time.monotonic()
        self.seconds = 0.0
        self._stopping = stopping
        self.settings = StreamsSettings(
            home=home,
            kafka=kafka,
            database_url=database_url,
            topic_prefix=f"{uuid.uuid4().hex[:8]}.",
            **{**SETTINGS, **settings},
        )
        self._failpoints: dict[str, list[str]] = {}
        self._kept: dict[str, list[Life]] = {}
        self._lives: list[Life] = []
        self._consumer: KafkaConsumer | None = None
        work.fill(home)
        self.engine: Engine = open_ledger(database_url)
        upgrade(self.engine)
        work.add_sources(self.engine)
        self.report = apply_topics(self.settings)
        self.producer = RecordProducer(self.settings, client_id="soak")

    def start(self, name: str, failpoint: str = "") -> Life:
        """Start one process (worker, watcher, sealer) and return it; nobody starts it again."""
        environment = self._environment() | {"PYTHONPATH": os.pathsep.join([*self.python_path, str(ROOT)])}
        life = Life(name, self.home, environment, self.home / f"{name}-{len(self._lives)}.log", failpoint)
        self._lives.append(life)
        return life

    def keep(self, name: str, *, failpoints: Sequence[str] = (), number: int = 1) -> None:
        """Start a process, or so many of it, and start it again whenever it dies; each life has the next failpoint."""
        self._failpoints[name] = list(failpoints)
        self._kept.setdefault(name, []).extend(self._start_next(name) for _ in range(number))

    def kept(self, name: str) -> list[Life]:
        """Return the kept processes of a name that run now."""
        self._revive()
        return self._kept[name]

    def kill(self, life: Life) -> None:
        """kill -9; counted."""
        self.kills += 1
        life.kill()

    def kill_all(self, name: str) -> None:
        """kill -9 every kept process of a name; each comes back."""
        for life in list(self._kept[name]):
            self.kill(life)
        self._revive()

    def freeze(self, life: Life) -> None:
        """SIGSTOP; counted."""
        self.kills += 1
        life.signal(signal.SIGSTOP)

    def thaw(self, life: Life) -> None:
        """SIGCONT."""
        life.signal(signal.SIGCONT)

    def replace(self, life: Life) -> None:
        """Ask a kept process to stop, and start another in its place; counted."""
        self.kills += 1
        life.end()
        self._revive()

    def command(self, *words: str) -> str:
        """Run the sheetstream command on this system and return what it prints. Raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli.main", *words],
            env=os.environ | self._environment() | {"SHEETSTREAM_HOME": str(self.home), "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def wait_until(self, holds: Callable[[], bool], seconds: float = SETTLE_SECONDS) -> None:
        """Return once something holds. Raises NotSettledError."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise NotSettledError(f"waited {seconds:g} s")
            time.sleep(0.1)

    def drop(self, name: str) -> None:
        """Ask every kept process of a name to stop, and keep it no more."""
        for life in self._kept.pop(name, []):
            life.end()

    def tell(self, step: Step | None = None) -> None:
        """Send the input records of a step, all steps' without one."""
        for records in self.steps if step is None else (step,):
            self.send(records)

    def send(self, records: tuple[Outgoing, ...]) -> None:
        """Send records to the topics they name, in their order."""
        self.producer.send(records)

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Return once all that was told has had its effect; what died meanwhile is started again."""
        deadline = time.monotonic() + seconds
        missing = "nothing yet"
        while time.monotonic() < deadline:
            self._revive()
            missing = self.missing()
            if not missing:
                return
            if self._stopping.wait(LOOK_SECONDS):
                raise NotSettledError("interrupted")
        tails = "\n".join(f"--- {life.name}\n{life.said()[-1500:]}" for life in self._lives if not life.is_over)
        raise NotSettledError(f"not settled within {seconds:g} s: {missing}\n{tails}")

    def missing(self) -> str:
        """Return what has not had its effect yet, "" when all has."""
        with reading(self.engine) as conn:
            reached = {(at.topic, at.partition): at.next_offset for at in offsets.positions(conn)}
            waits = outbox.count(conn)
            untold = self.work.untold(conn) if "watcher" in self._kept else 0
            unsealed = samples.pending_summary(conn)[0] + len(shards.planned_shards(conn))
        try:
            ends = self.ends()  # after the ledger: what came in between is still to come
        except KafkaError as error:
            self._forget_consumer()
            return f"brokers do not answer: {error!r}"
        behind = sum(end - reached.get(place, 0) for place, end in ends.items())
        sealing = "sealer" in self._kept and unsealed
        if behind or waits or sealing or untold:
            return f"records={behind} outbox={waits} samples={unsealed} sources={untold}"
        return ""

    def ends(self) -> dict[tuple[str, int], int]:
        """Return the end of every partition that an agent reads."""
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                bootstrap_servers=addresses(self.settings), enable_auto_commit=False, reconnect_backoff_max_ms=1000
            )
        places = {
            TopicPartition(topic_name(self.settings, topic), number): (topic.name, number)
            for topic in AGENT_TOPICS.values()
            for number in range(num_partitions(self.settings, topic))
        }
        found = self._consumer.end_offsets(list(places))
        return {places[place]: end for place, end in found.items()}

    def stop(self) -> None:
        """Ask every process to end; none is started again. The scenario's time ends here."""
        self.seconds = time.monotonic() - self.started
        self._kept.clear()
        for life in self._lives:
            if not life.is_over:
                life.end()

    def faults(self) -> list[str]:
        """Return what no process may have logged, and which ended by themselves."""
        return [line for life in self._lives for line in life.damage(may_end=self.may_end)]

    def close(self) -> None:
        """End what still runs, by force, and give connections back."""
        for life in self._lives:
            life.kill()
        self.producer.close()
        self._forget_consumer()
        self.engine.dispose()

    def _forget_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(Exception):
                consumer.close()

    def _revive(self) -> None:
        for name, lives in self._kept.items():
            for at, life in enumerate(lives):
                if life.sleeps_at_failpoint:
                    self.kill(life)
                elif life.died_at_failpoint:
                    self.kills += 1
                if life.is_over:
                    lives[at] = self._start_next(name)

    def _start_next(self, name: str) -> Life:
        waiting = self._failpoints[name]
        return self.start(name, waiting.pop(0) if waiting else "")

    def _environment(self) -> dict[str, str]:
        names = ("kafka", "database_url", "topic_prefix", "replication_factor", *SETTINGS)
        return {f"SHEETSTREAM_{name.upper()}": str(getattr(self.settings, name)) for name in names}
