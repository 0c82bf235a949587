"""PostgreSQL through pg8000: connection URLs as libpq writes them, time limits, and what to do with a lost connection.

pg8000 is pure Python and under BSD. It lets errors of the socket through as they are; here they become errors of the
database, which SQLAlchemy takes for a lost connection.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pg8000.legacy import Connection
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000
from sqlalchemy.exc import ArgumentError

from streams.ledger.failures import CONNECTION_LOST, sqlstate

DEFAULT_PORT = 5432
CONNECT_SECONDS = 10.0
LOCK_SECONDS = 30
STATEMENT_SECONDS = 300
IDLE_SECONDS = 60
"""A transaction that writes and then says nothing for so long is ended: a stopped process must not hold its locks."""

SILENCE_SECONDS = STATEMENT_SECONDS + 30.0
"""So long an answer is waited for: longer than the server lets any statement take."""

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_PARAMETERS = ("application_name", "host", "port", "sslmode", "sslrootcert")


class LedgerDialect(PGDialect_pg8000):  # type: ignore[misc]  # SQLAlchemy has no types for it
    """SQLAlchemy's dialect for pg8000 with our connections."""

    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        """Return pg8000's arguments. Raises ArgumentError for a parameter that is not known, or of another value."""
        query = {name: str(value) for name, value in url.query.items()}
        for name in query:
            if name not in _PARAMETERS:
                raise ArgumentError(f"{name}: unknown parameter, one of {', '.join(_PARAMETERS)} expected")
        limits = {
            "statement_timeout": STATEMENT_SECONDS,
            "lock_timeout": LOCK_SECONDS,
            "idle_in_transaction_session_timeout": IDLE_SECONDS,
        }
        arguments = {
            "user": url.username or "",
            "password": url.password or "",  # none: pg8000 breaks when it is asked for one
            "database": url.database,
            "host": url.host or query.get("host") or "localhost",
            "port": int(url.port or query.get("port") or DEFAULT_PORT),
            "application_name": query.get("application_name", "sheetstream"),
            "ssl_context": _ssl_context(query.get("sslmode", "prefer"), query.get("sslrootcert")),
            "startup_params": {
                "default_transaction_isolation": "read committed",
                **{name: f"{seconds}s" for name, seconds in limits.items()},
            },
        }
        return [], arguments

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        """Return a new connection; whatever fails on the way is an error of the database."""
        try:
            with socket_errors(self.loaded_dbapi):
                return Connection(*cargs, **cparams, sock=_open_socket(cparams["host"], cparams["port"]))
        except self.loaded_dbapi.InterfaceError as error:
            cause = error.__cause__ or error
            raise self.loaded_dbapi.OperationalError(f"can not connect: {cause}") from error

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return whether the connection is of no use any more."""
        return bool(super().is_disconnect(e, connection, cursor)) or sqlstate(e).startswith(CONNECTION_LOST)

    def do_ping(self, dbapi_connection: Any) -> bool:
        with socket_errors(self.loaded_dbapi):
            return bool(super().do_ping(dbapi_connection))

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with socket_errors(self.loaded_dbapi):
            super().do_execute(cursor, statement, parameters, context)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with socket_errors(self.loaded_dbapi):
            super().do_executemany(cursor, statement, parameters, context)

    def do_commit(self, dbapi_connection: Any) -> None:
        with socket_errors(self.loaded_dbapi):
            super().do_commit(dbapi_connection)

    def do_rollback(self, dbapi_connection: Any) -> None:
        with socket_errors(self.loaded_dbapi):
            super().do_rollback(dbapi_connection)


@contextmanager
def socket_errors(dbapi: Any) -> Iterator[None]:
    """Turn an error of the socket into the one by which SQLAlchemy knows that the connection is lost."""
    try:
        yield
    except OSError as error:
        raise dbapi.InterfaceError(f"network error: {error}") from error


def _open_socket(host: str, port: int) -> socket.socket:
    if host.startswith("/"):
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        local.settimeout(SILENCE_SECONDS)
        try:
            local.connect(str(Path(host) / f".s.PGSQL.{port}"))
        except OSError:
            local.close()
            raise
        return local
    found = socket.create_connection((host, port), CONNECT_SECONDS)
    found.settimeout(SILENCE_SECONDS)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return found


def _ssl_context(mode: str, root: str | None) -> ssl.SSLContext | bool | None:
    """Return what pg8000 wants: False for never, None for "if the server has it", or how to do it."""
    if mode not in SSL_MODES:
        raise ArgumentError(f"sslmode: one of {', '.join(SSL_MODES)} expected, got {mode}")
    if mode in ("disable", "prefer"):
        return False if mode == "disable" else None
    try:
        context = ssl.create_default_context(cafile=root)
    except OSError as error:
        raise ArgumentError(f"sslrootcert: a file of certificates expected, {root}: {error}") from error
    if mode != "verify-full":
        context.check_hostname = False
    if mode == "require" and root is None:
        context.verify_mode = ssl.CERT_NONE
    return context
