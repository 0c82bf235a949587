"""streams/ledger/sources.py"""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from mapper.model import Datasheet
from streams.errors import SourceStateError
from streams.ledger import outbox, sheets, sources, symbols
from streams.ledger.engine import writing
from streams.records import ChangeRecord


def test_a_repository_is_found_by_id_url_and_start_of_id(engine: Engine) -> None:
    """Any of the names a person has for it leads to it."""
    with writing(engine) as conn:
        added = sources.add_repository(conn, url="https://x/y.git", now=1.0, parts=["P1"])

        for key in (added.repo_id, added.url, added.repo_id[:12]):
            assert sources.find_repository(conn, key) == added
    assert added.parts == ("P1",)
    assert added.family == added.repo_id


def test_adding_again_keeps_what_was_reached(engine: Engine) -> None:
    """A known repository keeps its tip and head, and takes the new parts."""
    with writing(engine) as conn:
        repo = sources.add_repository(conn, url="u", now=1.0)
        sources.record_tip(conn, repo.repo_id, "c1")
        sources.record_head(conn, repo.repo_id, "c1", 5.0)

        again = sources.add_repository(conn, url="u", now=2.0, parts=["P2"])

    assert (again.tip, again.head, again.added_at, again.parts) == ("c1", "c1", 1.0, ("P2",))


def test_removing_a_repository_clears_its_tree_and_tells_the_agents(engine: Engine) -> None:
    """Its tree is gone at once; links and samples go by the record in the outbox."""
    with writing(engine) as conn:
        repo = sources.add_repository(conn, url="u", now=1.0)
        sources.record_head(conn, repo.repo_id, "c1", 5.0)
        symbols.write_tree(conn, repo.repo_id, {"a.c": "b1"}, [])

        sources.remove_repository(conn, repo.repo_id, 9.0)

        (item,) = outbox.waiting(conn)
        change = ChangeRecord.decode(item.record.value).to_domain()
        assert (change.repo_id, change.cause.kind) == (repo.repo_id, "removal")
        assert symbols.read_tree(conn, repo.repo_id) == {}
        assert sources.list_repositories(conn) == []
        assert sources.add_repository(conn, url="u", now=10.0).head is None


def test_removing_a_sheet_source_leaves_no_current_release(
    engine: Engine, make_sheet: Callable[..., Datasheet]
) -> None:
    """What it published is history, and the links agent is told by family."""
    with writing(engine) as conn:
        source = sources.add_sheet_source(conn, location="/x.pdf", now=1.0)
        sheets.write_sheet(
            conn, make_sheet(), source_id=source.source_id, released_at=1.0, read_at=2.0, seconds=0.1, current=True
        )

        sources.remove_sheet_source(conn, source.source_id, 3.0)

        (item,) = outbox.waiting(conn)
        assert ChangeRecord.decode(item.record.value).to_domain().sheet_family == "fam"
        assert sheets.list_sheets(conn) == []


def test_an_unknown_source_is_an_error(engine: Engine) -> None:
    """The message names what was asked for."""
    with writing(engine) as conn, pytest.raises(SourceStateError, match="nobody"):
        sources.remove_repository(conn, "nobody", 1.0)
