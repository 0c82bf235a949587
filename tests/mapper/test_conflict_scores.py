"""Conflicts against the marks of readers."""

from mapper.conflict_scores import score_conflicts
from mapper.figures import Ratio


def conflict(name: str, page: int, register: str, path: str = "inc/bus.h") -> dict[str, object]:
    return {
        "level": "conflict",
        "datasheet": {"file": "s.pdf"},
        "anchor": {"page": page, "register": register},
        "symbol": {"path": path, "name": name},
    }


def read(name: str, *, path: str = "src/bus.c", conflict: bool = False) -> dict[str, object]:
    anchors = [{"page": 8, "register": "CMD"}]
    label = {"level": "symbol", "source": "read", "file": "s.pdf", "path": path, "name": name, "anchors": anchors}
    return {**label, "conflict": True} if conflict else label


def test_a_mark_is_reported_where_the_register_is_defined() -> None:
    """The function is marked, the conflict is about the definition of the register it uses, in its header."""
    report = score_conflicts([conflict("BUS_CMD", 8, "CMD")], [read("send_command", conflict=True)])

    assert (report.reported, report.confirmed, report.unjudged) == (Ratio(hits=1, total=1), 1, 0)


def test_a_conflict_of_another_unit_does_not_report_a_mark() -> None:
    """A register of the same name in another driver is another register."""
    report = score_conflicts([conflict("X_CMD", 8, "CMD", "inc/x.h")], [read("send_command", conflict=True)])

    assert (report.reported, report.unjudged) == (Ratio(hits=0, total=1), 1)


def test_a_conflict_of_a_symbol_that_was_read_and_agrees_is_refuted() -> None:
    """A reader looked and found no disagreement."""
    assert score_conflicts([conflict("A", 3, "CTRL", "a.c")], [read("A", path="a.c")]).refuted == 1
