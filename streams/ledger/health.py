"""What a PostgreSQL server must be for a ledger: its version, encoding, durability, and what our role may do there."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

OLDEST_VERSION = 130000  # 13, in PostgreSQL's own counting

_FACTS = text(
    """
    SELECT current_setting('server_version') AS version,
           CAST(current_setting('server_version_num') AS integer) AS version_number,
           current_setting('server_encoding') AS encoding,
           current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS is_durable,
           COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
           COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted,
           COALESCE(inet_server_addr() <<= inet '127.0.0.0/8' OR inet_server_addr() = inet '::1', true) AS is_local
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server says of itself and of our connection."""

    version: str
    version_number: int
    encoding: str
    is_durable: bool
    """Whether a commit is on disk when it returns."""
    may_create: bool
    """Whether our role may create tables, as migrations do."""
    is_encrypted: bool
    is_local: bool


def server(conn: Connection) -> Server | None:
    """Return the facts about the server; None for SQLite, which has none."""
    if conn.dialect.name == "sqlite":
        return None
    return Server(**conn.execute(_FACTS).one()._mapping)


def faults(found: Server, *, must_create: bool) -> list[tuple[str, str]]:
    """Return what is wrong with a server and how to mend it, worst first; must_create: tables are yet to be made."""
    wrong = []
    if found.version_number < OLDEST_VERSION:
        wrong.append((f"PostgreSQL {found.version}", f"use version {OLDEST_VERSION // 10000} or newer"))
    if found.encoding != "UTF8":
        wrong.append((f"encoding {found.encoding}", "create the database with ENCODING 'UTF8'"))
    if must_create and not found.may_create:
        wrong.append(
            ("the role may not create tables", "GRANT CREATE ON SCHEMA public TO it, or start once as the owner")
        )
    if not found.is_durable:
        wrong.append(("commits may be lost in a crash", "set fsync and synchronous_commit to on"))
    if not (found.is_encrypted or found.is_local):
        wrong.append(("the connection is not encrypted", "add ?sslmode=verify-full to SHEETSTREAM_DATABASE_URL"))
    return wrong
