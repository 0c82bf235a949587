"""Migration 0004: a ledger of the first version keeps its rows, and gets the table and indexes of audits and impact."""

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text

from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import _config, upgrade

ROW = "INSERT INTO link_history VALUES ('c', 1, 'l', 'new', 'r', 'commit', 'abc', 'first seen', 1.5)"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A ledger of version 0001 with a row, once on each database."""
    if request.param == "sqlite":
        yield _first(f"sqlite:///{tmp_path / 'old.db'}")
        return
    postgres: Any = request.getfixturevalue("postgres")
    with postgres.database() as name:
        engine = _first(postgres.url(name))
        yield engine
        engine.dispose()


def _first(url: str) -> Engine:
    engine = open_ledger(url)
    with as_file(files("streams.ledger") / "migrations") as folder, writing(engine) as conn:
        config = _config(folder)
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        conn.execute(text(ROW))
    return engine


def test_a_first_ledger_upgrades_without_loss(first: Engine) -> None:
    """The row is as it was, and is found through the new index."""
    upgrade(first)

    with reading(first) as conn:
        (row,) = conn.execute(text("SELECT * FROM link_history")).all()
    names = {index["name"] for index in inspect(first).get_indexes("link_history")}
    assert tuple(row) == ("c", 1, "l", "new", "r", "commit", "abc", "first seen", 1.5)
    assert "ix_link_history_cause_id" in names
    assert "audits" in inspect(first).get_table_names()
