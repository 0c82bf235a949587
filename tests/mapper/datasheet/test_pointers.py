"""Registers that an address pointer selects."""

from collections.abc import Sequence
from typing import Any

import pytest

from mapper.datasheet import read_datasheet
from mapper.datasheet.register.heads import further_heads
from mapper.datasheet.register.notation import address_base

NAMES = ("Conversion", "Config", "Lo_thresh", "Hi_thresh")
BINARY = ("00b", "01b", "10b", "11b")
BARE = ("00", "01", "10", "11")


@pytest.mark.parametrize("rules", ["all", "none"])
@pytest.mark.parametrize(
    ("header", "cells"),
    [("P[1:0]", BINARY), ("P[1:0]", BARE), ("Pointer address", BARE), ("Pointer", BINARY),
     ("Pointer address (hex)", ("0h", "1h", "2h", "3h"))],
)  # fmt: skip
def test_pointer_values_are_addresses(drawing: Any, rules: str, header: str, cells: Sequence[str]) -> None:
    """A column of pointer values gives addresses 0 to 3, in binary or in hexadecimal."""
    rows = [(header, "Register", "Type"), *((cell, name, "R/W") for cell, name in zip(cells, NAMES, strict=True))]
    drawing.heading("1 Register map")
    drawing.table(rows, (130, 120, 80), rules=rules)

    found = [(r.name, r.address) for r in read_datasheet(drawing.pdf(), file="x.pdf").registers]

    assert found == list(zip(NAMES, range(4), strict=True))


def test_a_column_for_each_pointer_bit(drawing: Any) -> None:
    """Columns P1 and P0 with a digit in each cell are one address."""
    rows = [("P1", "P0", "Register"), *((cell[0], cell[1], name) for cell, name in zip(BARE, NAMES, strict=True))]
    drawing.heading("1 Pointer register")
    drawing.text("The two bits of the pointer address one of the registers for read and write access.")
    drawing.table(rows, (40, 40, 200))

    found = [(r.name, r.address) for r in read_datasheet(drawing.pdf(), file="x.pdf").registers]

    assert found == list(zip(NAMES, range(4), strict=True))


def test_heading_of_two_registers_gives_both_addresses(drawing: Any) -> None:
    """Each name before a pointer value is a register; the fields below go to the one that the caption names."""
    drawing.heading("1 Lo_thresh (P[1:0] = 2h) and Hi_thresh (P[1:0] = 3h) Registers")
    for name in NAMES[2:]:
        drawing.text(f"Table 1. {name} Register Field Descriptions")
        drawing.table((("Bit", "Field", "Type", "Reset"), ("15:0", name, "R/W", "0h")), (50, 120, 60, 60))

    registers = read_datasheet(drawing.pdf(), file="x.pdf").registers

    assert [(r.name, r.address, len(r.fields)) for r in registers] == [("Lo_thresh", 2, 1), ("Hi_thresh", 3, 1)]


def test_a_heading_of_one_register_has_no_further_ones() -> None:
    """ "and" within a name, or without an address on both sides, makes no second register."""
    assert further_heads("Command and status (CSR) register (04h)") == []
    assert further_heads("Lo_thresh (2h) and the comparator") == []


@pytest.mark.parametrize(
    ("texts", "header", "base"),
    [(BARE, "P[1:0]", 2), (BARE, "Pointer (hex)", 16), (BARE, "Address", 16), (("0b", "1b"), "Address", 16),
     (("00", "01"), "Code (binary)", 2), (("1B",), "Address", 16)],
)  # fmt: skip
def test_base_of_a_pointer_column(texts: Sequence[str], header: str, base: int) -> None:
    """Zeros and ones are binary where header or suffix says so, else what an address column usually is."""
    assert address_base(texts, header) == base
