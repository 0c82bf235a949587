"""Bring a ledger's schema up to this version, from Python and safe when several processes start at once."""

import threading
from importlib.resources import as_file, files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from streams.errors import LedgerError
from streams.ledger.engine import SETTING, where, writing
from streams.ledger.failures import explain, sqlstate
from streams.ledger.locks import lock

LOCK_SECONDS = 60.0
INSUFFICIENT_PRIVILEGE = "42501"
_ENVIRONMENT = threading.Lock()  # alembic's environment is a module-level proxy


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing.

    Raises LedgerError when the database can not be reached, is newer than this version, or does not let us.
    """
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            with FileLock(f"{engine.url.database}.migrate.lock", timeout=LOCK_SECONDS):
                _upgrade(engine)
        else:
            _upgrade(engine)
    except DBAPIError as error:
        hint = "; its role needs CREATE on the schema" if sqlstate(error) == INSUFFICIENT_PRIVILEGE else ""
        raise LedgerError(f"ledger: {where(engine)} ({SETTING}): {explain(error)}{hint}") from error


def schema_version(conn: Connection) -> str | None:
    """Return the id of the newest migration applied, None for an empty database."""
    return MigrationContext.configure(conn).get_current_revision()


def newest_version() -> str:
    """Return the id of the newest migration that this version knows."""
    with as_file(files("streams.ledger") / "migrations") as folder:
        head = ScriptDirectory.from_config(_config(folder)).get_current_head()
    assert head is not None
    return head


def _upgrade(engine: Engine) -> None:
    with as_file(files("streams.ledger") / "migrations") as folder, writing(engine) as conn, _ENVIRONMENT:
        lock(conn, "schema")
        config = _config(folder)
        current, script = schema_version(conn), ScriptDirectory.from_config(config)
        if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
            raise LedgerError(f"ledger: {where(engine)}: written by a newer version of sheetstream (schema {current})")
        if current != script.get_current_head():
            config.attributes["connection"] = conn
            command.upgrade(config, "head")


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
