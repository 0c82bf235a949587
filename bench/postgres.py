"""A PostgreSQL server of one's own for measuring: durable as a real one, made in a folder and removed with it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "sheetstream"
SETTINGS = {
    "shared_buffers": "512MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",  # the tables are analysed once, after they are filled
    "jit": "off",
}


class Server:
    """A running server; its folder must be one that the account `postgres` may enter when we are root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._account = "postgres" if os.geteuid() == 0 else None

    def create(self) -> None:
        """Make the cluster with the database `ledger` and start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._account:
            shutil.chown(self.folder, self._account)
        access = ("--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C.UTF-8")
        self._run("initdb", "-D", self.data, *access)
        self.start()
        self._run("createdb", "-h", self.folder, "-p", self.port, "-U", USER, "ledger")

    def start(self) -> None:
        own = {"port": self.port, "unix_socket_directories": self.folder, "listen_addresses": "127.0.0.1"}
        options = " ".join(f"-c {name}={value}" for name, value in (own | SETTINGS).items())
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", 300, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "-t", 300, "stop")

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/ledger?host={self.folder}&port={self.port}"

    def _run(self, program: str, *arguments: object) -> None:
        account = {"user": self._account, "group": self._account, "extra_groups": []} if self._account else {}
        with (self.folder / "programs.log").open("ab") as log:
            subprocess.run(
                [str(_programs() / program), *map(str, arguments)],
                check=True,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                **account,  # type: ignore[call-overload]  # typed one by one
            )


@contextmanager
def serving(folder: Path, *, keep: bool = False) -> Iterator[Server]:
    """Give a server, new unless one was kept there; stopped at the end, and removed unless it is to be kept."""
    server = Server(folder)
    if server.data.exists():
        server.start()
    else:
        server.create()
    try:
        yield server
    finally:
        server.stop()
        if not keep:
            shutil.rmtree(folder)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise SystemExit("no PostgreSQL server programs found (on Debian: apt-get install postgresql)")
    return found[-1].parent if found else Path(on_path or "").resolve().parent
