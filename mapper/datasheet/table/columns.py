"""Find tables without enough rules: a line of header words gives the columns, the lines below give the rows.

The boundary between two columns is the widest white gap that the words below leave between the two headers. A row
starts where its key column (address, bits, or the first one) has text; rules between rows cut them where they are
drawn. The table ends at a wide vertical gap, a caption, a heading, or where lines run across its columns as prose.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from mapper.datasheet.page.layout import Word, join_words, rows_of
from mapper.datasheet.page.pages import Page
from mapper.datasheet.page.rules import Rule
from mapper.datasheet.register.notation import address, bit_range
from mapper.datasheet.table.header import bit_label, role_of
from mapper.datasheet.table.tables import Cell, Table, has_lost_columns, ruled_tables

HEADER_GAP = 0.9  # of the font size: words of a header line further apart belong to different columns
BIT_GAP = 0.3  # bit labels stand closer
END_GAP = 3.2  # of a row's height: a wider vertical gap ends the table
LARGER = 1.15  # times the header's font size: a line of larger words is the next heading
MAX_ROWS = 120
MIN_COLUMNS = 3
MAX_HEADER_CHARS = 30
KEY_ROLES = ("address", "bits", "name")

_STOP = re.compile(r"^(?:table|figure|fig\.|note|notes?:|legend)\b", re.IGNORECASE)

Row = list[Word]


def register_tables(page: Page) -> list[Table]:
    """Return the tables of a page in which registers are looked for, top to bottom: ruled ones, then what is left."""
    ruled = [table for table in ruled_tables(page.words, page.rules) if not has_lost_columns(table)]
    taken = [table for table in ruled if len(table.rows) > 1 and table.num_columns > 1]
    loose = column_tables(page.words, page.rules, taken)
    return sorted([*ruled, *loose], key=lambda table: (table.top, table.left))


def column_tables(words: Sequence[Word], rules: Sequence[Rule], taken: Sequence[Table]) -> list[Table]:
    """Return the register and bit tables under header lines that stand outside the tables already taken."""
    return loose_tables(words, rules, taken, _register_keys)


def loose_tables(
    words: Sequence[Word], rules: Sequence[Rule], taken: Sequence[Table], keys_of: Callable[[list[str]], Sequence[int]]
) -> list[Table]:
    """Return the tables under header lines outside the tables taken.

    keys_of gives for the cells of a header line the columns in one of which a row must have text, none for other lines.
    """
    free = [word for word in words if not any(_inside(word, table) for table in taken)]
    rows = rows_of(free)
    tables: list[Table] = []
    end = -1
    for index, row in enumerate(rows):
        if index <= end:
            continue
        header = _header_cells(row)
        keys = keys_of([join_words(cell) for cell in header]) if len(header) >= MIN_COLUMNS else ()
        if not keys:
            continue
        table, end = _read_table(rows, index, header, rules, keys)
        if table is not None:
            tables.append(table)
        else:
            end = index
    return tables


def has_register_header(words: Sequence[Word]) -> bool:
    """Say whether a line of the page reads like the header of a register or bit table."""
    headers = map(_header_cells, rows_of(words))
    return any(len(cells) >= MIN_COLUMNS and _register_keys(list(map(join_words, cells))) for cells in headers)


def _header_cells(row: Row) -> list[Row]:
    """Return the words of a header line by column."""
    cells: list[Row] = []
    for word in row:
        gap = word.left - cells[-1][-1].right if cells else 0.0
        is_bit = bit_label(word.text) is not None
        limit = (
            BIT_GAP if is_bit and cells and bit_label(join_words(cells[-1])) is not None else HEADER_GAP
        ) * word.size
        if cells and gap < limit:
            cells[-1].append(word)
        else:
            cells.append([word])
    return cells


def _register_keys(texts: list[str]) -> Sequence[int]:
    """Return the key column if these are the cells of a register or bit table's header, else nothing."""
    if any(len(text) > MAX_HEADER_CHARS for text in texts):
        return ()
    roles = {role_of(text) for text in texts if bit_label(text) is None}
    bits = [label for label in map(bit_label, texts) if label is not None]
    names = roles & {"name", "field", "description", "command"}
    known = sum(role_of(text) != "other" for text in texts) + len(bits)
    if known < 0.6 * len(texts) or len(set(texts)) < 0.8 * len(texts):
        return ()
    is_header = (
        ("address" in roles and (names or len(bits) >= 4))
        or ("bits" in roles and names)
        or ("name" in roles and len(bits) >= 4)
        or {"command", "description"} <= roles
    )
    order = [role_of(text) for text in texts]
    return (next((order.index(role) for role in KEY_ROLES if role in order), 0),) if is_header else ()


def _read_table(
    rows: Sequence[Row], start: int, header: Sequence[Row], rules: Sequence[Rule], keys: Sequence[int]
) -> tuple[Table | None, int]:
    left = header[0][0].left - 20
    height = max(word.bottom - word.top for cell in header for word in cell)
    size = max(word.size for cell in header for word in cell)
    body: list[Row] = []
    last = start
    previous = max(word.bottom for cell in header for word in cell)
    for index in range(start + 1, min(len(rows), start + MAX_ROWS)):
        row = [word for word in rows[index] if word.right > left]
        if not row:
            continue
        if row[0].top - previous > END_GAP * height or _stops(row, header) or _is_prose(row, header):
            break
        if min(word.size for word in row) > LARGER * size:
            break
        body.append(row)
        last = index
        previous = max(word.bottom for word in row)
    if len(body) < 1:
        return None, start
    edges = _edges(header, body)
    role = role_of(join_words(header[keys[0]])) if len(keys) == 1 else "other"
    groups = _group_rows(body, edges, keys, role, rules)
    top = min(word.top for cell in header for word in cell)
    lines = [[word for cell in header for word in cell], *groups]
    cells = [_cells(line, edges, top) for line in lines]
    bottom = max(word.bottom for row in body for word in row)
    return Table(tuple(cells), len(header), edges[0], top, edges[-1], bottom, "columns"), last


def _stops(row: Row, header: Sequence[Row]) -> bool:
    """Say whether a line at the table's left edge is a caption or a note below it."""
    return row[0].left < header[0][-1].right and _STOP.match(join_words(row)) is not None


def _is_prose(row: Row, header: Sequence[Row]) -> bool:
    """Say whether a line runs over most columns without a gap: text below the table, not a row of it."""
    gaps = [after.left - before.right for before, after in pairwise(row)]
    widest = max(gaps, default=0.0)
    span = row[-1].right - row[0].left
    return span > 0.7 * (header[-1][-1].right - header[0][0].left) and widest < 0.8 * row[0].size and len(row) > 6


def _edges(header: Sequence[Row], body: Sequence[Row]) -> list[float]:
    """Return the left edges of the columns and the right edge of the last one."""
    covered = sorted((word.left, word.right) for row in body for word in row)
    merged: list[list[float]] = []
    for left, right in covered:
        if merged and left <= merged[-1][1] + 0.5:
            merged[-1][1] = max(merged[-1][1], right)
        else:
            merged.append([left, right])
    edges = [min([header[0][0].left, *(row[0].left for row in body)]) - 2]
    for before, after in pairwise(header):
        low, high = (before[0].left + before[-1].right) / 2, (after[0].left + after[-1].right) / 2
        best, width = (before[-1].right + after[0].left) / 2, 0.0
        for one, other in pairwise(merged):
            gap_left, gap_right = max(one[1], low), min(other[0], high)
            if gap_right - gap_left > width:
                best, width = (gap_left + gap_right) / 2, gap_right - gap_left
        edges.append(max(best, edges[-1] + 0.1))
    edges.append(max([header[-1][-1].right, *(row[-1].right for row in body)]) + 2)
    return edges


def _group_rows(
    body: Sequence[Row], edges: Sequence[float], keys: Sequence[int], role: str, rules: Sequence[Rule]
) -> list[Row]:
    """Return the lines of the body joined to table rows."""
    width = edges[-1] - edges[0]
    cuts = [
        rule.at
        for rule in rules
        if rule.is_horizontal and min(rule.end, edges[-1]) - max(rule.start, edges[0]) > 0.6 * width
    ]
    starts = [any(_starts_row(row, edges, key, role) for key in keys) for row in body]
    ruled = sum(any(_bottom(one) - 2 <= cut <= _top(other) + 2 for cut in cuts) for one, other in pairwise(body))
    by_rules = ruled >= 0.6 * max(sum(starts) - 1, 1) and ruled > 0
    groups: list[Row] = []
    for index, row in enumerate(body):
        if by_rules:
            new = index == 0 or any(_bottom(body[index - 1]) - 2 <= cut <= _top(row) + 2 for cut in cuts)
        else:
            new = starts[index]
        if new or not groups:
            groups.append(list(row))
        else:
            groups[-1].extend(row)
    return groups


def _starts_row(row: Row, edges: Sequence[float], key: int, role: str) -> bool:
    words = [word for word in row if edges[key] <= word.middle < edges[key + 1]]
    text = join_words(words)
    if not text:
        return False
    if role == "address":
        return address(text, 16) is not None or not re.match(r"^[a-z(]", text)
    return bit_range(text) is not None if role == "bits" else True


def _cells(words: Sequence[Word], edges: Sequence[float], top: float) -> tuple[Cell, ...]:
    first, last = min(word.top for word in words), max(word.bottom for word in words)
    return tuple(
        Cell(
            tuple(word for word in words if left <= word.middle < right),
            index,
            index,
            left,
            max(first, top),
            right,
            last,
        )
        for index, (left, right) in enumerate(pairwise(edges))
    )


def _inside(word: Word, table: Table) -> bool:
    return table.left <= word.middle <= table.right and table.top <= word.height_middle <= table.bottom


def _top(row: Row) -> float:
    return min(word.top for word in row)


def _bottom(row: Row) -> float:
    return max(word.bottom for word in row)
