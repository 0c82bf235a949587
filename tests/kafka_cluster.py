"""Real brokers to be killed, paused and started again: one, or three that keep copies of each other's records."""

import os
import resource
import signal
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.broker import Broker
from deploy.local.config import load_settings
from deploy.local.home import LOOPBACK, Home

HEAP_MB = 192
COPIES = """\
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
"""
QUICK = """\
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=6000
controlled.shutdown.enable=false
"""


class Node(Broker):
    """One broker of a cluster, which is its controller too."""

    def __init__(self, home: Home, cache: Path, number: int, voters: str, cluster_id: str, *, copies: bool) -> None:
        ports = home.ports()
        super().__init__(home, cache, port=ports["kafka"], controller_port=ports["controller"], heap_mb=HEAP_MB)
        self._number = number
        self._voters = voters
        self._cluster_id = cluster_id
        self._copies = copies

    @property
    def pid(self) -> int:
        """The process id of Kafka."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_over(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def begin(self) -> None:
        """Start it, its log added to the one it had; it may not answer yet."""
        with (self._home.logs / "broker.log").open("ab") as log:
            self.start(output=log.fileno())

    def run(self) -> None:
        """Start it and wait until it answers."""
        self.begin()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return once it answers. Raises BrokerError."""
        super()._wait_ready()

    def _wait_ready(self) -> None:
        """Leave that to wait_ready: brokers of a cluster wait for each other."""

    def kill(self) -> None:
        """kill -9, and reap."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, signum: signal.Signals) -> None:
        if not self.is_over:
            os.kill(self.pid, signum)

    def limit_files(self, num_bytes: int | None) -> None:
        """Let it write no further than so many bytes into any file, None: as far as it likes."""
        limit_files(self.pid, num_bytes)

    def _properties(self) -> str:
        replaced = ("node.id=", "controller.quorum.voters=")
        if self._copies:
            replaced += tuple(line.partition("=")[0] + "=" for line in COPIES.splitlines())
        plain = [line for line in super()._properties().splitlines() if not line.startswith(replaced)]
        own = [f"node.id={self._number}", f"controller.quorum.voters={self._voters}"]
        return "\n".join([*plain, *own, QUICK, COPIES if self._copies else ""])

    def _format_options(self) -> list[str]:
        return ["-t", self._cluster_id]


class Cluster:
    """So many brokers, in folders below one; the folder may be a file system of its own."""

    def __init__(self, folder: Path, size: int) -> None:
        homes = [Home(folder / f"broker-{number}") for number in range(1, size + 1)]
        for home in homes:
            home.create()
            home.choose_ports(["kafka", "controller"])
        voters = ",".join(f"{n}@{LOOPBACK}:{home.ports()['controller']}" for n, home in enumerate(homes, 1))
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        cache = load_settings().cache
        self.nodes = [Node(home, cache, n, voters, cluster_id, copies=size > 1) for n, home in enumerate(homes, 1)]

    @property
    def address(self) -> str:
        """What the setting kafka is to have."""
        return ",".join(node.address for node in self.nodes)

    def run(self) -> None:
        """Start all, then wait for all. Not in threads: a child dies with the thread that started it."""
        for node in self.nodes:
            node.begin()
        for node in self.nodes:
            node.wait_ready()


@contextmanager
def running_cluster(folder: Path, size: int) -> Iterator[Cluster]:
    """Give brokers that run, and end them by force."""
    cluster = Cluster(folder, size)
    try:
        cluster.run()
        yield cluster
    finally:
        for node in cluster.nodes:
            if not node.is_over:
                node.kill()


def limit_files(pid: int, num_bytes: int | None) -> None:
    """Let a process write no further than so many bytes into any file: as on a full disk a write fails, without one."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if num_bytes is None else num_bytes, hard))
