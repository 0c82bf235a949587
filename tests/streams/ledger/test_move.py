"""streams/ledger/move.py: a ledger in another database is the same ledger."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from bench.scale_load import load
from bench.scale_rows import Shape, rows
from streams.errors import LedgerError
from streams.ledger import move, outbox
from streams.ledger.counts import counts
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import links

NUM_LINKS = 2000


@pytest.fixture
def source(tmp_path: Path) -> Engine:
    """A small synthetic ledger in SQLite: rows of every kind."""
    engine = open_ledger(f"sqlite:///{tmp_path / 'source.db'}")
    upgrade(engine)
    load(engine, rows(Shape(links=NUM_LINKS)))
    return engine


def move_all(old: Engine, new: Engine, *, resume: bool = False, report: Any = lambda *_: None) -> move.Moved:
    move.prepare_target(old, new, resume=resume)
    move.copy(old, new, report)
    return move.finish(old, new)


def test_a_moved_ledger_is_the_same(source: Engine, engine: Engine, tmp_path: Path) -> None:
    """To either database, and from there back to SQLite: rows, dump and counts are equal."""
    there = move_all(source, engine)
    back = open_ledger(f"sqlite:///{tmp_path / 'back.db'}")
    again = move_all(engine, back)

    with reading(source) as old, reading(engine) as new, reading(back) as last:
        assert counts(old) == counts(new) == counts(last)
    assert there == again
    assert there.rows["links"] == sum(Shape(links=NUM_LINKS).files()) * 200
    back.dispose()
    source.dispose()


def test_the_next_outbox_id_is_a_new_one(source: Engine, engine: Engine) -> None:
    """Rows came with their ids; what is put afterwards follows them."""
    move_all(source, engine)

    with writing(engine) as conn:
        (number,) = outbox.put(conn, [Outgoing(topic="t", key="k", value=None)], 1.0)

    assert number == 1001
    source.dispose()


def test_an_interrupted_move_goes_on(source: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two batches, it is refused without --resume, and with it ends as if undisturbed."""

    def interrupt(name: str, done: int, total: int) -> None:
        if name == "links" and done > 1500:
            raise KeyboardInterrupt

    monkeypatch.setattr(move, "BATCH_ROWS", 100)
    with pytest.raises(KeyboardInterrupt):
        move_all(source, engine, report=interrupt)
    with pytest.raises(LedgerError, match="--resume"):
        move_all(source, engine)

    assert move_all(source, engine, resume=True).rows["links"] > 1500
    source.dispose()


def test_a_target_with_rows_is_refused(source: Engine, engine: Engine) -> None:
    """Two ledgers are not mixed; what is there is named."""
    with writing(engine) as conn:
        outbox.put(conn, [Outgoing(topic="t", key="k", value=None)], 1.0)

    with pytest.raises(LedgerError, match="empty ledger expected, got rows in outbox"):
        move_all(source, engine)
    source.dispose()


def test_a_row_that_differs_is_found(source: Engine, engine: Engine) -> None:
    """A link that is missing in the target is a verification error, not a success."""
    move.prepare_target(source, engine, resume=False)
    move.copy(source, engine, lambda *_: None)
    with writing(engine) as conn:
        first = conn.execute(select(links.c.link_id).limit(1)).scalar_one()
        conn.execute(links.delete().where(links.c.link_id == first))

    with pytest.raises(LedgerError, match="links: 2000 and 1999 rows"):
        move.finish(source, engine)
    source.dispose()
