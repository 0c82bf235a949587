"""Understand a table as a grid: which column holds addresses, names, bits, access, reset values, and its rows.

Header rows are recognised by their words; a header in the middle of a table starts a new grid, a row of one wide cell
is a title. Body cells belong to the header column they overlap most, so doubled rules and merged cells do not matter.
A cell below bit labels (7 .. 0) covers the bits whose centres lie within it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mapper.datasheet.page.layout import Word, join_words, rows_of
from mapper.datasheet.register.notation import (
    address,
    address_base,
    clean_name,
    is_identifier,
    is_reserved,
    split_index,
)
from mapper.datasheet.table.header import (
    MIN_BIT_LABELS,
    Column,
    ColumnRole,
    Header,
    bit_centres,
    bit_label,
    cells_under,
    counts_by_one,
    header_columns,
    is_header_row,
    lone_title,
    text_under,
)
from mapper.datasheet.table.roles import settle_roles
from mapper.datasheet.table.tables import Cell, Table, split_rows
from mapper.model import Box

MAX_HEADER_ROWS = 4
MAX_TITLE_CHARS = 120
BIT_WIDTHS = (8, 16, 32)
_BIT_NAME = re.compile(r"[A-Za-z][\w/]{0,20}\s?(?:[\[<(]\d{1,2}[\])>])?$")
CHUNK_GAP = 1.5  # of the font size: a wider gap in a cell without inner rules parts texts of different bits


@dataclass(frozen=True, slots=True)
class BitSpan:
    """The text below bit labels and the bits it covers."""

    text: str
    high: int
    low: int


@dataclass(frozen=True, slots=True)
class GridRow:
    """A body row: text by role, and what stands below the bit labels. A title row has a title and nothing else."""

    texts: dict[ColumnRole, str]
    spans: tuple[BitSpan, ...]
    box: Box
    title: str = ""
    first_line: str = ""
    """The first line of the description."""
    label: str = ""
    """The text left of the bit labels where the table has no other column: "Symbol", "Access", "Reset"."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table or the part of one under a header."""

    columns: tuple[Column, ...]
    bits: tuple[tuple[int, float], ...]
    """(bit, centre) of the bit labels."""
    rows: tuple[GridRow, ...]
    title: str
    reader: str
    base: int | None
    """Base of the bare numbers in the address column."""
    top: float = 0.0

    def has(self, role: ColumnRole) -> bool:
        """Say whether a column has this role."""
        return any(column.role == role for column in self.columns)

    def header(self, role: ColumnRole) -> str:
        """Return the header text of the first column with this role."""
        return next((column.header for column in self.columns if column.role == role), "")


def grids_of(table: Table, carried: Header | None = None) -> list[Grid]:
    """Return the grids of a table; carried is the header of the table it may continue (used when it has none)."""
    rows = split_rows(table, _stacked_starts).rows
    grids: list[Grid] = []
    header: list[tuple[Cell, ...]] = []
    body: list[tuple[Cell, ...]] = []
    title = ""
    for row in rows:
        lone = lone_title(row, table)
        if not lone and is_header_row(row, joins=bool(header) and not body):
            if body and not header and carried is None:
                title = _row_text(body[-1])  # what stands above the first header names the table
            elif body:
                is_figure = any(bit_centres(line) for line in header)
                names_next = len(body) > 1 and not is_figure and _is_title_of_next(body[-1])
                following = _row_text(body.pop()) if names_next else ""
                grids += _grid(table, header, body, title, carried)
                header, title = [], following
            body = []
            if len(header) < MAX_HEADER_ROWS:
                header.append(row)
        elif lone and not header and not body:
            title = lone
        else:
            body.append(row)
    if body or header:
        grids += _grid(table, header, body, title, carried)
    return grids or _bare_figure(table)


def _bare_figure(table: Table) -> list[Grid]:
    """Return the grid of a bit figure without bit numbers: one row of as many names as a register has bits."""
    rows = [row for row in table.rows if any(cell.words for cell in row)]
    if len(rows) != 1 or len(rows[0]) not in BIT_WIDTHS or table.reader != "ruled":
        return []
    texts = [cell.text for cell in rows[0]]
    names = [text for text in texts if is_identifier(clean_name(text))]
    if len(names) < MIN_BIT_LABELS - 1 or not all(_BIT_NAME.match(text) or is_reserved(text) for text in texts):
        return []
    centres = [(cell.left + cell.right) / 2 for cell in rows[0]]
    bits = tuple(zip(range(len(centres) - 1, -1, -1), centres, strict=True))
    return [Grid((), bits, (_grid_row(rows, (), bits, table),), "", table.reader, None, table.top)]


def _is_title_of_next(row: tuple[Cell, ...]) -> bool:
    """Say whether a row above a repeated header names what follows: one or two cells, merged over columns."""
    filled = [cell for cell in row if cell.words]
    return len(filled) <= 2 and any(cell.last > cell.first for cell in filled)


def _row_text(row: tuple[Cell, ...]) -> str:
    return " ".join(cell.text for cell in row if cell.words)[:MAX_TITLE_CHARS]


def _stacked_starts(row: tuple[Cell, ...]) -> Sequence[float]:
    """Return where to cut a row: lines of addresses in one cell, or bit labels above names in every cell."""
    filled = [cell for cell in row if cell.words]
    if len(filled) < 2:
        return ()
    lines = {id(cell): rows_of(cell.words) for cell in filled}
    deep = [cell for cell in filled if len(lines[id(cell)]) >= 2]
    if len(deep) >= MIN_BIT_LABELS and len(deep) == len(filled):
        labels = [bit_label(join_words(lines[id(cell)][0])) for cell in filled]
        if all(label is not None for label in labels) and counts_by_one([label or 0 for label in labels]):
            return min(cell.top for cell in row), max(_bottom(lines[id(cell)][0]) for cell in filled)
    for cell in filled[:3]:
        texts = [join_words(line) for line in lines[id(cell)]]
        if len(texts) < 2:
            continue
        base = address_base(texts)
        if sum(_is_plain_address(text, base) for text in texts) >= max(2, 0.8 * len(texts)) and len(deep) >= 2:
            tops = [min(word.top for word in line) for line in lines[id(cell)]]
            bottoms = [_bottom(line) for line in lines[id(cell)]]
            return [tops[0], *((top + bottom) / 2 for top, bottom in zip(tops[1:], bottoms, strict=False))]
    return ()


def _is_plain_address(text: str, base: int | None) -> bool:
    return address(text, base) is not None and len(text) >= 2


def _bottom(words: Sequence[Word]) -> float:
    return max(word.bottom for word in words)


def _grid(
    table: Table,
    header: Sequence[tuple[Cell, ...]],
    body: Sequence[tuple[Cell, ...]],
    title: str,
    carried: Header | None,
) -> list[Grid]:
    if header:
        columns, bits = header_columns(header)
    elif carried is not None:
        columns, bits = carried
        if not columns or abs(columns[0].left - table.left) > 12 or abs(columns[-1].right - table.right) > 40:
            return []
    else:
        return []
    columns = settle_roles(columns, body)
    base = None
    for column in columns:
        if column.role == "address":
            texts = [text_under(row, column) for row in body]
            base = address_base([text for text in texts if text], column.header)
            break
    rows: list[GridRow] = []
    last_key: object = None
    group: list[tuple[Cell, ...]] = []
    key_column = next((c for role in ("bits", "address") for c in columns if c.role == role), None)
    for row in body:
        cells = cells_under(row, key_column) if key_column is not None else []
        key = id(cells[0]) if cells else None
        if group and (key is None or key != last_key):
            rows.append(_grid_row(group, columns, bits, table))
            group = []
        group.append(row)
        last_key = key
    if group:
        rows.append(_grid_row(group, columns, bits, table))
    top = min((cell.top for row in (*header, *body) for cell in row), default=table.top)
    return [Grid(columns, bits, tuple(rows), title, table.reader, base, top)]


def _grid_row(
    group: Sequence[tuple[Cell, ...]], columns: Sequence[Column], bits: Sequence[tuple[int, float]], table: Table
) -> GridRow:
    cells: dict[int, Cell] = {}
    for row in group:
        for cell in row:
            cells.setdefault(id(cell), cell)
    merged = list(cells.values())
    box = Box(
        left=round(table.left, 1),
        top=round(min(cell.top for cell in merged), 1),
        right=round(table.right, 1),
        bottom=round(max(cell.bottom for cell in merged), 1),
    )
    row = tuple(merged)
    title = lone_title(row, table)
    if title and len(columns) > 1:
        return GridRow({}, (), box, title=title)
    texts: dict[ColumnRole, str] = {}
    for column in columns:
        if column.role != "other" and column.role not in texts:
            texts[column.role] = text_under(row, column)
    spans = tuple(_spans(row, bits, table.reader))
    label = ""
    if bits and not any(column.role in ("address", "name") for column in columns):
        first = min(centre for _, centre in bits)
        label = " ".join(cell.text for cell in merged if cell.words and cell.right <= first)
    described = next((cells_under(row, column) for column in columns if column.role == "description"), [])
    first_line = described[0].lines[0] if described and described[0].lines else ""
    return GridRow(texts, spans, box, first_line=first_line, label=label)


def _spans(row: Sequence[Cell], bits: Sequence[tuple[int, float]], reader: str) -> list[BitSpan]:
    spans: list[BitSpan] = []
    for cell in row:
        if not cell.words:
            continue
        covered = [bit for bit, centre in bits if cell.left - 1 <= centre <= cell.right + 1]
        if not covered:
            continue
        chunks = _chunks(cell) if len(covered) > 1 else []
        if reader == "ruled" and len(chunks) < 2:
            spans.append(BitSpan(cell.text, max(covered), min(covered)))
        else:
            spans += [_loose_span(chunk, bits) for chunk in chunks or [list(cell.words)]]
    return sorted(spans, key=lambda span: -span.high)


def _chunks(cell: Cell) -> list[list[Word]]:
    """Return the words of a one-line cell split at wide gaps: texts under several bits without rules between."""
    rows = rows_of(cell.words)
    if len(rows) != 1:
        return []
    chunks: list[list[Word]] = []
    for word in rows[0]:
        if chunks and word.left - chunks[-1][-1].right < CHUNK_GAP * word.size:
            chunks[-1].append(word)
        else:
            chunks.append([word])
    return chunks


def _loose_span(words: Sequence[Word], bits: Sequence[tuple[int, float]]) -> BitSpan:
    """Return the span of a text without rules: it stands centred over as many bits as its own range says."""
    text = join_words(words)
    _, own = split_index(text)
    width = own[0] - own[1] + 1 if own else 1
    middle = (words[0].left + words[-1].right) / 2
    covered = [bit for bit, _ in sorted(bits, key=lambda item: abs(item[1] - middle))[:width]]
    return BitSpan(text, max(covered), min(covered))
