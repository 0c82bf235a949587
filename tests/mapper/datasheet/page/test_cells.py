"""Rules to cells and tables."""

from mapper.datasheet.page.cells import cells_of, crossings_of, groups_of
from mapper.datasheet.page.rules import Rule


def _box(left: float, top: float, right: float, bottom: float) -> list[Rule]:
    return [
        Rule(True, top, left, right),
        Rule(True, bottom, left, right),
        Rule(False, left, top, bottom),
        Rule(False, right, top, bottom),
    ]


def test_a_ruled_box_with_a_divider_is_two_cells() -> None:
    """Rules that come within reach of each other meet; each corner starts the smallest cell only."""
    rules = [*_box(0, 0, 100, 20), Rule(False, 50, 2, 18)]

    assert cells_of(crossings_of(rules)) == [(0, 0, 50, 20), (50, 0, 100, 20)]


def test_a_side_made_of_two_rules_is_no_side() -> None:
    """Corners that no single rule joins make no cell between two tables that stand in line."""
    rules = [*_box(0, 0, 40, 20), *_box(60, 0, 100, 20)]

    assert cells_of(crossings_of(rules)) == [(0, 0, 40, 20), (60, 0, 100, 20)]


def test_cells_that_share_a_corner_are_one_table() -> None:
    """Connection runs over common corners; what stands apart is a table of its own."""
    cells = [(0.0, 0.0, 10.0, 10.0), (10.0, 10.0, 20.0, 20.0), (50.0, 0.0, 60.0, 10.0)]

    assert [len(group) for group in groups_of(cells)] == [2, 1]
