"""streams/ledger/tallies.py and coverage.py: numbers that nobody counted are those that counting gives."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, insert, text, update

from streams.ledger.coverage import coverage, refresh
from streams.ledger.engine import reading, writing
from streams.ledger.schema import commits, conflicts, datasheets, drops, link_tallies, links, samples, tallies
from streams.ledger.tallies import links_by_state, miscounted, recount, tallied
from streams.ledger.upsert import upsert

LINK = {
    **dict.fromkeys(("sheet_sha256", "part", "anchor_id", "revision", "grade", "method", "path", "kind"), "x"),
    "name": "n",
    "line": 1,
    "anchor_kind": "register",
    "anchor_title": "t",
    "field": None,
    "page": 1,
    "score": 1.0,
    "moved_from": None,
    "body": b"",
    "repo_id": "r",
    "sheet_family": "f",
}


def write_links(conn: Connection, *rows: tuple[str, str, str]) -> None:
    """Write links of (id, register, state)."""
    fields = [{"link_id": i, "symbol_id": f"s{i}", "register": register, "state": state} for i, register, state in rows]
    upsert(conn, links, [{**LINK, **row} for row in fields])


def write_others(conn: Connection) -> None:
    """Write, rewrite and remove rows of every table that is tallied."""
    drop = {"stage": "samples", "reason": "licence", "repo_id": None, "path": "p", "blob_id": "b", "dropped_at": 1.0}
    upsert(conn, drops, [{**drop, "drop_id": str(number), "detail": "d"} for number in range(3)])
    conn.execute(drops.delete().where(drops.c.drop_id == "1"))
    names = ("repo_id", "path", "domain", "licence", "blob_id", "content_hash")
    row = {**dict.fromkeys(names, "x"), "seq": 1, "event_time": 1.0, "body": b""}
    upsert(conn, samples, [{**row, "sample_id": key, "state": "pending"} for key in "abc"])
    conn.execute(update(samples).where(samples.c.sample_id != "a").values(state="sealed"))
    conn.execute(update(samples).where(samples.c.sample_id == "b").values(repo_id="another"))
    names = ("repo_id", "sheet_family", "part", "kind", "symbol_id", "name", "path", "code_value", "sheet_value")
    row = {**dict.fromkeys((*names, "detail", "opened_by"), "x"), "line": 1, "page": 1}
    upsert(conn, conflicts, [{**row, "conflict_id": key, "state": "open"} for key in "ab"])
    upsert(conn, conflicts, [{**row, "conflict_id": key, "state": "resolved"} for key in "bc"])
    row = {**dict.fromkeys(("repo_id", "commit_id", "summary"), "x"), "commit_time": 1.0, "applied_at": 1.0}
    row |= {"files_changed": 1, "files_parsed": 1, "symbols_changed": 1, "seconds": 1.0}
    upsert(conn, commits, [{**row, "event_id": "e"}])
    upsert(conn, commits, [{**row, "event_id": "e", "files_parsed": 2}])


def test_tallies_are_what_counting_gives(engine: Engine) -> None:
    """Inserted, rewritten and removed rows move them, in the same transaction."""
    with writing(engine) as conn:
        write_others(conn)
        write_links(conn, ("1", "A", "new"), ("2", "A", "new"), ("3", "B", "new"))
        write_links(conn, ("1", "A", "kept"), ("2", "A", "broken"))
        conn.execute(links.delete().where(links.c.link_id == "3"))

        assert miscounted(conn) == []
        assert tallied(conn, "samples") == {"pending": 1, "sealed": 2}
        assert tallied(conn, "conflicts") == {"open": 1, "resolved": 2}
        assert tallied(conn, "drops") == {"samples/licence": 2}
        assert links_by_state(conn) == {"broken": 1, "kept": 1}


def test_a_miscount_is_found_and_mended(engine: Engine) -> None:
    """Tallies that somebody changed are named with both numbers, and counted anew."""
    with writing(engine) as conn:
        write_others(conn)
        write_links(conn, ("1", "A", "new"))
        conn.execute(update(link_tallies).values(number=7))
        conn.execute(update(tallies).where(tallies.c.subject == "commits").values(number=0))

        found = miscounted(conn)
        recount(conn)

        assert [(fault.tallied, fault.counted) for fault in found] == [(7, 1), (0, 1)]
        assert miscounted(conn) == []


SHEET = {
    **dict.fromkeys(("source_id", "file", "title"), "x"),
    **dict.fromkeys(("num_pages", "num_sections", "num_registers"), 9),
    **dict.fromkeys(("released_at", "read_at", "seconds"), 1.0),
    "sha256": "s",
    "family": "f",
    "parts": [],
    "current": True,
    "copy_restricted": False,
    "partial": False,
}


@pytest.mark.parametrize("keep", [lambda engine: None, lambda engine: refresh(engine, lambda: 0.0, seconds=1.0)])
def test_coverage_follows_every_change(engine: Engine, keep: Callable[[Engine], object]) -> None:
    """Whether it was counted and kept before or not, a reader sees the registers and symbols of now."""
    with writing(engine) as conn:
        conn.execute(insert(datasheets), [{**SHEET, "body": b"", "revision": None}])
        write_links(conn, ("1", "A", "new"), ("2", "B", "new"))
    keep(engine)
    with reading(engine) as conn:
        before = coverage(conn)
    with writing(engine) as conn:
        write_links(conn, ("2", "B", "broken"), ("3", "C", "new"), ("4", "D", "kept"))
    keep(engine)
    with reading(engine) as conn:
        after = coverage(conn)

    assert [(sheet.registers_linked, sheet.symbols, sheet.links) for sheet in before] == [(2, 2, 2)]
    assert [(sheet.registers_linked, sheet.symbols, sheet.links) for sheet in after] == [(3, 3, 3)]


def test_every_tallied_table_has_its_triggers(engine: Engine) -> None:
    """A migration that makes a table anew, as those of SQLite may, would lose them."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with reading(engine) as conn:
        found = set(conn.execute(text(queries[engine.dialect.name])).scalars())

    tables = ("commits", "tree_files", "symbols", "conflicts", "samples", "drops", "links")
    updated = {f"tally_{table}_update" for table in ("conflicts", "samples", "links")}
    assert found >= {f"tally_{table}_{kind}" for table in tables for kind in ("insert", "delete")} | updated
