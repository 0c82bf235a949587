"""Turn the rows of a table that lists registers by address into drafts, with their bit fields across or below.

Three forms: a row for each register; a row for each bit field, the register's address and name in the first of them;
and a table about one register, the one whose description is being read.
"""

import re
from collections import Counter
from dataclasses import replace

from mapper.datasheet.register.bit_rows import read_field_row, read_spans
from mapper.datasheet.register.drafts import Draft
from mapper.datasheet.register.heads import register_name
from mapper.datasheet.register.notation import (
    access_mode,
    address,
    bit_range,
    codes,
    is_reserved,
    numbered_register,
    reset_value,
)
from mapper.datasheet.table.grids import Grid, GridRow

MAX_NAME_CHARS = 64
_ELEMENT = re.compile(r"(\w+)\s*\[(\d{1,3})\]$")


def register_drafts(
    grid: Grid, page: int, opened: Draft | None, section_path: tuple[str, ...]
) -> tuple[list[Draft], Draft | None]:
    """Return the registers of a table, top to bottom, and the one that is open after it.

    opened is the register whose description the table stands in; a table about that one completes it.
    """
    places = [_place(row.texts.get("address", ""), grid.base) for row in grid.rows]
    wheres = [where for where, _ in places]
    has_bits = grid.has("bits")
    num_places = len({where for where in wheres if where is not None})
    many = num_places + (0 if grid.has("address") else len(grid.rows)) > 1
    elements = _elements(grid)
    drafts: list[Draft] = []
    current = opened if has_bits else None
    for row, (where, told) in zip(grid.rows, places, strict=True):
        if row.title:
            continue
        bits = bit_range(row.texts.get("bits", "")) if has_bits else None
        goes_on = where is None or (current is not None and where == current.address)
        if bits is not None and goes_on:
            if current is not None:
                read_field_row(current, row, page, bits)
            continue
        if where is None and (grid.has("address") or not row.spans):
            continue
        names_field = bits is not None and not grid.has("field") and (bool(told) or wheres.count(where) > 1)
        name = register_name(told if told or names_field else row.texts.get("name", ""))
        name = elements.get(row.texts.get("name", ""), name)
        if is_reserved(name) if name else not (row.spans or opened or bits):
            current = None
            continue
        if len(name) > MAX_NAME_CHARS or (name and not name[0].isalpha()):
            continue
        if not many and opened is not None and opened.address in (None, where):
            current = opened
            current.address = where if current.address is None else current.address
            current.name = name or current.name
        else:
            is_overview = many and not has_bits and bool(name)
            current = Draft(name, where, page=page, is_overview=is_overview, num_listed=len(grid.rows))
            current.section_path = section_path
            drafts.append(current)
            if is_overview:
                drafts += _second_byte(current, row, grid)
        _complete(current, row, grid)
        read_spans(current, row, page)
        if bits is not None:
            read_field_row(current, row, page, bits)
    return drafts, (current or opened) if has_bits or not many else opened


def _elements(grid: Grid) -> dict[str, str]:
    """Return names for the cells that print the elements of one array, each at its address: "SYNC[1]" is SYNC1."""
    matches = {row.texts.get("name", ""): _ELEMENT.match(row.texts.get("name", "")) for row in grid.rows}
    bases = Counter(match[1] for match in matches.values() if match)
    return {text: f"{match[1]}{match[2]}" for text, match in matches.items() if match and bases[match[1]] > 1}


def _complete(draft: Draft, row: GridRow, grid: Grid) -> None:
    """Give a register what its row says of it."""
    draft.reader = grid.reader
    draft.box = draft.box or row.box
    draft.access = access_mode(row.texts.get("access", "")) or draft.access
    reset = reset_value(row.texts.get("reset", ""), _reset_base(grid))
    draft.reset = reset if reset is not None else draft.reset
    draft.description = draft.description or row.texts.get("description", "")


def _second_byte(draft: Draft, row: GridRow, grid: Grid) -> list[Draft]:
    """Return the register of a value's other byte where a cell gives the addresses of both: "0x88 / 0x89"."""
    text = row.texts.get("address", "")
    both = codes(text, grid.base) if "/" in text else ()
    if len(both) != 2 or draft.address != both[0] or abs(both[1] - both[0]) != 1:
        return []
    return [replace(draft, address=both[1], box=row.box, reader=grid.reader, fields=[], pages=[])]


def _reset_base(grid: Grid) -> int | None:
    return 16 if re.search(r"hex|0x", grid.header("reset"), re.IGNORECASE) else None


def _place(text: str, base: int | None) -> tuple[int | None, str]:
    """Return the address in an address cell, and the register's name where the cell holds both: "R44 Input control"."""
    return numbered_register(text) or (address(text, base), "")
