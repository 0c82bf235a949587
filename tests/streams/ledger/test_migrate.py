"""streams/ledger/migrate.py and the migrations"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from mapper.ids import repository_id
from streams.errors import LedgerError
from streams.ledger import outbox
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.indexes import metadata
from streams.ledger.migrate import newest_version, schema_version, upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.sources import add_repository, lock_repository


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")  # on SQLite
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    postgres: Any = request.getfixturevalue("postgres")
    with postgres.database() as name:
        yield postgres.url(name)


def test_processes_that_start_together_upgrade_once(new_url: str) -> None:
    """Several upgrades of one new ledger at a time all succeed."""
    engines = [open_ledger(new_url) for _ in range(4)]
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


@pytest.mark.postgres
def test_a_role_that_may_not_create_tables_is_told_so(postgres: Any) -> None:
    """The message has what is missing; once the tables are there, the role needs no more than to write rows."""
    with postgres.database() as name:
        postgres.execute("DROP ROLE IF EXISTS writer", "CREATE ROLE writer LOGIN PASSWORD 'w'")
        postgres.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database=name)
        engine = open_ledger(postgres.tcp_url(name, "writer", "w"))

        with pytest.raises(
            LedgerError, match="permission denied for schema public; its role needs CREATE on the schema"
        ):
            upgrade(engine)

        owner = open_ledger(postgres.url(name))
        upgrade(owner)
        for grant in (
            "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",
            "USAGE ON SEQUENCE outbox_id_seq",
        ):
            postgres.execute(f"GRANT {grant} TO writer", database=name)
        upgrade(engine)
        with writing(engine) as conn:
            outbox.put(conn, [Outgoing(topic="t", key="k", value=None)], 1.0)
            assert add_repository(conn, url="u", now=1.0) == lock_repository(conn, repository_id("u"))
        engine.dispose()
        owner.dispose()
