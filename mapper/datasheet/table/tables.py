"""Find the ruled tables on a page, each word in its cell.

Ruled: cells.py makes their cells of the rules; an outer border that is not drawn is closed first. A table ruled only
in its header is left to columns.py.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mapper.datasheet.page.cells import TOUCH_PT, cells_of, crossings_of, groups_of
from mapper.datasheet.page.layout import Word, join_words, rows_of
from mapper.datasheet.page.rules import Rule

SNAP_PT = 4.0  # cell borders this close are one border (double rules)
MAX_PAIRS = 60_000  # horizontal times vertical rules of one component: more is a drawing, not a table
MAX_CROSSINGS = 4_000  # of one component; finding cells takes the square of them
MAX_PAGE_CROSSINGS = 10_000
MIN_CELLS = 3
MIN_LOST_COLUMNS = 3
LOST_SHARE = 0.6  # of the rows below a header: so many without columns make the table one with lost columns

CellBox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with the words in it; it covers the columns first to last, both included."""

    words: tuple[Word, ...]
    first: int
    last: int
    left: float
    top: float
    right: float
    bottom: float

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the cell's lines, superscripts left out."""
        return tuple(line for line in (join_words(row) for row in rows_of(self.words)) if line)

    @property
    def text(self) -> str:
        """Return the lines joined; a name broken at an underscore or before a bit range is joined without a space."""
        text = ""
        for line in self.lines:
            glue = not text or text.endswith("_") or line[0] in "_[<"
            text = text + line if glue else f"{text} {line}"
        return text


@dataclass(frozen=True, slots=True)
class Table:
    """Cells in rows, top to bottom; a merged cell is in every row it covers, as the same object."""

    rows: tuple[tuple[Cell, ...], ...]
    num_columns: int
    left: float
    top: float
    right: float
    bottom: float
    reader: str


def ruled_tables(words: Sequence[Word], rules: Sequence[Rule]) -> list[Table]:
    """Return the tables drawn with rules, top to bottom."""
    tables: list[Table] = []
    budget = MAX_PAGE_CROSSINGS
    for component in _components(rules):
        horizontal = [rule for rule in component if rule.is_horizontal]
        vertical = [rule for rule in component if not rule.is_horizontal]
        if len(horizontal) < 2 or not vertical or len(horizontal) * len(vertical) > MAX_PAIRS:
            continue
        crossings = crossings_of([*component, *_missing_borders(horizontal, vertical)])
        if len(crossings) > min(MAX_CROSSINGS, budget):
            continue
        budget -= len(crossings)
        for group in groups_of(cells_of(crossings)):
            if len(group) >= MIN_CELLS:
                tables.append(grid_of(group, words, "ruled"))
    return sorted(tables, key=lambda table: (table.top, table.left))


def has_lost_columns(table: Table) -> bool:
    """Say whether only the header of a table is cut into columns: the rows below lack their upright rules."""
    header, *body = table.rows or ((),)
    filled = [row for row in body if any(cell.words for cell in row)]
    whole = sum(len(row) == 1 and row[0].last - row[0].first + 1 >= len(header) for row in filled)
    return len(header) >= MIN_LOST_COLUMNS and len(filled) >= 2 and whole >= LOST_SHARE * len(filled)


def grid_of(boxes: Sequence[CellBox], words: Iterable[Word], reader: str) -> Table:
    """Return the table of these cell boxes with each word in the cell that holds its centre."""
    xs = _snap(x for box in boxes for x in (box[0], box[2]))
    ys = _snap(y for box in boxes for y in (box[1], box[3]))
    owner: dict[tuple[int, int], int] = {}
    spans: list[tuple[int, int, int, int]] = []
    for number, box in enumerate(boxes):
        span = _nearest(ys, box[1]), _nearest(ys, box[3]), _nearest(xs, box[0]), _nearest(xs, box[2])
        spans.append(span)
        for row in range(span[0], span[1]):
            for column in range(span[2], span[3]):
                owner.setdefault((row, column), number)
    inside: list[list[Word]] = [[] for _ in boxes]
    for word in words:
        place = bisect_right(ys, word.height_middle) - 1, bisect_right(xs, word.middle) - 1
        if place in owner:
            inside[owner[place]].append(word)
    cells = [
        Cell(tuple(found), span[2], span[3] - 1, box[0], box[1], box[2], box[3])
        for found, span, box in zip(inside, spans, boxes, strict=True)
    ]
    rows: list[tuple[Cell, ...]] = []
    for row in range(len(ys) - 1):
        numbers = dict.fromkeys(owner[row, column] for column in range(len(xs) - 1) if (row, column) in owner)
        if numbers:
            rows.append(tuple(cells[number] for number in numbers))
    return Table(tuple(rows), len(xs) - 1, xs[0], ys[0], xs[-1], ys[-1], reader)


def split_rows(table: Table, starts: Callable[[tuple[Cell, ...]], Sequence[float]]) -> Table:
    """Return the table with rows cut at the heights that starts gives for them (two or more: the tops of its rows)."""
    rows: list[tuple[Cell, ...]] = []
    for row in table.rows:
        tops = starts(row)
        if len(tops) < 2:
            rows.append(row)
            continue
        ends = [*tops[1:], float("inf")]
        for index, (top, end) in enumerate(zip(tops, ends, strict=True)):
            low = top if index else float("-inf")
            rows.append(tuple(_cut(cell, low, end) for cell in row))
    return Table(tuple(rows), table.num_columns, table.left, table.top, table.right, table.bottom, table.reader)


def _cut(cell: Cell, top: float, end: float) -> Cell:
    words = tuple(word for word in cell.words if top <= word.height_middle < end)
    return Cell(words, cell.first, cell.last, cell.left, max(cell.top, top), cell.right, min(cell.bottom, end))


def _components(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Return the groups of rules that are connected by touching; rules that touch nothing are left out."""
    horizontal = [rule for rule in rules if rule.is_horizontal]
    vertical = [rule for rule in rules if not rule.is_horizontal]
    parent = list(range(len(horizontal) + len(vertical)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    by_height = sorted(range(len(horizontal)), key=lambda i: horizontal[i].at)
    heights = [horizontal[i].at for i in by_height]
    for j, v in enumerate(vertical):
        first = bisect_right(heights, v.start - TOUCH_PT)
        for position in range(first, len(by_height)):
            h = horizontal[by_height[position]]
            if h.at > v.end + TOUCH_PT:
                break
            if h.start - TOUCH_PT <= v.at <= h.end + TOUCH_PT:
                parent[root(by_height[position])] = root(len(horizontal) + j)
    groups: dict[int, list[Rule]] = {}
    for node, rule in enumerate([*horizontal, *vertical]):
        groups.setdefault(root(node), []).append(rule)
    return [group for group in groups.values() if len(group) > 2]


def _missing_borders(horizontal: Sequence[Rule], vertical: Sequence[Rule]) -> list[Rule]:
    """Return the outer borders that the rules reach but that are not drawn."""
    left, right = min(rule.start for rule in horizontal), max(rule.end for rule in horizontal)
    top, bottom = min(rule.at for rule in horizontal), max(rule.at for rule in horizontal)
    borders = [Rule(False, at, top, bottom) for at in (left, right)]
    ends = (min(rule.start for rule in vertical), top), (max(rule.end for rule in vertical), bottom)
    for outer, drawn in ends:
        if abs(outer - drawn) > TOUCH_PT and sum(_reaches(rule, outer) for rule in vertical) >= 2:
            borders.append(Rule(True, outer, left, right))
    return borders


def _reaches(rule: Rule, at: float) -> bool:
    return min(abs(rule.start - at), abs(rule.end - at)) <= TOUCH_PT


def _snap(values: Iterable[float]) -> list[float]:
    snapped: list[float] = []
    for value in sorted(values):
        if not snapped or value - snapped[-1] > SNAP_PT:
            snapped.append(value)
    return snapped


def _nearest(values: Sequence[float], value: float) -> int:
    return max(bisect_right(values, value + 0.01) - 1, 0)
