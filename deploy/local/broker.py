"""The embedded broker: one real Apache Kafka node in KRaft mode (broker and controller), on loopback only."""

import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import BrokerError
from deploy.local.home import LOOPBACK, Home, port_is_free
from deploy.local.jars import java_binary, kafka_jars
from streams.lifeline import child_setup

READY_SECONDS = 90.0
STOP_SECONDS = 20.0
MIN_FREE_BYTES = 256 << 20

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=8388608
log.flush.interval.ms=1000
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=1
"""

LOG4J = """\
Configuration:
  status: error
  Appenders:
    Console:
      name: out
      target: SYSTEM_OUT
      PatternLayout: {pattern: "%d{yyyy-MM-dd HH:mm:ss} %p %m (%c{1})%n"}
  Loggers:
    Root:
      level: warn
      AppenderRef: {ref: out}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: info}
      - {name: org.apache.kafka.common.utils.AppInfoParser, level: error}
"""


class Broker:
    """A Kafka process with its data below a home; start() returns when it answers."""

    def __init__(self, home: Home, cache: Path, *, port: int, controller_port: int, heap_mb: int = 256) -> None:
        self._home = home
        self._cache = cache
        self._port = port
        self._controller_port = controller_port
        self._heap_mb = heap_mb
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    def start(self, output: int | None = None) -> None:
        """Format the data folder once, start Kafka, its log to output, wait until it answers. Raises BrokerError."""
        free = shutil.disk_usage(self._home.root).free
        if free < MIN_FREE_BYTES:
            raise BrokerError(
                f"{self._home.root}: {free >> 20} MiB of disk free, Kafka needs {MIN_FREE_BYTES >> 20} MiB"
            )
        for port in (self._port, self._controller_port):
            if not port_is_free(port):
                raise BrokerError(
                    f"port {port} on {LOOPBACK} is in use by another program; "
                    f"delete {self._home.ports_file} to have new ports chosen"
                )
        config = self._write_config()
        classpath = os.pathsep.join(str(jar) for jar in kafka_jars(self._cache))
        if not (self._data / "meta.properties").exists():
            self._format(classpath, config)
        self._process = subprocess.Popen(
            [*self._java(classpath), "kafka.Kafka", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            preexec_fn=child_setup(),
        )
        self._wait_ready()

    def wait(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Return when stop is set; raise BrokerError if Kafka ends before."""
        assert self._process is not None
        while not stop.wait(1.0):
            code = self._process.poll()
            if code is not None:
                raise BrokerError(f"Kafka ended by itself with code {code}; see {self._home.logs / 'broker.log'}")
            if reachable(self.address):
                beat()

    def stop(self) -> None:
        """End Kafka cleanly, by force after STOP_SECONDS."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def _data(self) -> Path:
        return self._home.kafka / "data"

    def _java(self, classpath: str) -> list[str]:
        heap = f"{self._heap_mb}m"
        return [
            str(java_binary()),
            f"-Xms{heap}",
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",  # one small heap on a shared machine: the fewest threads
            "--sun-misc-unsafe-memory-access=allow",  # Kafka unmaps its index files this way
            "-XX:TieredStopAtLevel=1",  # starts fast, and idles without recompiling
            f"-Dlog4j2.configurationFile={self._home.kafka / 'log4j2.yaml'}",
            f"-Dkafka.logs.dir={self._home.logs}",
            "-cp",
            classpath,
        ]

    def _write_config(self) -> Path:
        config = self._home.kafka / "server.properties"
        config.write_text(self._properties(), encoding="utf-8")
        (self._home.kafka / "log4j2.yaml").write_text(LOG4J, encoding="utf-8")
        return config

    def _properties(self) -> str:
        return SERVER_PROPERTIES.format(
            host=LOOPBACK, port=self._port, controller_port=self._controller_port, data=self._data
        )

    def _format_options(self) -> list[str]:
        return ["-t", urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")]

    def _format(self, classpath: str, config: Path) -> None:
        options = ["-c", str(config), *self._format_options()]
        command = [*self._java(classpath), "kafka.tools.StorageTool", "format", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = [line for line in (done.stderr + done.stdout).splitlines() if line and not line.startswith("\t")]
            raise BrokerError(f"{self._data}: Kafka could not format its folder: {' '.join(said[:3])}")

    def _wait_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                log = self._home.logs / "broker.log"
                raise BrokerError(f"Kafka ended at its start with code {self._process.returncode}; see {log}")
            if reachable(self.address):
                return
            time.sleep(0.2)
        self.stop()
        raise BrokerError(f"Kafka did not answer on {self.address} within {READY_SECONDS:.0f} s")


def reachable(address: str) -> bool:
    """Return whether something accepts connections on host:port."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2.0):
            return True
    except (OSError, ValueError):
        return False


@contextmanager
def running_broker(folder: Path, cache: Path) -> Iterator[str]:
    """Run a broker whose data lies below a folder of its own, and give its address; cache is where Kafka's jars are."""
    home = Home(folder)
    home.create()
    ports = home.choose_ports(["kafka", "controller"])
    broker = Broker(home, cache, port=ports["kafka"], controller_port=ports["controller"])
    with (home.logs / "broker.log").open("wb") as log:
        broker.start(output=log.fileno())
    try:
        yield broker.address
    finally:
        broker.stop()
