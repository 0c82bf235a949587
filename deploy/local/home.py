"""The folder that holds everything: where each thing lies, who holds it, which ports it uses."""

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from deploy.local.errors import AlreadyRunningError, ConfigError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below SHEETSTREAM_HOME."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def ports_file(self) -> Path:
        return self.run / "ports.json"

    @property
    def kafka_file(self) -> Path:
        return self.run / "kafka.address"

    @property
    def pid_file(self) -> Path:
        return self.run / "up.pid"

    def create(self) -> None:
        """Make the folders; only the owner may read what runs."""
        for folder in (self.root, self.logs, self.kafka, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.run.chmod(0o700)

    def ports(self) -> dict[str, int]:
        """Return the ports written down, by process name; empty if none were."""
        with contextlib.suppress(OSError, ValueError):
            written = json.loads(self.ports_file.read_text(encoding="utf-8"))
            return {str(name): int(port) for name, port in written.items()}
        return {}

    def choose_ports(self, names: Iterable[str], fixed: dict[str, int] | None = None) -> dict[str, int]:
        """Return a port for each name and write them down: fixed, else last time's if free, else any free one.

        Raises ConfigError for a fixed port that another program uses.
        """
        before = self.ports()
        chosen: dict[str, int] = {}
        for name in names:
            wanted = (fixed or {}).get(name) or before.get(name, 0)
            must = bool((fixed or {}).get(name))
            if must and not port_is_free(wanted):
                raise ConfigError(
                    f"port {wanted} on {LOOPBACK} ({name}) is in use by another program; "
                    f"stop that one, or choose another with SHEETSTREAM_{name.removesuffix('_page').upper()}_PORT"
                )
            chosen[name] = wanted if must or (wanted and port_is_free(wanted)) else free_port(set(chosen.values()))
        temporary = self.ports_file.with_suffix(".tmp")
        temporary.write_text(json.dumps(chosen, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.ports_file)
        return chosen

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Hold this home for one `up` or `demo`; the lock ends with the process, however it ends.

        Raises AlreadyRunningError if another one holds it.
        """
        lock = FileLock(self.run / "up.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise AlreadyRunningError(
                f"{self.root} is in use by process {self.holder()}; stop that one (Ctrl-C there, or kill it), "
                "or set SHEETSTREAM_HOME to another folder"
            ) from error
        try:
            self.pid_file.write_text(f"{os.getpid()}\n", encoding="utf-8")
            yield
        finally:
            self.pid_file.unlink(missing_ok=True)
            lock.release()

    def holder(self) -> int | None:
        """Return the process id of the `up` or `demo` that holds this home, None if none does."""
        if not self.run.is_dir():
            return None
        lock = FileLock(self.run / "up.lock", blocking=False)
        try:
            with lock:
                return None
        except Timeout:
            with contextlib.suppress(OSError, ValueError):
                return int(self.pid_file.read_text(encoding="utf-8"))
            return -1


def kafka_address(home: Path) -> str | None:
    """Return host:port of the broker that this home's last run used, None if it never ran."""
    try:
        return Home(home).kafka_file.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def free_port(taken: set[int]) -> int:
    """Return a free loopback port outside taken."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def port_is_free(port: int) -> bool:
    """Return whether nothing listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
