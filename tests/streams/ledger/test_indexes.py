"""streams/ledger/indexes.py: what a query finds through the start of a name, and page after page."""

import pytest
from sqlalchemy import Engine

from streams.ledger.engine import writing
from streams.ledger.indexes import KEY_CHARS
from streams.ledger.links import find_links
from streams.ledger.schema import links
from streams.ledger.upsert import upsert

LINK = {
    **dict.fromkeys(("sheet_sha256", "part", "anchor_id", "symbol_id", "revision", "grade", "method", "kind"), "x"),
    "anchor_kind": "register",
    "anchor_title": "t",
    "field": None,
    "page": 1,
    "moved_from": None,
    "body": b"",
    "repo_id": "r",
    "sheet_family": "f",
    "state": "kept",
    "register": "CTRL",
    "name": "n",
    "path": "a.c",
    "line": 1,
    "score": 0.5,
}


@pytest.mark.parametrize("length", [KEY_CHARS - 1, KEY_CHARS, KEY_CHARS + 1])
def test_a_name_is_compared_to_its_end(engine: Engine, length: int) -> None:
    """Names that begin alike for as long as an index holds are told apart; registers without regard to case."""
    name = "N" * length
    with writing(engine) as conn:
        rows = {"1": name, "2": name + "x", "3": name[:-1]}
        upsert(conn, links, [{**LINK, "link_id": key, "name": n, "register": n} for key, n in rows.items()])

        assert [row.link_id for row in find_links(conn, symbol=name)] == ["1"]
        assert [row.link_id for row in find_links(conn, register=name.lower())] == ["1"]


def test_pages_follow_each_other(engine: Engine) -> None:
    """Page after page gives what one long page gives: by path, line, score and id."""
    with writing(engine) as conn:
        rows = [
            {**LINK, "link_id": f"{number:02}", "path": f"{number % 3}.c", "line": number % 2, "score": number % 5 / 10}
            for number in range(30)
        ]
        upsert(conn, links, rows)
        whole = [row.link_id for row in find_links(conn, register="ctrl")]
        paged: list[str] = []
        while page := find_links(conn, register="ctrl", limit=4, after=paged[-1] if paged else None):
            paged += [row.link_id for row in page]

    assert paged == whole
    assert len(whole) == 30
