"""streams/ledger/conflicts.py"""

from collections.abc import Callable

from sqlalchemy import Engine

from mapper.model import Conflict, TraceLink
from streams.events import Cause
from streams.ledger.conflicts import find_conflicts, open_conflicts, replace_conflicts
from streams.ledger.engine import writing


def test_a_conflict_is_opened_resolved_and_opened_again(engine: Engine, make_link: Callable[..., TraceLink]) -> None:
    """Both causes are kept; one that comes back is open."""
    link = make_link()
    conflict = Conflict(
        conflict_id="cf1",
        kind="address",
        sheet_sha256="s1",
        sheet_family="fam",
        part="PART1",
        anchor=link.anchor,
        symbol=link.symbol,
        symbol_id=link.symbol_id,
        code_value="0x11",
        sheet_value="0x10",
        detail="",
    )
    causes = [Cause(kind="commit", id=f"c{n}", time=1.0) for n in range(3)]
    with writing(engine) as conn:
        assert replace_conflicts(conn, "repo", [conflict], causes[0]) == (1, 0)
        assert replace_conflicts(conn, "repo", [conflict], causes[1]) == (0, 0)
        assert [row.opened_by for row in open_conflicts(conn)] == ["c0"]
        assert replace_conflicts(conn, "repo", [], causes[1]) == (0, 1)
        assert [(row.state, row.resolved_by) for row in find_conflicts(conn)] == [("resolved", "c1")]
        assert replace_conflicts(conn, "repo", [conflict], causes[2]) == (1, 0)
        assert [(row.opened_by, row.resolved_by) for row in open_conflicts(conn)] == [("c2", None)]
