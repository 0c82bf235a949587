"""Where code and datasheet disagree."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mapper.linking import map_tree
from mapper.model import BitField, Conflict, Datasheet, Register, SourceFile

from_text = Callable[[str, str], SourceFile]

AGREEING = """#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_INT_THRESH_H 0x05
"""


def conflicts_of(source: from_text, sheet: Datasheet, text: str, path: str = "src/zq4071.h") -> list[Conflict]:
    return list(map_tree([source(path, AGREEING + text)], [sheet], repo_family="demo").conflicts)


@pytest.mark.parametrize(
    ("text", "kind", "code", "printed"),
    [
        ("#define ZQ4071_REG_STATUS 0x03\n", "address", "0x3", "0x2"),
        ("#define ZQ4071_SAMPLE_RATE_MASK 0x30\n", "width", "0x30", "[6:4]"),
        ("#define ZQ4071_SAMPLE_RATE_SHIFT 3\n", "value", "0x3", "[6:4]"),
        ("#define ZQ4071_CONTROL_RESET 0x81\n", "reset", "0x81", "0x0"),
    ],
)
def test_a_disagreement_is_reported_with_both_sides(
    source: from_text, sheet: Datasheet, text: str, kind: str, code: str, printed: str
) -> None:
    """A wrong address, mask, position or reset value gives one conflict with the value of each side."""
    (conflict,) = conflicts_of(source, sheet, text)

    assert (conflict.kind, conflict.code_value, conflict.sheet_value) == (kind, code, printed)


def test_a_file_that_counts_addresses_another_way_has_no_conflicts(source: from_text, sheet: Datasheet) -> None:
    """Where most addresses differ the convention differs, not each address."""
    shifted = "".join(
        f"#define ZQ4071_REG_{n} {a:#x}\n" for n, a in (("CONTROL", 8), ("SAMPLE_RATE", 10), ("STATUS", 12))
    )

    assert not map_tree([source("src/zq4071.h", shifted)], [sheet], repo_family="demo").conflicts


def test_a_function_that_only_writes_a_read_only_register_conflicts(source: from_text, sheet: Datasheet) -> None:
    """Its verb says that it writes, its body calls a writer, and the register is printed as read-only."""
    text = "#define ZQ4071_REG_STATUS 0x02\nint zq4071_clear_status(void) { return bus_write(ZQ4071_REG_STATUS, 0); }\n"

    (conflict,) = conflicts_of(source, sheet, text, "src/zq4071.c")

    assert (conflict.kind, conflict.symbol.name, conflict.sheet_value) == ("access", "zq4071_clear_status", "r")


def test_the_code_of_a_printed_label_must_be_its_value(source: from_text, sheet: Datasheet) -> None:
    """A field's description lists its codes: a definition with the label and another value is a conflict."""
    rate = BitField(name="RATE", high=6, low=4, page=9, description="Rate. 000: 10HZ, slow 001: 50HZ 010: 100HZ")
    registers = tuple(replace(r, fields=(rate,)) if r.name == "SampleRate" else r for r in sheet.registers)
    text = "#define ZQ4071_RATE_50HZ 1\n#define ZQ4071_RATE_100HZ 3\n"

    (conflict,) = conflicts_of(source, replace(sheet, registers=registers), text)

    assert (conflict.symbol.name, conflict.code_value, conflict.sheet_value) == ("ZQ4071_RATE_100HZ", "0x3", "0x2")


def test_agreement_gives_no_conflict(source: from_text, sheet: Datasheet) -> None:
    """Masks written shifted, plain or inverted and reset values as printed all agree."""
    text = "#define ZQ4071_SAMPLE_RATE_MASK 0x07\n#define ZQ4071_CONTROL_RESET 0\n#define ZQ4071_EN_SHIFT 0\n"

    assert not conflicts_of(source, sheet, text)


def test_swapped_absolute_addresses_conflict(source: from_text, sheet: Datasheet) -> None:
    """Two registers of a block at each other's absolute address are two conflicts, where the other ones agree."""
    registers = tuple(
        Register(name=name, address=0x40001000 + offset, page=8, section_path=("Bus", "Bus port", name))
        for name, offset in (("CONTROL", 0), ("RX", 4), ("TX", 8), ("LEVEL", 12), ("EDGE", 16))
    )
    text = "".join(
        f"#define ZQ4071_REG_{name} (0x40001000 + {offset})\n"
        for name, offset in (("CONTROL", 0), ("RX", 8), ("TX", 4), ("LEVEL", 12), ("EDGE", 16))
    )

    found = map_tree([source("src/zq4071.h", text)], [replace(sheet, registers=registers)], repo_family="demo")

    conflicts = [c for c in found.conflicts if c.kind == "address"]
    assert {(c.symbol.name, c.code_value, c.sheet_value) for c in conflicts} == {
        ("ZQ4071_REG_RX", "0x40001008", "0x40001004"),
        ("ZQ4071_REG_TX", "0x40001004", "0x40001008"),
    }
