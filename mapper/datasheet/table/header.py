"""Recognise the header of a table: what each column holds, and which columns are single bits.

The words of the header give a column its role (roles.py settles what they leave open). Columns under
labels that count down one by one (7 .. 0, D15 .. D0) are bits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mapper.datasheet.table.tables import Cell, Table

ColumnRole = Literal[
    "address", "name", "field", "bits", "access", "reset", "description", "width", "value", "command", "code", "other"
]
"""code: a column of command codes that its header does not call so; its cells tell."""

MIN_BIT_LABELS = 3
TITLE_SHARE = 0.7  # of the table's width: a lone cell this wide is a title row

ROLE_PATTERNS: tuple[tuple[ColumnRole, str], ...] = (
    ("bits", r"^bits?(?:\(s\))?(?:\s*(?:nos?\.?|numbers?|positions?|range|#|offset|location|index))?$"),
    ("bits", r"^(?:bit\s*)?(?:position|range|location)$|^field\s*bits?$"),
    ("width", r"^(?:size|width|length)\b|^(?:no\.?|number|#)\s*of\s*(?:bits|bytes)|^#?\s*(?:data\s*)?bytes?\b"
              r"|^bits\s*wide$"),
    ("reset", r"reset|default|\bpor\b|power.?(?:on|up)|\binit|^rst\b|after\s*por"),
    ("access", r"^(?:access|type|attr|permission|property|dir\b|direction)|^(?:bit\s*)?access"
               r"|^r\s*/?\s*\(?w\)?$|^read\s*/?\s*write|^rd\s*/?\s*wr$|^serial i/?f$|^mode$|^r/w[/ ]"),
    ("command", r"\b(?:command|instruction|opcode|op-code)\b"),
    ("address", r"(?<![a-z])(?:addr(?:ess)?(?:es)?|adr|offset|pointer)(?![a-z])"
                r"|^reg(?:ister)?\.?\s*(?:#|no\.?|number|\(?hex\)?|\(?dec\w*\.?\)?)"
                r"|^p\s*\[\d:\d\]$"
                r"|^(?:hex|dec)\w*\.?(?:\s*(?:code|value|addr\w*))?$|^\(?hex\)?$|^code(?:\s*\(hex\))?$|^index$"),
    ("description", r"descri|function|comment|meaning|remark|\bnotes?\b|definition|explanation|setting|details"
                    r"|contents?|purpose|interpretation|operation"),
    ("value", r"^values?$|^data$|^state$"),
    ("name", r"name|mnemonic|symbol|acronym|^reg(?:ister)?s?\b|^(?:bit\s*)?fields?$|^label$|^signal$|^parameter$"
             r"|^short\s*name|^identifier$"),
)  # fmt: skip
"""Role by header words, the first that fits."""

EASTERN_HEADERS: tuple[tuple[ColumnRole, tuple[str, ...]], ...] = (
    ("address", ("\u5730\u5740", "\u30a2\u30c9\u30ec\u30b9", "\u504f\u79fb")),
    ("reset", ("\u9ed8\u8ba4", "\u590d\u4f4d", "\u7f3a\u7701", "\u521d\u59cb", "\u521d\u671f")),
    ("access", ("\u8bfb\u5199", "\u8bfb/\u5199", "\u5c5e\u6027", "\u6743\u9650")),
    (
        "description",
        ("\u63cf\u8ff0", "\u8bf4\u660e", "\u8aac\u660e", "\u529f\u80fd", "\u6a5f\u80fd", "\u542b\u4e49"),
    ),
    ("name", ("\u540d\u79f0", "\u540d\u5b57", "\u5bc4\u5b58\u5668", "\u30ec\u30b8\u30b9\u30bf", "\u7b26\u53f7")),
    ("command", ("\u547d\u4ee4", "\u6307\u4ee4", "\u30b3\u30de\u30f3\u30c9")),
    ("bits", ("\u4f4d",)),
)
"""Role by Chinese and Japanese header words, for headers without Latin ones."""

_NOT_LATIN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]+")
_QUALIFIER = re.compile(
    r"^\(?(?:hex|dec|decimal|bin|binary|i\s*c|i2c|i²c|spi|page|pg|hexadecimal|bits?|msb|lsb|note|see|refer to"
    r"|section|link|location|#|no\.?|d/c#?|units?|min|max|typ)\.?\)?$",
    re.IGNORECASE,
)
_BIT_LABEL = re.compile(r"^(?:msb\s*|lsb\s*)?(?:bit\s*|[bd]|db)?\s*(\d{1,2})(?:\s*\(?(?:msb|lsb)\)?)?$", re.IGNORECASE)
_POINTER_BIT = re.compile(r"^(?:P|BIT\s*)(\d)$", re.IGNORECASE)
_OWN_LABEL = re.compile(r"^([A-Z]{1,4})(\d{1,2})$")


@dataclass(frozen=True, slots=True)
class Column:
    """A header column: what it holds, and its range on the page."""

    role: ColumnRole
    header: str
    left: float
    right: float


Header = tuple[tuple[Column, ...], tuple[tuple[int, float], ...]]
"""The columns without bit labels, and (bit, centre) of the bit labels."""


def role_of(header: str) -> ColumnRole:
    """Return the role that a column's header text gives it; of a header in two languages the Latin part counts."""
    for text in dict.fromkeys((header, _NOT_LATIN.sub(" ", header))):
        plain = " ".join(text.split()).strip(" :.")
        for role, pattern in ROLE_PATTERNS:
            if re.search(pattern, plain, re.IGNORECASE):
                return role
    return next((role for role, words in EASTERN_HEADERS if any(word in header for word in words)), "other")


def bit_label(text: str) -> int | None:
    """Return the bit that a label like "Bit 7", "B7", "D15" or "7" names."""
    match = _BIT_LABEL.match(text.strip())
    return int(match[1]) if match else None


def is_header_row(row: tuple[Cell, ...], *, joins: bool) -> bool:
    """Say whether most of a row's cells are header words or bit labels and none is data."""
    texts = [cell.text for cell in row if cell.words]
    if not texts:
        return False
    if len(bit_centres(row)) >= MIN_BIT_LABELS:
        return True
    if (len(texts) < 2 and not joins) or len(set(texts)) < 0.6 * len(texts):
        return False
    roles = sum(role_of(text) != "other" and len(text) <= 32 for text in texts) + len(pointer_labels(texts))
    qualifiers = sum(_QUALIFIER.match(text) is not None for text in texts)
    data = sum(_looks_like_data(text) for text in texts)
    if data or roles + qualifiers < (1 if joins else 2) or (not joins and roles == 0):
        return False
    if not joins and roles < 2:
        return False
    return roles + qualifiers >= 0.6 * len(texts)


def lone_title(row: tuple[Cell, ...], table: Table) -> str:
    """Return the text of a row that is one wide cell, or an empty string."""
    filled = [cell for cell in row if cell.words]
    if len(filled) == 1 and filled[0].right - filled[0].left >= TITLE_SHARE * (table.right - table.left):
        return filled[0].text
    return ""


def bit_centres(row: tuple[Cell, ...]) -> list[tuple[int, float]]:
    """Return (bit, centre) of a row's bit labels if they count down or up one by one."""
    found: list[tuple[int, float]] = []
    for cell in row:
        if not cell.words:
            continue
        label = bit_label(cell.text)
        if label is not None:
            found.append((label, (cell.left + cell.right) / 2))
            continue
        words = [bit_label(word.text) for word in cell.words]
        if len(words) >= MIN_BIT_LABELS and all(word is not None for word in words):
            found += [(label or 0, word.middle) for label, word in zip(words, cell.words, strict=True)]
    if not found:
        found = _own_labels(row)
    found.sort(key=lambda item: item[1])
    for start in range(len(found)):
        run = found[start:]
        while len(run) >= MIN_BIT_LABELS and not counts_by_one([label for label, _ in run]):
            run = run[:-1]
        if len(run) >= MIN_BIT_LABELS:
            return run
    return []


def header_columns(header: Sequence[tuple[Cell, ...]]) -> Header:
    """Return the finest header columns with the texts above them joined, and the bit labels."""
    bits: list[tuple[int, float]] = []
    for row in header:
        bits = bits or bit_centres(row)
    finest: list[Cell] = []
    for row in reversed(header):
        for cell in row:
            if cell.words and not any(_overlap(cell, other) > 2.0 for other in finest):
                finest.append(cell)
    columns: list[Column] = []
    for cell in sorted(finest, key=lambda c: c.left):
        if any(cell.left - 1 <= centre <= cell.right + 1 for _, centre in bits):
            continue
        texts: dict[str, None] = {}
        for row in header:
            for other in row:
                if other.words and _overlap(cell, other) > 2.0:
                    texts[other.text] = None
        text = " ".join(texts)
        own = role_of(cell.text)
        role = own if own != "other" and cell.text.lower() not in ("hex", "dec", "binary") else role_of(text)
        columns.append(Column(role, text, cell.left, cell.right))
    return tuple(columns), tuple(bits)


def cells_under(row: Sequence[Cell], column: Column) -> list[Cell]:
    """Return the filled cells that stand under a column, top to bottom."""
    found: list[Cell] = []
    for cell in row:
        if not cell.words:
            continue
        shared = min(cell.right, column.right) - max(cell.left, column.left)
        if shared > 0.5 * min(cell.right - cell.left, column.right - column.left):
            found.append(cell)
    if len(found) > 1:
        widest = max(min(c.right, column.right) - max(c.left, column.left) for c in found)
        found = [c for c in found if min(c.right, column.right) - max(c.left, column.left) > 0.5 * widest]
    return sorted(found, key=lambda cell: (cell.top, cell.left))


def text_under(row: Sequence[Cell], column: Column) -> str:
    """Return the text that stands under a column."""
    return " ".join(cell.text for cell in cells_under(row, column))


def counts_by_one(labels: Sequence[int]) -> bool:
    """Say whether labels go down, or up, in steps of one."""
    steps = {before - after for before, after in pairwise(labels)}
    return steps in ({1}, {-1})


def _looks_like_data(text: str) -> bool:
    return bool(re.match(r"^(?:0x[0-9a-f]|[0-9a-f]{1,4}h\b|\d+\s*(?:[:\-\u2013]|to)\s*\d+$)", text, re.IGNORECASE))


def _own_labels(row: tuple[Cell, ...]) -> list[tuple[int, float]]:
    """Return the bit labels of a row that labels bits by the register's short name: CRA7 .. CRA0 and nothing else."""
    filled = [cell for cell in row if cell.words]
    matches = [_OWN_LABEL.match(cell.text) for cell in filled]
    if len({match[1] if match else "" for match in matches}) != 1:
        return []
    return [(int(match[2]), (cell.left + cell.right) / 2) for match, cell in zip(matches, filled, strict=True) if match]


def pointer_labels(texts: Sequence[str]) -> list[int]:
    """Return the places of headers that label the bits of an address pointer: P1, P0 or BIT 1, BIT 0 side by side."""
    matches = [_POINTER_BIT.match(text) for text in texts]
    places = [index for index, match in enumerate(matches) if match]
    labels = [int(match[1]) for match in matches if match]
    is_run = len(labels) == 2 and labels == [1, 0] and places[1] == places[0] + 1
    return places if is_run else []


def _overlap(a: Cell, b: Cell) -> float:
    return min(a.right, b.right) - max(a.left, b.left)
