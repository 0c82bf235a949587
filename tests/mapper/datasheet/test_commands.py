"""Commands from tables and headings."""

from typing import Any

import pytest

from mapper.datasheet import read_datasheet
from mapper.datasheet.register.heads import further_heads, read_head
from mapper.datasheet.register.notation import codes
from mapper.model import Register


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("06h", None, (6,)),
        ("C7h/60h", None, (0xC7, 0x60)),
        ("A4/A5", 16, (0xA4, 0xA5)),
        ("AE AF", 16, (0xAE, 0xAF)),
        ("AE~AF", 16, (0xAE, 0xAF)),
        ("40~7F", 16, (0x40,)),
        ("81 A[7:0]", 16, (0x81,)),
        ("0010 0011", None, (0x23,)),
        ("0000 AAAA", None, ()),
        ("(0 - 7)", None, ()),
        ("Dummy", None, ()),
    ],
)
def test_codes_are_read_as_listed(text: str, base: int | None, expected: tuple[int, ...]) -> None:
    """Alternatives are all given, of a wide range only the first, parameters behind are passed over."""
    assert codes(text, base) == expected


def test_heading_with_two_codes_names_both() -> None:
    """A command with two codes is two commands of one name."""
    title = "Chip Erase (C7h / 60h)"

    head = read_head(title)

    assert head is not None
    assert (head.name, head.address) == ("Chip Erase", 0xC7)
    assert [(other.name, other.address) for other in further_heads(title)] == [("Chip Erase", 0x60)]


def _commands(drawing: Any, rows: tuple[tuple[str, ...], ...], rules: str) -> list[Register]:
    drawing.heading("1 Instruction set")
    drawing.text("Every instruction is a byte that is shifted in before its address and its data bytes.")
    drawing.table(rows, (120, 60, 90, 90), rules=rules)
    return [r for r in read_datasheet(drawing.pdf(), file="a.pdf").registers if r.role == "command"]


def test_codes_without_a_header_of_their_own(drawing: Any) -> None:
    """In a table of instructions the column that holds codes tells them, though its header says only "Byte 1"."""
    rows = (
        ("Instruction name", "Byte 1", "Byte 2", "Byte 3"),
        ("Write Enable", "06h", "", ""),
        ("Page Program", "02h", "A15-A8", "A7-A0"),
        ("Chip Erase", "C7h/60h", "", ""),
    )

    found = [(command.name, command.address) for command in _commands(drawing, rows, "all")]

    assert found == [("Write Enable", 6), ("Page Program", 2), ("Chip Erase", 0xC7), ("Chip Erase", 0x60)]


def test_opcode_table_ruled_only_between_rows(drawing: Any) -> None:
    """Command, opcode and description are told apart by the header where no upright rules stand."""
    rows = (
        ("Command", "Opcode", "Parameters", "Description"),
        ("SetSleep", "0x84", "config", "Goes to sleep"),
        ("SetTx", "0x83", "timeout", "Transmits"),
    )

    found = [(command.name, command.address, command.page) for command in _commands(drawing, rows, "horizontal")]

    assert found == [("SetSleep", 0x84, 1), ("SetTx", 0x83, 1)]
