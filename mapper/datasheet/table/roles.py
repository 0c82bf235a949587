"""Settle what the columns of a table hold: where its header leaves a doubt, the cells below decide."""

import re
from collections.abc import Sequence
from dataclasses import replace

from mapper.datasheet.register.notation import (
    address,
    address_base,
    bit_range,
    clean_name,
    codes,
    is_identifier,
    numbered_register,
)
from mapper.datasheet.table.header import Column, ColumnRole, pointer_labels, text_under
from mapper.datasheet.table.tables import Cell

MIN_CODES = 3  # different codes make a column one of command codes ...
NAME_SHARE = 0.7  # of a column's cells are identifiers: it holds names, whatever its header says
CODE_SHARE = 0.6  # ... if so many of its cells hold one


def settle_roles(columns: Sequence[Column], body: Sequence[tuple[Cell, ...]]) -> tuple[Column, ...]:
    """Return columns with doubtful roles decided by what stands below, and one column for each key role."""
    columns = _join_pointer_columns(columns, body)
    settled: list[Column] = []
    has_bits = any(column.role == "bits" for column in columns)
    roles = [column.role for column in columns]
    for index, column in enumerate(columns):
        texts = [text for text in (text_under(row, column) for row in body) if text]
        role: ColumnRole = column.role
        if role == "command":
            role = "address" if _mostly_addresses(texts) and "address" not in roles else "name"
        elif role == "name" and "address" not in roles and "name" in roles[index + 1 :] and _mostly_addresses(texts):
            role = "address"
        elif role == "address" and not _mostly_addresses(texts) and texts and _mostly_names(texts):
            role = "name"
        elif role == "bits" and texts and 2 * sum(is_bit_range(text) for text in texts) < len(texts):
            role = "other"
        taken = {other.role for other in settled}
        if role == "name" and "name" in taken:
            role = "field" if has_bits and "field" not in taken else "other"
        elif role in taken and role in ("address", "bits", "access", "width"):
            role = "other"
        elif role == "reset" and "reset" in taken:
            if re.search("hex", column.header, re.IGNORECASE):
                settled = [Column("other", c.header, c.left, c.right) if c.role == "reset" else c for c in settled]
            else:
                role = "other"
        settled.append(Column(role, column.header, column.left, column.right))
    return _by_content(settled, body)


def _by_content(columns: Sequence[Column], body: Sequence[tuple[Cell, ...]]) -> tuple[Column, ...]:
    """Return columns whose cells, not whose headers, show that they hold register names, or command codes and names."""
    roles = [column.role for column in columns]
    found = list(columns)
    if "address" in roles and not {"name", "field", "bits"} & set(roles) and "description" in roles:
        at = roles.index("description")
        texts = [text for text in (text_under(row, columns[at]) for row in body) if text]
        if sum(is_identifier(clean_name(text)) for text in texts) > NAME_SHARE * len(texts):
            found[at] = replace(columns[at], role="name")
    if "address" in roles or "bits" in roles:
        return tuple(found)
    for index, column in enumerate(columns):
        texts = [text for text in (text_under(row, column) for row in body) if text]
        hits = len({codes(text) for text in texts} - {()})
        if column.role not in ("name", "description") and hits >= MIN_CODES and hits >= CODE_SHARE * len(texts):
            found[index] = replace(column, role="code")
            if "name" not in roles and index and roles[0] in ("other", "description"):
                found[0] = replace(columns[0], role="name")
            break
    return tuple(found)


def _join_pointer_columns(columns: Sequence[Column], body: Sequence[tuple[Cell, ...]]) -> Sequence[Column]:
    """Return columns with those of an address pointer's bits, a digit in each cell, made one address column."""
    places = pointer_labels([column.header for column in columns])
    if not places:
        return columns
    digits = [text_under(row, columns[place]) for row in body for place in places]
    if not digits or not all(text in ("", "0", "1") for text in digits):
        return columns
    first, last = columns[places[0]], columns[places[-1]]
    joined = Column("address", f"P[{len(places) - 1}:0]", first.left, last.right)
    return [*columns[: places[0]], joined, *columns[places[-1] + 1 :]]


def _mostly_addresses(texts: Sequence[str]) -> bool:
    base = address_base(texts)
    hits = sum(address(text, base) is not None or numbered_register(text) is not None for text in texts)
    return bool(texts) and hits >= 0.5 * len(texts)


def _mostly_names(texts: Sequence[str]) -> bool:
    return 2 * sum(bool(re.match(r"[A-Za-z]\w{2,}", text)) for text in texts) > len(texts)


def is_bit_range(text: str) -> bool:
    """Say whether a cell of a bits column names bits."""
    return bit_range(text) is not None
