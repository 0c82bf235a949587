"""streams/ledger/engine.py"""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from streams.errors import ConfigError, LedgerError
from streams.ledger.engine import open_ledger, reading, url_of, writing
from streams.ledger.schema import counters
from streams.ledger.upsert import upsert


def test_upsert_rewrites_the_row_of_a_key(engine: Engine) -> None:
    """The same key again sets the columns asked for, and none when none are."""
    with writing(engine) as conn:
        upsert(conn, counters, [{"name": "a", "value": 1}, {"name": "b", "value": 1}])
        upsert(conn, counters, [{"name": "a", "value": 2}])
        upsert(conn, counters, [{"name": "b", "value": 2}], update=())

        found = dict(conn.execute(select(counters.c.name, counters.c.value)).all())

    assert found == {"a": 2, "b": 1}


def test_an_exception_rolls_all_back(engine: Engine) -> None:
    """Nothing of a failed transaction stays."""

    def fail() -> None:
        with writing(engine) as conn:
            upsert(conn, counters, [{"name": "a", "value": 1}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with reading(engine) as conn:
        assert conn.execute(select(counters)).all() == []


def test_writers_wait_for_each_other(engine: Engine) -> None:
    """Two threads that read and then write lose no update: SQLite locks at the start, PostgreSQL the row."""

    def increment() -> None:
        for _ in range(20):
            with writing(engine) as conn:
                value = conn.execute(select(counters.c.value).with_for_update()).scalar_one()
                upsert(conn, counters, [{"name": "a", "value": value + 1}])

    with writing(engine) as conn:
        upsert(conn, counters, [{"name": "a", "value": 0}])
    threads = [threading.Thread(target=increment) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with reading(engine) as conn:
        assert conn.execute(select(counters.c.value)).scalar_one() == 40


def test_a_reader_sees_one_snapshot(engine: Engine) -> None:
    """What is committed while a reader reads does not show up in its transaction."""
    with reading(engine) as reader:
        before = reader.execute(select(counters)).all()
        with writing(engine) as conn:
            upsert(conn, counters, [{"name": "a", "value": 1}])

        assert reader.execute(select(counters)).all() == before == []


def test_a_url_of_no_database_is_a_config_error() -> None:
    """The message names the setting."""
    with pytest.raises(ConfigError, match="SHEETSTREAM_DATABASE_URL"):
        open_ledger("no url at all")


def test_a_ledger_that_cannot_be_opened_is_a_ledger_error(tmp_path: Path) -> None:
    """A folder in the file's place is said to be no database."""
    (tmp_path / "ledger.db").mkdir()

    with pytest.raises(LedgerError, match="unable to open"), reading(open_ledger(f"sqlite:///{tmp_path}/ledger.db")):
        pass


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.db", "postgresql://u:p%2Fa%40s@h:1/d?host=/run/x"])
def test_a_ledger_is_opened_elsewhere_by_its_url(url: str) -> None:
    """With the password, which its representation hides."""
    engine = open_ledger(url)

    assert open_ledger(url_of(engine)).url == engine.url
