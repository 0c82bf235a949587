"""streams/ledger/schema.py: the same values in both databases."""

import random
import string

import pytest
from sqlalchemy import Engine, select, text

from streams.ledger.engine import reading, writing
from streams.ledger.schema import offsets, sheet_changes, symbols
from streams.ledger.upsert import upsert

CHANGE = {
    "change_id": "c",
    "family": "f",
    "old_sha256": "1",
    "new_sha256": "2",
    "anchor": "Registers",
    "what": "title",
    "old_value": None,
}


def test_text_of_any_characters_is_kept(engine: Engine) -> None:
    """A NUL, which PostgreSQL refuses and PDFs have, becomes the replacement character; all else stays as it is."""
    titles = ["a\0b", "µ ≤ \U0001f600 'quoted' %s $1 \\x41 \r\n\t", ""]
    with writing(engine) as conn:
        for number, title in enumerate(titles):
            upsert(conn, sheet_changes, [{**CHANGE, "change_id": str(number), "new_value": title}])

        found = conn.execute(select(sheet_changes.c.new_value).order_by(sheet_changes.c.change_id)).scalars().all()

    assert found == [title.replace("\0", "\ufffd") for title in titles]


def test_offsets_have_64_bits(engine: Engine) -> None:
    """A topic's offset may be past what 32 bits hold."""
    row = {"agent": "a", "topic": "t", "topic_id": "i", "partition": 0, "updated_at": 0.1}
    with writing(engine) as conn:
        upsert(conn, offsets, [{**row, "next_offset": 2**62, "applied": 2**40, "skipped": 0, "event_time": 1e9 / 3}])

        found = conn.execute(select(offsets)).one()

    assert (found.next_offset, found.applied, found.event_time, found.updated_at) == (2**62, 2**40, 1e9 / 3, 0.1)


def test_a_name_of_any_length_is_found(engine: Engine) -> None:
    """Generated sources have names that no index tree of PostgreSQL takes."""
    name = "".join(random.Random(1).choices(string.ascii_letters, k=9000))
    row = {"symbol_id": "s", "repo_id": "r", "path": "a.c", "kind": "macro", "name": name, "scope": None}
    with writing(engine) as conn:
        upsert(conn, symbols, [{**row, "line": 1, "end_line": 1, "value": None, "revision": "1", "commit_id": "c"}])

        assert conn.execute(select(symbols.c.symbol_id).where(symbols.c.name == name)).scalar_one() == "s"


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_text_is_compared_by_its_bytes(engine: Engine) -> None:
    """A migration that forgets the collation "C" would make order depend on the server's locale."""
    query = text(
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('character varying', 'text') AND collation_name IS DISTINCT FROM 'C'"
    )
    with reading(engine) as conn:
        assert set(conn.execute(query).scalars()) == {"alembic_version.version_num"}
