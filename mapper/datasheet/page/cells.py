"""Rules to cells: where rules cross are corners, and four corners joined by rules make a cell.

The lattice method (Nurminen 2013), as pdfplumber does it, on rules that are already joined: a side of a cell has to
lie on one rule, and of the rectangles that start at a corner the smallest one counts.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from mapper.datasheet.page.rules import Rule

TOUCH_PT = 3.0  # rules that come this close meet

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(slots=True)
class Crossings:
    """The points where rules meet, and which upright and level rules meet there (by number)."""

    upright: dict[Point, set[int]] = field(default_factory=dict)
    level: dict[Point, set[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.upright)


def crossings_of(rules: Sequence[Rule]) -> Crossings:
    """Return where the rules meet or come close to it."""
    found = Crossings()
    levels = sorted((rule.at, number) for number, rule in enumerate(rules) if rule.is_horizontal)
    heights = [at for at, _ in levels]
    for number, rule in enumerate(rules):
        if rule.is_horizontal:
            continue
        first = bisect_left(heights, rule.start - TOUCH_PT)
        for at, other in levels[first : bisect_right(heights, rule.end + TOUCH_PT)]:
            if rules[other].start - TOUCH_PT <= rule.at <= rules[other].end + TOUCH_PT:
                point = rule.at, at
                found.upright.setdefault(point, set()).add(number)
                found.level.setdefault(point, set()).add(other)
    return found


def cells_of(crossings: Crossings) -> list[Box]:
    """Return the smallest cell below and right of each corner, by height and left edge."""
    upright, level = crossings.upright, crossings.level
    xs_at: dict[float, list[float]] = {}
    ys_at: dict[float, list[float]] = {}
    for x, y in sorted(upright):
        xs_at.setdefault(y, []).append(x)
        ys_at.setdefault(x, []).append(y)
    cells: list[Box] = []
    for x, y in sorted(upright, key=lambda point: (point[1], point[0])):
        row, column = xs_at[y], ys_at[x]
        rights = [x2 for x2 in row[bisect_right(row, x) :] if not level[x, y].isdisjoint(level[x2, y])]
        belows = [y2 for y2 in column[bisect_right(column, y) :] if not upright[x, y].isdisjoint(upright[x, y2])]
        cell = _smallest(x, y, rights, belows, crossings)
        if cell is not None:
            cells.append(cell)
    return cells


def groups_of(cells: Sequence[Box]) -> list[list[Box]]:
    """Return the cells by table: those connected through common corners."""
    parent = list(range(len(cells)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    owner: dict[Point, int] = {}
    for number, (left, top, right, bottom) in enumerate(cells):
        for corner in ((left, top), (right, top), (left, bottom), (right, bottom)):
            parent[root(number)] = root(owner.setdefault(corner, number))
    groups: dict[int, list[Box]] = {}
    for number, cell in enumerate(cells):
        groups.setdefault(root(number), []).append(cell)
    return list(groups.values())


def _smallest(x: float, y: float, rights: list[float], belows: list[float], crossings: Crossings) -> Box | None:
    upright, level = crossings.upright, crossings.level
    for y2 in belows:
        for x2 in rights:
            corner = x2, y2
            if (
                corner in upright
                and not upright[corner].isdisjoint(upright[x2, y])
                and not level[corner].isdisjoint(level[x, y2])
            ):
                return x, y, x2, y2
    return None
