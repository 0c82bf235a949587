"""Read electrical and timing parameters: rows of tables whose header says min, typ and max.

Values stay as printed ("VDD + 0.3", "±2"): what matters is what a revision changes. A name merged over several rows
belongs to each of them; rows without a value add nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from mapper.datasheet.page.layout import join_words, rows_of
from mapper.datasheet.page.pages import Page
from mapper.datasheet.table.columns import loose_tables
from mapper.datasheet.table.header import Column, cells_under, text_under
from mapper.datasheet.table.tables import Cell, Table, has_lost_columns, ruled_tables
from mapper.model import Parameter

MAX_HEADER_ROWS = 4
MAX_NAME_CHARS = 120
MAX_CELL_CHARS = 160
MIN_TEXTS = 3  # different ones in a row: fewer is a title over all columns
WIDE = 1.4  # times a column's width: a wider cell covers several columns

ParameterRole = Literal["symbol", "name", "conditions", "min", "typ", "max", "unit", "other"]

_ROLES: tuple[tuple[ParameterRole, str], ...] = (
    ("min", r"^min(?:imum)?\b"),
    ("typ", r"^(?:typ(?:ical)?|nom(?:inal)?)\b"),
    ("max", r"^max(?:imum)?\b"),
    ("unit", r"^units?\b"),
    ("symbol", r"^sym(?:bol)?s?\b"),
    ("conditions", r"condition|^test\b|^notes?\b|remark|comment"),
    ("name", r"parameter|characteristic|description|^item|rating|^name|quantity|function"),
)
_HAS_VALUE = re.compile(r"\d|^[A-Z]{2,}$")
_LIMITS: tuple[ParameterRole, ...] = ("min", "typ", "max")


def parameters_on(page: Page) -> list[Parameter]:
    """Return the parameters in a page's tables, top to bottom."""
    ruled = [t for t in ruled_tables(page.words, page.rules) if t.num_columns > 1 and not has_lost_columns(t)]
    loose = loose_tables(page.words, page.rules, [t for t in ruled if _header_end(t)], is_parameter_header)
    tables = sorted([*ruled, *loose], key=lambda table: (table.top, table.left))
    return [parameter for table in tables for parameter in _parameters(table, page.number)]


def is_parameter_header(texts: Sequence[str]) -> tuple[int, ...]:
    """Return the places of the value columns if these are the cells of a parameter table's header, else nothing."""
    roles = [_role(text) for text in texts]
    places = tuple(index for index, role in enumerate(roles) if role in _LIMITS)
    is_header = len({roles[place] for place in places}) >= 2 and len(texts) > len(places)
    return places if is_header and len({*roles} - {"other"}) >= 3 else ()


def _role(text: str) -> ParameterRole:
    plain = " ".join(text.lower().split()).strip(" .:()")
    return next((role for role, pattern in _ROLES if re.search(pattern, plain)), "other")


def _header_end(table: Table) -> int:
    """Return the index of the first row after the header, 0 when the table has no parameter header."""
    for index, row in enumerate(table.rows[:MAX_HEADER_ROWS]):
        if is_parameter_header([cell.text for cell in row if cell.words]):
            return index + 1
    return 0


def _parameters(table: Table, page: int) -> list[Parameter]:
    end = _header_end(table)
    columns: dict[ParameterRole, Column] = {}
    for cell in table.rows[end - 1] if end else ():
        role = _role(cell.text)
        if cell.words and role != "other":
            columns.setdefault(role, Column("other", cell.text, cell.left, cell.right))
    if "name" not in columns and "symbol" not in columns:
        return []
    found: list[Parameter] = []
    last_key: object = None
    for row in table.rows[end:] if end else ():
        key = [id(cell) for role in _LIMITS if role in columns for cell in cells_under(row, columns[role])]
        parameter = _parameter(row, columns, page)
        if parameter is None:
            continue
        if found and key == last_key:
            longer = f"{found[-1].name} {parameter.name}"[:MAX_NAME_CHARS]
            found[-1] = replace(found[-1], name=found[-1].name if parameter.name in found[-1].name else longer)
        else:
            found.append(parameter)
        last_key = key
    return found


def _parameter(row: Sequence[Cell], columns: dict[ParameterRole, Column], page: int) -> Parameter | None:
    texts = {role: _text(row, column)[:MAX_CELL_CHARS] for role, column in columns.items()}
    limits = [texts.get(role, "") for role in _LIMITS]
    symbol = texts.get("symbol", "")
    name = (texts.get("name") or symbol)[:MAX_NAME_CHARS]
    if not name or not any(_HAS_VALUE.search(limit) for limit in limits) or len(set(texts.values())) < MIN_TEXTS:
        return None
    return Parameter(
        name=name,
        symbol=symbol,
        min=_value(limits[0]),
        typ=_value(limits[1]),
        max=_value(limits[2]),
        unit=texts.get("unit") or None,
        conditions=texts.get("conditions", ""),
        page=page,
    )


def _text(row: Sequence[Cell], column: Column) -> str:
    """Return what stands under a column; of a cell over several columns only the words in this one."""
    texts: list[str] = []
    for cell in row:
        if cell.right - cell.left <= WIDE * (column.right - column.left):
            continue
        inside = [word for word in cell.words if column.left - 1 <= word.middle <= column.right + 1]
        texts += [join_words(line) for line in rows_of(inside)]
    return " ".join(text for text in texts if text) or text_under(
        [cell for cell in row if cell.right - cell.left <= WIDE * (column.right - column.left)], column
    )


def _value(text: str) -> str | None:
    return text if text.strip(" -\u2013\u2014") else None
