"""What headings, captions and property lines say about registers."""

import time

import pytest

from mapper.datasheet.register.heads import Head, read_head, read_property, register_name, strip_caption, subject


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Register 0x1D—LEVEL_LOW (Read/Write)", Head("LEVEL_LOW", 0x1D, "rw")),
        ("Register 27 – Filter Configuration", Head("Filter Configuration", 27)),
        ("Config Register (P[1:0] = 1h) [reset = 80C3h]", Head("Config Register", 1, None, 0x80C3)),
        ("ModeReg register (address 01h); reset value: 20h bit allocation", Head("ModeReg", 1, None, 0x20)),
        ("CONFIG: CONFIGURATION REGISTER ( ADDRESS ‘0000 0001’b)", Head("CONFIG", 1)),
        ("Register 0x74 “ctrl_rate”", Head("ctrl_rate", 0x74)),
        ("0x80 GAIN_CTL (default = 0x00)", Head("GAIN_CTL", 0x80, None, 0)),
        ("Set Contrast Control (81h)", Head("Set Contrast Control", 0x81)),
        ("(Address: 0x03)", Head("", 3)),
    ],
)
def test_head_with_address(title: str, expected: Head) -> None:
    """Name, address, access and reset value are read from the forms that vendors print."""
    assert read_head(title) == expected


@pytest.mark.parametrize(
    "title", ["I2C slave address (48h)", "Power supply", "Registers 13 to 16 – Self Test", "Figure 3"]
)
def test_no_head(title: str) -> None:
    """Bus addresses, ranges of registers and plain titles name no register with an address."""
    assert read_head(title) is None


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("PINDIR (Pin Direction)", "PINDIR"),
        ("Config Register Field Descriptions", "Config Register"),
        ("INT_MAP register bits", "INT_MAP"),
        ("INPUT SIGNAL PATH", ""),
        ("Register maps", ""),
    ],
)
def test_subject_without_address(title: str, name: str) -> None:
    """A title names a register when it says so or is written like code."""
    assert subject(title) == name


def test_caption_and_property_lines() -> None:
    """Captions lose their number, property lines give a key and a value."""
    assert strip_caption("Table 23. CTRL register ...continued") == ("CTRL register", True)
    assert strip_caption("Register 5-2: CONFIG") == ("CONFIG", True)
    assert read_property("Address: 0x1B20_1000") == ("address", 0x1B201000)
    assert read_property("Reset value: 0x0F") == ("reset", 0x0F)
    assert read_property("The address is sent first") is None


def test_register_name_keeps_words_and_shortens_identifiers() -> None:
    """ "register" behind an identifier goes, behind words it stays."""
    assert register_name("CTRL_A register") == "CTRL_A"
    assert register_name("Configuration Register") == "Configuration Register"
    assert register_name("EN_RX Extended burst") == "EN_RX"


@pytest.mark.parametrize(
    "text", ["Register " + ". " * 70, "A " * 79, "(" * 150, "Reset: " + "0" * 150, "x" + "." * 158]
)
def test_long_odd_lines_take_no_time(text: str) -> None:
    """No pattern needs more than moments for lines made to slow it down."""
    start = time.perf_counter()

    read_head(text)
    subject(text)
    read_property(text)
    strip_caption(text)

    assert time.perf_counter() - start < 0.5
