"""How cells of datasheets are read as values."""

import pytest

from mapper.datasheet.register.notation import (
    access_mode,
    address,
    address_base,
    bit_range,
    clean_name,
    fold,
    is_reserved,
    numbered_register,
    reset_value,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x1F", 0x1F),
        ("1Fh", 0x1F),
        ("$1F", 0x1F),
        ("0x1B20_3000", 0x1B203000),
        ("6Dh...64h", 0x6D),
        ("0x01 to 0x1C", 1),
        ("P[1:0] = 1h", 1),
        ("Reserved", None),
        ("15:8", None),
        ("", None),
    ],
)
def test_address(text: str, expected: int | None) -> None:
    """Prefix, suffix, grouped digits, ranges and pointer values are addresses; words and bit ranges are not."""
    assert address(text) == expected


@pytest.mark.parametrize(
    ("texts", "header", "base"),
    [
        (("00", "01", "10"), "Address", 16),
        (("0", "1", "10"), "Address", 10),
        (("3B", "3C"), "Addr", 16),
        (("10", "11"), "Addr (Hex)", 16),
        (("10", "11"), "Address Dec", 10),
        (("1001000", "1001001"), "Address", 2),
        (("0x00", "0x01"), "Address", None),
    ],
)
def test_base_of_bare_numbers(texts: tuple[str, ...], header: str, base: int | None) -> None:
    """The header decides the base of a column, else its digits do."""
    assert address_base(texts, header) == base


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7:6", (7, 6)),
        ("[7:6]", (7, 6)),
        ("D7-D4", (7, 4)),
        ("7 to 6", (7, 6)),
        ("Bit 3", (3, 3)),
        ("CRA6 to CRA5", (6, 5)),
        ("31:16", (31, 16)),
        ("R/W", None),
        ("999", None),
    ],
)
def test_bit_range(text: str, expected: tuple[int, int] | None) -> None:
    """The ways of writing one bit or several."""
    assert bit_range(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("R/W", "rw"), ("RO", "r"), ("Read only", "r"), ("W", "w"), ("R/W1C", "w1c"), ("RC", "rc"), ("D", None)],
)
def test_access_mode(text: str, expected: str | None) -> None:
    """Access words become one of five modes."""
    assert access_mode(text) == expected


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("0x5A", None, 0x5A),
        ("80C3h", None, 0x80C3),
        ("00000010", None, 2),
        ("4127", 16, 0x4127),
        ("011", None, 3),
        ("-", None, None),
    ],
)
def test_reset_value(text: str, base: int | None, expected: int | None) -> None:
    """Resets are hexadecimal, or binary when eight digits or a field's few are zeros and ones."""
    assert reset_value(text, base) == expected


def test_names() -> None:
    """Bit ranges and footnote marks leave a name; "register" does not count when names are compared."""
    assert clean_name("MUX[2:0] (1)") == "MUX"
    assert fold("ModeReg register") == fold("modereg")
    assert is_reserved("Reserved")
    assert not is_reserved("RESET")


def test_decimal_register_numbers_carry_a_name() -> None:
    """ "R44 Input control" is number and name."""
    assert numbered_register("R44 Input control") == (44, "Input control")
    assert numbered_register("R/W") is None


def test_brackets_alone_are_no_address() -> None:
    """Text that starts with a bracket and tells nothing gives no address and no error."""
    assert address("(see (4) below)") is None
    assert address("0xX1") == 1
