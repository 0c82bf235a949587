"""streams/ledger/migrate.py and the migrations"""

import threading
import zlib
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, select, text

from mapper.ids import repository_id
from streams.errors import LedgerError
from streams.ledger import migrate, outbox, sources, symbols, upgrades
from streams.ledger.bodies import content_of
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.indexes import metadata
from streams.ledger.migrate import newest_version, schema_version, upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import conflicts, datasheets, parsed_files, repositories
from streams.ledger.sources import add_repository, get_repository, list_sheet_sources, lock_repository
from streams.ledger.symbols import recent_commits


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")  # on SQLite
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_the_migrations_give_the_schema(engine: Engine) -> None:
    """Alembic finds no difference between an upgraded ledger and the tables of schema.py."""
    with reading(engine) as conn:
        context = MigrationContext.configure(conn, opts={"include_object": of_this_database(conn)})
        assert compare_metadata(context, metadata) == []
        assert schema_version(conn) == newest_version()


def of_this_database(conn: Connection) -> Callable[..., bool]:
    """Give a function that says whether a table or index is meant for this database: alembic disregards ddl_if."""
    return lambda item, *_: (only := getattr(item, "_ddl_if", None)) is None or only.dialect == conn.dialect.name


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


def test_datasheets_and_conflicts_of_the_first_version_are_completed(new_url: str) -> None:
    """Datasheets get the digest of their content, conflicts the kind of their causes."""
    engine = open_ledger(new_url)
    body = zlib.compress(b'{"a": 1}')
    with writing(engine) as conn:
        upgrade_to(conn, "0001")
        insert(conn, "repositories", repo_id="r", url="u", family="r", parts="[]", path_globs="[]", state="active")
        insert(conn, "datasheets", sha256="s", source_id="x", family="f", file="f.pdf", title="", parts="[]", body=body)
        for name, by, resolved in (("c1", "a" * 40, "b" * 64), ("c2", "repo1_x", None)):
            insert(conn, "conflicts", conflict_id=name, opened_by=by, resolved_by=resolved, state="open")

    upgrade(engine)

    with reading(engine) as conn:
        content = conn.execute(select(datasheets.c.content)).scalar_one()
        kinds = conn.execute(select(conflicts.c.opened_kind, conflicts.c.resolved_kind).order_by("conflict_id")).all()
        assert content == content_of(body)
        assert [tuple(row) for row in kinds] == [("commit", "datasheet"), ("removal", None)]
        assert conn.execute(select(repositories.c.linked_tree)).scalar_one() is None
    engine.dispose()


def upgrade_to(conn: Connection, version: str) -> None:
    with as_file(files("streams.ledger") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = conn
        command.upgrade(config, version)


def insert(conn: Connection, table: str, **values: Any) -> None:
    """Insert a row; columns that are not named get a value of their type."""
    for column in inspect(conn).get_columns(table):
        if not column["nullable"] and column["name"] not in values:
            kind = str(column["type"]).upper()
            is_text = "CHAR" in kind or "TEXT" in kind
            values[column["name"]] = "" if is_text else False if kind == "BOOLEAN" else 0
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(f"CAST(:{name} AS JSON)" if values[name] == "[]" and conn.dialect.name == "postgresql"
                      else f":{name}" for name in values)  # fmt: skip
    conn.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


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


def test_a_ledger_of_the_first_schema_loses_nothing(new_url: str) -> None:
    """Rows of version 0001 are there after the upgrade, with what their new columns mean for them."""
    engine = open_ledger(new_url)
    rows = {
        "repositories": "(repo_id, url, family, parts, path_globs, state, tip, added_at) "
        "VALUES ('r', 'u', 'f', '[]', '[]', 'active', 'c1', 1)",
        "commits": "(event_id, repo_id, commit_id, summary, commit_time, applied_at, files_changed, files_parsed, "
        "symbols_changed, seconds) VALUES ('e', 'r', 'c1', 's', 1, 1, 1, 1, 1, 1)",
        "sheet_sources": "(source_id, location, parts, state, added_at) VALUES ('s', 'l', '[]', 'active', 1)",
    }
    with as_file(files("streams.ledger") / "migrations") as folder, writing(engine) as conn:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        for table, row in rows.items():
            conn.execute(text(f"INSERT INTO {table} {row}"))

    upgrade(engine)

    with reading(engine) as conn:
        repository = get_repository(conn, "r")
        (commit,) = recent_commits(conn)
        (source,) = list_sheet_sources(conn)
    assert (repository.tip, repository.tag_glob, repository.backfill_tip) == ("c1", None, None)
    assert (commit.commit_id, commit.mapped) == ("c1", True)
    assert (source.source_id, source.is_folder, source.folder) == ("s", False, None)
    engine.dispose()


def test_a_ledger_of_the_first_version_keeps_its_rows(new_url: str) -> None:
    """Files, trees, datasheets and links stay; they are of a version that nobody knows, so all is due to be read."""
    engine = open_ledger(new_url)
    with as_file(files("streams.ledger") / "migrations") as folder, writing(engine) as conn:
        config = migrate._config(folder)
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        for statement in ROWS_OF_0001:
            conn.execute(text(statement), {"body": b"body"})

    upgrade(engine)

    with reading(engine) as conn:
        assert symbols.tree_bodies(conn, "r") == [b"body"]
        assert sources.get_repository(conn, "r").parser == ""
        assert upgrades.outdated(conn) == upgrades.Outdated(trees=1, sheets=1, links=1)
    with writing(engine) as conn:
        other = {"blob_id": "b", "path": "a.h", "parser": "parser1_new", "body": b"new"}
        conn.execute(parsed_files.insert().values(other))
    engine.dispose()


ROWS_OF_0001 = (
    "INSERT INTO repositories (repo_id, url, family, parts, path_globs, state, head, linked, added_at)"
    " VALUES ('r', 'u', 'r', '[]', '[]', 'active', 'c1', 'snap1_x', 1)",
    "INSERT INTO tree_files (repo_id, path, blob_id) VALUES ('r', 'a.h', 'b')",
    "INSERT INTO parsed_files (blob_id, path, body) VALUES ('b', 'a.h', :body)",
    "INSERT INTO datasheets (sha256, source_id, family, file, title, parts, num_pages, num_sections, num_registers,"
    " copy_restricted, partial, current, released_at, read_at, seconds, body)"
    " VALUES ('s', 'src', 'f', 'f.pdf', 't', '[]', 1, 1, 1, false, false, true, 1, 1, 1, :body)",
)
