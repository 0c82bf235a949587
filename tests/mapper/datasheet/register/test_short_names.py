"""The short name beside a register's long one."""

from typing import Any

import pytest

from mapper.datasheet import read_datasheet
from mapper.datasheet.register.heads import Head, read_head, subject
from mapper.datasheet.register.short_names import short_name

BITS = (
    ("Bits", "Name", "Access", "Reset", "Description"),
    ("7:4", "RATE", "R/W", "0x3", "output rate"),
    ("0", "EN", "R/W", "1", "enable"),
)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Clock control register (CKC_CTRL)", ("CKC_CTRL", "Clock control register")),
        ("I2C control register 1 (I2C_CR1)", ("I2C_CR1", "I2C control register 1")),
        ("Control (CTRL) register", ("CTRL", "Control register")),
        ("Interrupt enable register - IER", ("IER", "Interrupt enable register")),
        ("Port mode register (GPIOx_MODER) (x = A..I)", ("GPIOx_MODER", "Port mode register")),
        ("Status register (SR) [reset = 0x0000 0000 0000 0001]", ("SR", "Status register")),
    ],
)
def test_short_name_stands_in_brackets_or_behind_a_dash(title: str, expected: tuple[str, str]) -> None:
    """Both names are told apart, whatever remarks follow."""
    assert short_name(title) == expected


@pytest.mark.parametrize(
    "title",
    ["Control register (R/W)", "Data register (LSB)", "Bus register (I2C)", "WHO_AM_I register (ID)",
     "Serial Peripheral Interface (SPI)", "Set the control register (CTRL) before the clock is switched on"],
)  # fmt: skip
def test_remarks_and_prose_give_no_short_name(title: str) -> None:
    """Access rights, halves and buses in brackets are no names; a name in front stays; a sentence is no heading."""
    assert short_name(title) is None


@pytest.mark.parametrize(
    "title", ["Control register (CTRL), offset 0x04", "Control register (CTRL) (offset 0x04)",
              "Control register (CTRL, 0x04)", "0x04 Control register (CTRL)"],
)  # fmt: skip
def test_address_beside_a_short_name(title: str) -> None:
    """The address is read wherever it stands."""
    head = read_head(title)

    assert head is not None
    assert (head.name, head.address) == ("CTRL", 4)


def test_short_name_in_front_wins() -> None:
    """In "CTRL - control register, offset 0x04" the short name stands first."""
    assert subject("CTRL - control register") == "CTRL"
    assert read_head("CTRL - control register, offset 0x04") == Head("CTRL", 4)


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("2.1 Clock control register (CKC_CTRL)", "Address offset: 0x04"),
        ("2.1 Clock control register (CKC_CTRL), offset 0x04", ""),
        ("2.1 CKC_CTRL - clock control register", "Offset: 0x04"),
    ],
)
def test_fields_below_the_heading_belong_to_the_short_name(drawing: Any, title: str, line: str) -> None:
    """A heading of long and short name opens the register of the short one, with the bit table below it."""
    drawing.heading("2 Clock controller")
    drawing.heading(title, level=2)
    drawing.text(line)
    drawing.table(BITS, (50, 90, 50, 50, 200))

    (register,) = read_datasheet(drawing.pdf(), file="x.pdf").registers

    assert (register.name, register.address) == ("CKC_CTRL", 4)
    assert [(f.name, f.high, f.low) for f in register.fields] == [("RATE", 7, 4), ("EN", 0, 0)]


def test_overview_with_the_long_name_is_the_same_register(drawing: Any) -> None:
    """A table that lists the long name and the heading that gives both are one register, known by the short name."""
    rows = (("Offset", "Name", "Access"), ("0x04", "Clock control register", "RW"), ("0x08", "Reset register", "RW"))
    drawing.heading("2 Register map")
    drawing.table(rows, (60, 200, 60))
    drawing.heading("2.1 Clock control register (CKC_CTRL)", level=2)
    drawing.table(BITS, (50, 90, 50, 50, 200))

    registers = read_datasheet(drawing.pdf(), file="x.pdf").registers

    assert [(r.name, r.address, len(r.fields)) for r in registers] == [("CKC_CTRL", 4, 2), ("Reset register", 8, 0)]
