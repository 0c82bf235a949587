"""Which pages are looked at for tables."""

import pytest

from mapper.datasheet.table.signs import PageFilter

PROSE = "The device has registers. Each register has an address, its bits and a reset value.\n" * 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Address Name Type Reset Description", True),
        ("Variable name Register address (LSB / MSB)", True),
        ("7 6 5 4 3 2 1 0", True),
        ("P1 P0 Register", True),
        ("Table 12. Instruction set", True),
        ("\u5730\u5740 \u540d\u79f0 \u8bfb\u5199 \u63cf\u8ff0", True),
        ("must write a value for the new transfer speed to the register. Bits", False),
        ("7.1.4 Software Reset I2C-bus address", False),
    ],
)
def test_a_candidate_has_a_header(line: str, expected: bool) -> None:
    """Words alone do not make a page a candidate: one line has to read like a table's header."""
    assert PageFilter()(PROSE + line).registers is expected


def test_a_table_goes_on_over_the_page() -> None:
    """Rows of addresses without a header count only after a page that is a candidate."""
    rows = "\n".join(f"0x{row:02X} REG_{row} R/W" for row in range(8))
    look = PageFilter()

    assert not look(rows).registers
    assert look(PROSE + "Address Name Type Reset Description").registers
    assert look(rows).registers


def test_limits_are_told_apart() -> None:
    """A header with min and max is a sign of parameters, not of registers."""
    assert PageFilter()("Parameter Symbol Min Typ Max Unit\nSupply VDD 1.7 1.8 3.6 V") == (False, True)
