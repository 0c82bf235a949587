"""Disks that fill up and are freed again, under the ledger or under the broker's log.

In two forms: a small file system of its own (tmpfs; needs the right to mount), filled to the last byte; and a limit on
how far a process may write into files, under which each write fails as on a full disk, for wherever nothing can be
mounted. A disk that is full is waited for and turns no record into a dead letter.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil

from streams.errors import BrokerError
from tests.kafka_cluster import Node, limit_files, running_cluster
from tests.soak.bench import Bench
from tests.soak.brokers import insist
from tests.soak.scenario import Row, scenario
from tests.soak.system import System

DISK_MB = 384
"""The embedded broker wants 256 MiB to be free when it starts."""
FULL_SECONDS = (2.0, 6.0)
BROKER_SECONDS = 15.0
PROCESSES = ("sealer", "worker")


def can_not_mount() -> str | None:
    """Return why no file system can be mounted here, None when one can."""
    if os.geteuid() != 0:
        return "only root can mount a file system: run it as root, or see 'no room'"
    folder = Path("/tmp") / f"sheetstream-mount-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    try:
        with mounted(folder, 1):
            return None
    except subprocess.CalledProcessError as error:
        return f"no file system can be mounted here: {error.stderr.strip()}"
    finally:
        folder.rmdir()


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Path]:
    """Give a file system of its own, gone at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "sheetstream", str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no byte free on a file system while it lasts."""
    filler, block = disk / "filler", bytes(1 << 20)
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            block = block if file.write(block) == len(block) else block[: len(block) // 2] or b"x"
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def no_room(system: System) -> Iterator[None]:
    """Let no write of the running processes reach a file while it lasts."""
    lives = [life.process.pid for name in PROCESSES for life in system.kept(name)]
    for pid in lives:
        limit_files(pid, 1)
    try:
        yield
    finally:
        for pid in lives:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                    limit_files(process.pid, None)


@scenario("disk full, home", "the disk with ledger, shards and logs is full in every step", check=can_not_mount)
def home_full(bench: Bench) -> Row:
    """Each step is told while the disk is full, and has its effect once there is room."""
    with (
        mounted(bench.ground.next_folder(f"{bench.name} disk"), DISK_MB) as disk,
        bench.system("stepped", folder=disk / "home") as system,
    ):
        return _play(bench, system, lambda: full(disk))


@scenario("no room, home", "no write of worker and sealer reaches a file, in every step", short=True)
def home_limited(bench: Bench) -> Row:
    """The same without a file system of its own."""
    with bench.system("stepped") as system:
        return _play(bench, system, lambda: no_room(system))


@scenario("disk full, broker", "the disk with the broker's log is full in every step", check=can_not_mount)
def broker_full(bench: Bench) -> Row:
    """The broker ends, as Kafka does without a writable log; with room it is started again."""
    with mounted(bench.ground.next_folder(f"{bench.name} disk"), DISK_MB) as disk:
        return _play_broker(bench, disk, lambda _node: full(disk))


@scenario("no room, broker", "no write of the broker reaches a file, in every step")
def broker_limited(bench: Bench) -> Row:
    """The same without a file system of its own."""

    @contextlib.contextmanager
    def limited(node: Node) -> Iterator[None]:
        node.limit_files(1)
        try:
            yield
        finally:
            if not node.is_over:
                node.limit_files(None)

    return _play_broker(bench, bench.ground.next_folder(f"{bench.name} broker"), limited)


def _play(bench: Bench, system: System, no_space: Callable[[], AbstractContextManager[None]]) -> Row:
    system.may_end = True
    for name in PROCESSES:
        system.keep(name)
    for number, step in enumerate(system.steps):
        if number == 0:  # let everybody start first
            system.tell(step)
            system.settle()
            continue
        with no_space():
            system.kills += 1
            system.tell(step)
            time.sleep(bench.random.uniform(*FULL_SECONDS))
        system.settle()
    return bench.judge(system)


def _play_broker(bench: Bench, folder: Path, no_space: Callable[[Node], AbstractContextManager[None]]) -> Row:
    with (
        running_cluster(folder, 1) as cluster,
        bench.system("stepped", kafka=cluster.address) as system,
    ):
        (node,) = cluster.nodes
        system.may_end = True
        for name in PROCESSES:
            system.keep(name)
        for step in system.steps:
            with no_space(node):
                system.kills += 1
                with contextlib.suppress(BrokerError):
                    system.tell(step)
                deadline = time.monotonic() + BROKER_SECONDS
                while not node.is_over and time.monotonic() < deadline:
                    time.sleep(0.1)
            if node.is_over:
                node.run()
            insist(system, step)
            system.settle()
        return bench.judge(system)
