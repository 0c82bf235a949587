"""A throw-away PostgreSQL server, for the tests' fixture `postgres` and for the soak."""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote


class PostgresServer:
    """A throw-away PostgreSQL cluster; it keeps nothing safe, and is fast for that."""

    USER = "sheetstream"
    PASSWORD = "p/a:s@s w%rd"

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.port = _free_port()
        self._numbers = itertools.count(1)
        # The server refuses to run as root, and its user can not look into pytest's folders.
        self._account = "postgres" if os.geteuid() == 0 else None
        if self._account:
            shutil.chown(folder, self._account)

    def start(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.PASSWORD)
        secret.chmod(0o644)
        names = ("-subj", "/CN=sheetstream test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
        self._run("openssl", "req", "-x509", "-newkey", "rsa:2048", *names, "-keyout", "key.pem", "-out", "cert.pem")
        access = ("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}", f"--username={self.USER}")
        self._run("initdb", "-D", self._data, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", *access)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "ssl": "on",
            "ssl_cert_file": self.certificate,
            "ssl_key_file": self.folder / "key.pem",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "autovacuum": "off",
            "shared_buffers": "32MB",
        }
        arguments = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "-D", self._data, "-l", self.folder / "log", "-w", "-o", arguments, "start")
        self._make_ledger()

    def _make_ledger(self) -> None:
        from streams.ledger.engine import open_ledger
        from streams.ledger.migrate import newest_version, upgrade
        from streams.ledger.schema import metadata

        self.execute("CREATE DATABASE ledger")
        self._ledger = open_ledger(self.url("ledger")).execution_options(ledger_writes=True)
        upgrade(self._ledger)
        self._clearing = f"UPDATE alembic_version SET version_num = '{newest_version()}';" + "".join(
            f"DELETE FROM {table};" for table in metadata.tables
        )

    def stop(self) -> None:
        self._ledger.dispose()
        self._run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "stop")

    def restart(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-l", self.folder / "log", "-m", "immediate", "-w", "restart")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database over the server's Unix socket: without a password."""
        return f"postgresql://{self.USER}@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        """The URL of a database over TCP, where a password is asked for."""
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements outside of a transaction."""
        from streams.ledger.engine import open_ledger

        engine = open_ledger(self.url(database)).execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)
        engine.dispose()

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the name of a new database without tables."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        yield name
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def clear(self) -> None:
        """End all sessions over the database `ledger` and remove what they wrote: quicker than another database."""
        with self._ledger.connect() as conn, conn.begin():
            conn.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            conn.exec_driver_sql(self._clearing)

    @property
    def certificate(self) -> Path:
        """The server's certificate, which nobody signed but itself."""
        return self.folder / "cert.pem"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: object) -> None:
        here = self.programs / program
        command = [str(here) if here.exists() else program, *map(str, arguments)]
        account = {"user": self._account, "group": self._account, "extra_groups": []} if self._account else {}
        with (self.folder / "programs.log").open("ab") as log:  # not a pipe: the server would keep it open
            subprocess.run(command, check=True, cwd=self.folder, stdout=log, stderr=log, **account)


def missing_programs() -> str | None:
    """Return why no server can be started here, None when one can."""
    if _programs() is None or (os.geteuid() == 0 and not _has_account("postgres")):
        return "no PostgreSQL server programs (on Debian: apt-get install postgresql)"
    return None


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Give a server that has a ledger in the database `ledger`; it ends with the block."""
    programs = _programs()
    assert programs is not None, missing_programs()
    with tempfile.TemporaryDirectory(prefix="sheetstream-postgres-") as folder:
        server = PostgresServer(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path | None:
    """Return the folder of the newest server's programs; Debian keeps them off the search path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
