"""streams/ledger/migrate.py and the migrations"""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from streams.errors import LedgerError
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import newest_version, schema_version, upgrade
from streams.ledger.schema import metadata


def test_the_migrations_give_the_schema(engine: Engine) -> None:
    """Alembic finds no difference between an upgraded ledger and the tables of schema.py."""
    with reading(engine) as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
        assert schema_version(conn) == newest_version()


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    """A ledger that is up to date is left alone."""
    upgrade(engine)

    with reading(engine) as conn:
        assert schema_version(conn) == newest_version()


def test_processes_that_start_together_upgrade_once(tmp_path: Path) -> None:
    """Several upgrades of one new ledger at a time all succeed."""
    engines = [open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}") for _ in range(4)]
    threads = [threading.Thread(target=upgrade, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(metadata.tables) <= set(inspect(engines[0]).get_table_names())
    for engine in engines:
        engine.dispose()


def test_a_newer_ledger_is_refused(engine: Engine) -> None:
    """A schema this version does not know is not touched."""
    with writing(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(LedgerError, match="newer version"):
        upgrade(engine)
