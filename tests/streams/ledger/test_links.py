"""streams/ledger/links.py"""

import dataclasses
from collections.abc import Callable

from sqlalchemy import Engine

from mapper.model import Datasheet, FileRelevance, TraceLink
from streams.events import Cause
from streams.ledger import links, sheets
from streams.ledger.counts import counts
from streams.ledger.coverage import coverage
from streams.ledger.engine import reading, writing
from streams.ledger.links import LinkTurn, StoredLink

CAUSE = Cause(kind="commit", id="c1", time=1.0)


def turn(link: TraceLink, state: str = "new", cause: Cause = CAUSE) -> LinkTurn:
    return LinkTurn(stored=StoredLink(link=link, state=state), cause=cause, detail="first seen")


def test_links_are_found_by_what_people_ask(engine: Engine, make_link: Callable[..., TraceLink]) -> None:
    """Symbol, path, part, register in any case, a folder; dead links only when asked for."""
    one, two = make_link("REG_CTRL", "CTRL"), make_link("REG_STAT", "STAT", path="drv/b.h")
    with writing(engine) as conn:
        links.write_turns(conn, "repo", [turn(one), turn(two, "broken")], 2.0)

    with reading(engine) as conn:
        for wanted in ({"symbol": "REG_CTRL"}, {"path": "a.h"}, {"part": "part1"}, {"register": "ctrl"}, {}):
            assert [row.link_id for row in links.find_links(conn, **wanted)] == [one.link_id]
        assert [row.name for row in links.find_links(conn, path="drv/*", state="all")] == ["REG_STAT"]
        assert (
            links.find_links(conn, path="DRV/*", state="all") == links.find_links(conn, path="dr_*", state="all") == []
        )
        assert links.find_links(conn, state="broken")[0].path == "drv/b.h"


def test_a_story_tells_each_state_with_its_cause(engine: Engine, make_link: Callable[..., TraceLink]) -> None:
    """History grows by one for each change, and not when the same change is written again."""
    link = make_link()
    later = Cause(kind="commit", id="c2", time=2.0)
    with writing(engine) as conn:
        links.write_turns(conn, "repo", [turn(link)], 2.0)
        links.write_turns(conn, "repo", [turn(link, "stale", later)], 3.0)
        links.write_turns(conn, "repo", [turn(link, "stale", later)], 4.0)

        story = links.link_story(conn, link.link_id[:12])

    assert story is not None
    assert (story.link, story.row.state) == (link, "stale")
    assert [(h.seq, h.state, h.cause_id, h.changed_at) for h in story.history] == [
        (1, "new", "c1", 2.0),
        (2, "stale", "c2", 3.0),
    ]


def test_loading_gives_whole_links_of_paths(engine: Engine, make_link: Callable[..., TraceLink]) -> None:
    """Evidence and all: the value that was written."""
    one, two = make_link("A", path="a.h"), make_link("B", path="b.h")
    with writing(engine) as conn:
        links.write_links(conn, "repo", [StoredLink(link=one, state="new"), StoredLink(link=two, state="kept")])

        assert links.load_links(conn, repo_id="repo", paths=["b.h"]) == [StoredLink(link=two, state="kept")]
        assert len(links.load_links(conn, repo_id="repo")) == 2
        assert links.load_links(conn, repo_id="other") == []


def test_coverage_counts_registers_that_live_links_name(
    engine: Engine, make_link: Callable[..., TraceLink], make_sheet: Callable[..., Datasheet]
) -> None:
    """Two links to one register cover one register."""
    turns = [turn(make_link("A", "CTRL")), turn(make_link("B", "CTRL")), turn(make_link("C", "STAT"), "stale")]
    with writing(engine) as conn:
        sheet = make_sheet(registers=("CTRL", "STAT"))
        sheets.write_sheet(conn, sheet, source_id="x", released_at=1.0, read_at=1.0, seconds=0.0, current=True)
        links.write_turns(conn, "repo", turns, 2.0)

        (found,) = coverage(conn)
        number = counts(conn)

    assert (found.registers, found.registers_linked, found.links, found.symbols) == (2, 1, 2, 2)
    assert (number.links, number.datasheets) == ({"new": 2, "stale": 1}, 1)


def test_file_relevance_is_replaced_as_a_whole(engine: Engine) -> None:
    """What a mapping does not say any more is gone."""
    file = FileRelevance(
        sheet_sha256="s1", sheet_file="f", sheet_family="fam", part="P", path="a.c", rank=1, score=0.5, accepted=True
    )
    with writing(engine) as conn:
        links.replace_relevance(conn, "repo", [file, dataclasses.replace(file, path="b.c", rank=2)])
        links.replace_relevance(conn, "repo", [file])

        rows = conn.execute(links.file_relevance.select()).all()

    assert [row.path for row in rows] == ["a.c"]
