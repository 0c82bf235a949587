"""streams/ledger/prune.py: what goes, and what must stay."""

from typing import Any

from sqlalchemy import Engine, Table, func, select

from streams.ledger.engine import reading, writing
from streams.ledger.prune import prune
from streams.ledger.schema import dead_letters, link_history, links, parsed_files, samples, tree_files
from streams.ledger.tallies import miscounted
from streams.ledger.upsert import upsert

CUT = 100.0


def row(table: Table, **given: Any) -> dict[str, Any]:
    """Return a row with what is given, and something fitting in all other columns."""
    filler = {"VARCHAR": "x", "TEXT": "x", "FLOAT": 1.0, "INTEGER": 1, "BIGINT": 1, "BLOB": b"", "BOOLEAN": False}
    others = {c.name: None if c.nullable else filler[str(c.type.compile())] for c in table.columns}
    return {**others, **given}


def fill(engine: Engine) -> None:
    with writing(engine) as conn:
        upsert(conn, tree_files, [row(tree_files, path="a.c", blob_id="1")])
        files = [("1", "a.c"), ("1", "b.c"), ("2", "a.c")]
        upsert(conn, parsed_files, [row(parsed_files, blob_id=blob, path=path) for blob, path in files])
        for key, state, at in (("old", "retired", 50.0), ("young", "retired", 150.0), ("live", "kept", 50.0)):
            upsert(conn, links, [row(links, link_id=key, state=state)])
            upsert(conn, link_history, [row(link_history, change_id=key, link_id=key, changed_at=at)])
        kinds = [("gone", "retracted", None), ("sealed", "retracted", 1), ("waits", "pending", None)]
        rows = [row(samples, sample_id=key, state=state, shard_seq=seq) for key, state, seq in kinds]
        upsert(conn, samples, rows)
        letters = [row(dead_letters, letter_id=state, state=state) for state in ("dead", "replayed", "dropped")]
        upsert(conn, dead_letters, letters)


def keys(engine: Engine, table: Table) -> set[Any]:
    with reading(engine) as conn:
        found = conn.execute(select(*table.primary_key)).all()
    return {item[0] if len(item) == 1 else tuple(item) for item in found}


def test_what_is_not_needed_goes_and_all_else_stays(engine: Engine) -> None:
    """Parsed files of a head, young or live links, sealed samples and dead letters stay; tallies follow."""
    fill(engine)

    removed = prune(engine, before=CUT)

    assert removed == {"parsed files": 2, "retired links": 1, "retracted samples": 1, "settled dead letters": 2}
    assert keys(engine, parsed_files) == {("1", "a.c", "x")}
    assert keys(engine, links) == {"young", "live"} == keys(engine, link_history)
    assert keys(engine, samples) == {"sealed", "waits"}
    assert keys(engine, dead_letters) == {"dead"}
    with reading(engine) as conn:
        assert miscounted(conn) == []


def test_a_dry_run_removes_nothing(engine: Engine) -> None:
    """It says the same numbers."""
    fill(engine)

    would = prune(engine, before=CUT, dry_run=True)

    with reading(engine) as conn:
        assert conn.execute(select(func.count()).select_from(parsed_files)).scalar_one() == 3
    assert would == prune(engine, before=CUT)
