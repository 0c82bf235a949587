"""Register tables in the forms that datasheets print them."""

from collections.abc import Sequence
from typing import Any

import pytest

from mapper.datasheet import read_datasheet
from mapper.datasheet.table.header import role_of
from mapper.model import Register


def _registers(drawing: Any) -> tuple[Register, ...]:
    return read_datasheet(drawing.pdf(), file="device.pdf").registers


ROWS: Sequence[Sequence[str]] = (
    ("Offset", "Acronym", "Register name", "Access", "Reset"),
    ("0x00", "CR", "control register", "RW", "0x0000_0001"),
    ("0x04", "SR", "status register", "RO", "0x0000_0000"),
    ("0x08", "DR", "data register", "RW", "0x0000_0000"),
)


@pytest.mark.parametrize("rules", ["all", "horizontal", "none"])
def test_overview_reads_alike_with_and_without_rules(drawing: Any, rules: str) -> None:
    """A table with full, only horizontal or no rules gives the same registers."""
    drawing.heading("1 Register map")
    drawing.table(ROWS, (60, 70, 140, 60, 90), rules=rules)

    found = [(r.name, r.address, r.access, r.reset) for r in _registers(drawing)]

    assert found == [("CR", 0, "rw", 1), ("SR", 4, "r", 0), ("DR", 8, "rw", 0)]


def test_bit_columns_give_fields_by_span(drawing: Any) -> None:
    """A cell below several bit labels is one field over those bits, whatever range its name carries."""
    header = ("Register", "Adr", "Bit 7", "Bit 6", "Bit 5", "Bit 4", "Bit 3", "Bit 2", "Bit 1", "Bit 0", "Reset")
    drawing.heading("1 Memory map")
    drawing.table(
        (header, (), ()),
        (70, 40, *(38,) * 8, 40),
        spans={
            1: [(0, 0, "ctrl_rate"), (1, 1, "74h"), (2, 4, "osr<2:0>"), (5, 7, "osp"), (8, 9, "mode"), (10, 10, "00h")],
            2: [(0, 0, "data_msb"), (1, 1, "75h"), (2, 9, "data[15:8]"), (10, 10, "80h")],
        },
    )

    first, second = _registers(drawing)

    assert [(f.name, f.high, f.low) for f in first.fields] == [("osr", 7, 5), ("osp", 4, 2), ("mode", 1, 0)]
    assert (second.name, second.address, second.reset) == ("data_msb", 0x75, 0x80)
    assert [(f.name, f.high, f.low) for f in second.fields] == [("data", 7, 0)]


def test_fields_below_their_register_continue_on_the_next_page(drawing: Any) -> None:
    """Rows with bits belong to the last row with an address, also when the table goes on after a page break."""
    header = ("Address", "Mnemonic", "Bit", "Reset", "Type", "Description")
    widths = (50, 90, 40, 50, 50, 150)
    drawing.heading("1 Register map table")
    drawing.table((header, ("00", "CONFIG", "", "", "", "configuration"), ("", "EN_SUM", "3", "1", "R/W", "")), widths)
    drawing.page()
    drawing.table((header, ("", "PWR_UP", "1", "0", "R/W", "on"), ("1A", "CHANNEL", "", "", "", "channel")), widths)

    first, second = _registers(drawing)

    assert [(f.name, f.low, f.reset) for f in first.fields] == [("EN_SUM", 3, 1), ("PWR_UP", 1, 0)]
    assert (second.name, second.address) == ("CHANNEL", 0x1A)


def test_offset_without_prefix_is_hexadecimal_when_the_header_says_so(drawing: Any) -> None:
    """A hexadecimal and a decimal column give the hexadecimal address."""
    drawing.heading("1 Registers")
    drawing.table(
        (
            ("Addr (Hex)", "Addr (Dec)", "Register Name", "R/W"),
            ("10", "16", "CLOCK_DIV", "R/W"),
            ("3B", "59", "OUT_H", "R"),
        ),
        (70, 70, 120, 50),
    )

    assert [(r.name, r.address) for r in _registers(drawing)] == [("CLOCK_DIV", 0x10), ("OUT_H", 0x3B)]


def test_heading_with_pointer_address_and_reset_owns_the_field_table(drawing: Any) -> None:
    """ "Config Register (P[1:0] = 1h) [reset = 80C3h]" is a register with the fields of the table below."""
    drawing.heading("6.3 Config Register (P[1:0] = 1h) [reset = 80C3h]")
    drawing.table(
        (
            ("Bit", "Field", "Type", "Reset", "Description"),
            ("15", "OS", "R/W", "1h", "status"),
            ("14:12", "MUX[2:0]", "R/W", "0h", ""),
        ),
        (40, 80, 50, 50, 200),
    )

    (register,) = _registers(drawing)

    assert (register.name, register.address, register.reset) == ("Config Register", 1, 0x80C3)
    assert [(f.name, f.high, f.low) for f in register.fields] == [("OS", 15, 15), ("MUX", 14, 12)]


def test_address_and_reset_lines_below_a_heading(drawing: Any) -> None:
    """ "Address: ..." and "Reset Value: ..." complete the register that the heading names."""
    drawing.heading("5.1 PINDIR (Pin Direction)")
    drawing.text("Address: 0x1B20_1000")
    drawing.text("Reset Value: 0x0000_00FF")
    drawing.text("Bit 31:0 PINDIR: Direction of each pin.")
    drawing.text("Every bit belongs to one pin and is 1 for an output.")

    (register,) = _registers(drawing)

    assert (register.name, register.address, register.reset) == ("PINDIR", 0x1B20_1000, 0xFF)
    assert [(f.name, f.high, f.low) for f in register.fields] == [("PINDIR", 31, 0)]


def test_commands_are_told_from_registers(drawing: Any) -> None:
    """Headings and tables in a command chapter give commands."""
    drawing.heading("9 Command descriptions")
    drawing.heading("9.1 Set Contrast (81h)", level=2)
    drawing.text("Sets the contrast of the display in 256 steps; it takes one parameter byte.")
    drawing.table(
        (("Command", "Code", "Description"), ("Sleep", "AEh", "display off"), ("Wake", "AFh", "display on")),
        (90, 50, 200),
    )

    found = [(r.name, r.address, r.role) for r in _registers(drawing)]

    assert found == [("Set Contrast", 0x81, "command"), ("Sleep", 0xAE, "command"), ("Wake", 0xAF, "command")]


def test_tables_of_other_things_give_no_registers(drawing: Any) -> None:
    """Slave addresses, pins and electrical limits are no registers."""
    drawing.heading("1 Electrical data")
    drawing.table(
        (("Pin", "Slave address", "Name"), ("GND", "1001000", "SDA"), ("VDD", "1001001", "SCL")), (80, 100, 100)
    )
    drawing.table(
        (("Parameter", "Min", "Typ", "Max", "Unit"), ("Supply", "1.7", "3.3", "3.6", "V")), (120, 50, 50, 50, 50)
    )
    drawing.text("The register address is sent after the slave address; reset, bit and access are words of this page.")

    assert _registers(drawing) == ()


def test_footnote_letters_are_not_part_of_a_name(drawing: Any) -> None:
    """A small raised letter before or behind a name is left out of it."""
    drawing.heading("1 Register map")
    top = drawing.y
    drawing.table((("Address", "Name", "Type", "Reset"), ("0x1D", "FEATURE", "R/W", "0x00")), (70, 110, 50, 60))
    drawing.canvas.setFont("Helvetica", 5)
    drawing.canvas.drawString(133 + 41, 841.89 - top - 20, "c")

    assert [r.name for r in _registers(drawing)] == ["FEATURE"]


def test_registers_one_below_the_other_in_one_grid(drawing: Any) -> None:
    """A row that names a register above a repeated header opens it, in the same grid as the one before."""
    header = ("Bits", "Name", "Default", "Description")
    drawing.heading("5 Register descriptions")
    drawing.table(
        ((), header, ("7:4", "RATE", "4'b0011", "rate"), ("0", "EN", "1'b1", "on"), (), header, ("6", "LOCK", "0", "")),
        (60, 90, 60, 200),
        spans={
            0: [(0, 1, "CTRL1"), (2, 3, "Settings. Register Address: 2 (0x02)")],
            4: [(0, 1, "CTRL2"), (2, 3, "More settings. Register Address: 10 (0x0A)")],
        },
    )

    first, second = _registers(drawing)

    assert (first.address, [(f.name, f.reset) for f in first.fields]) == (2, [("RATE", 3), ("EN", 1)])
    assert (second.address, [(f.name, f.low) for f in second.fields]) == (10, [("LOCK", 6)])


def test_bit_figure_in_two_halves_keeps_access_and_reset(drawing: Any) -> None:
    """The halves 15..8 and 7..0 stand below each other in one grid, each with names and "access-reset" below."""
    drawing.heading("5.1 CONFIG Register (Address = 05h) [Reset = 8001h]")
    drawing.table(
        ([str(15 - i) for i in range(8)], (), (), [str(7 - i) for i in range(8)], (), ()),
        (50,) * 8,
        spans={
            1: [(0, 0, "OS"), (1, 7, "RESERVED")],
            2: [(0, 0, "R/W-1h"), (1, 7, "R-0h")],
            4: [(0, 6, "LIMIT[6:0]"), (7, 7, "EN")],
            5: [(0, 6, "R/W-0h"), (7, 7, "R/W-1h")],
        },
    )

    (register,) = _registers(drawing)

    assert (register.name, register.address, register.reset, register.width) == ("CONFIG", 5, 0x8001, 16)
    assert [(f.name, f.high, f.low, f.access, f.reset) for f in register.fields] == [
        ("OS", 15, 15, "rw", 1),
        ("LIMIT", 7, 1, "rw", 0),
        ("EN", 0, 0, "rw", 1),
    ]


@pytest.mark.parametrize("names", [("PAUSE rw", "TX_FULL r"), ("Pause rw", "Tx full r")])
def test_access_glued_to_names_is_not_part_of_them(drawing: Any, names: tuple[str, str]) -> None:
    """Where the rows of names and access rights of a bit figure run together, both are told apart."""
    drawing.page()
    drawing.heading("5.1 RETRY (0x15)")
    drawing.table(([str(7 - i) for i in range(8)], ()), (50,) * 8, spans={1: [(0, 3, names[0]), (4, 7, names[1])]})

    (register,) = _registers(drawing)

    assert [(f.name, f.access) for f in register.fields] == [(names[0][:-3], "rw"), (names[1][:-2], "r")]


def test_header_in_two_languages(drawing: Any) -> None:
    """The Latin words of a header in two languages, and Chinese ones alone, give columns their roles."""
    assert role_of("\u30a2\u30c9\u30ec\u30b9 Address") == "address"
    assert role_of("\u5bc4\u5b58\u5668\u540d\u79f0") == "name"
    assert role_of("\u9ed8\u8ba4\u503c") == "reset"


def test_figure_without_bit_numbers(drawing: Any) -> None:
    """Eight names in a row under a register's heading are its bits from 7 down."""
    drawing.heading("1 Registers")
    drawing.text("The registers below have an address, bits, an access right and a reset value each.")
    drawing.text("Address Name Type Reset Description")
    drawing.heading("1.1 CTRL1 (20h)", level=2)
    drawing.table((("DR1", "DR0", "BW1", "BW0", "PD", "Zen", "Xen", "Yen"),), (50,) * 8)

    found = read_datasheet(drawing.pdf(), file="x.pdf").registers

    assert [(r.name, r.address, [(f.name, f.high) for f in r.fields][:3]) for r in found] == [
        ("CTRL1", 0x20, [("DR1", 7), ("DR0", 6), ("BW1", 5)])
    ]


def test_both_bytes_and_elements_have_their_addresses(drawing: Any) -> None:
    """Two addresses in a cell are those of a value's bytes; elements of an array keep their number."""
    drawing.heading("1 Registers")
    drawing.text("The registers below have an address, bits, an access right and a reset value each.")
    rows = (
        ("Name", "Address", "Reset"),
        ("PAR_T1", "0x88 / 0x89", "-"),
        ("SYNC[0]", "0x90", "0"),
        ("SYNC[1]", "0x91", "0"),
    )
    drawing.table(rows, (100, 100, 60))

    found = [(r.name, r.address) for r in read_datasheet(drawing.pdf(), file="x.pdf").registers]

    assert found == [("PAR_T1", 0x88), ("PAR_T1", 0x89), ("SYNC0", 0x90), ("SYNC1", 0x91)]
