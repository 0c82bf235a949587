"""The register role."""

import pytest

from mapper.code import parse_file


def test_register_block_members_have_their_offset() -> None:
    """Members of a volatile block are registers, with their place in the block; reserved ones are none."""
    members = b"__IO uint32_t CR;\n__IO uint8_t SR;\nuint8_t RESERVED0[3];\n__IO uint32_t DR[2];\n"
    data = b"typedef struct {\n" + members + b"} Uart;\n"

    found = [(symbol.name, symbol.kind, symbol.value) for symbol in parse_file("a.h", data).symbols if symbol.scope]

    assert found == [("CR", "register", 0), ("SR", "register", 4), ("RESERVED0", "struct", None), ("DR", "register", 8)]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"#define XY12_REG_CONFIG 0x01", "register"),
        (b"#define XY12_RA_CONFIG 1", "register"),
        (b"#define XY12_CMD_RESET 0x8DC6", "register"),
        (b"#define PADIN REG32(GPIO_REG_BASE + 0x04)", "register"),
        (b"#define UART_DR (*(volatile uint32_t *)(0x40001000 + 4))", "register"),
        (b"#define XY12_CTRL7 0x08 // control register 7 address", "register"),
        (b"#define XY12_REG_FIFO_COUNT 0x15", "register"),
        (b"#define XY12_REG_COUNT 12", "macro"),
        (b"#define XY12_REG_CONFIG_MASK 0x0F", "macro"),
        (b"#define XY12_I2C_ADDR 0x48", "macro"),
        (b"#define XY12_FIELD_OFFSET 3", "macro"),
        (b'#define XY12_REG_NAME "config"', "macro"),
    ],
)
def test_register_role_is_laid_over_definitions(line: bytes, kind: str) -> None:
    """A value with a register's name, comment or access is a register; masks, amounts and bus addresses are none."""
    symbol = parse_file("a.h", line + b"\n").symbols[0]

    assert (symbol.kind, symbol.form) == (kind, "macro")


def test_run_of_addresses_is_a_register_map() -> None:
    """Many rising hexadecimal values are registers whatever their names; few or small ones are settings."""
    names = ["CONFIG", "EN_AA", "SETUP", "CHANNEL", "STATUS", "OBSERVE", "POWER", "FIFO", "FEATURE"]
    long = "".join(f"#define {name} 0x{2 * n + 4:02X}\n" for n, name in enumerate(names)).encode()
    short = "".join(f"#define {name} 0x{n:02X}\n" for n, name in enumerate(names[:6])).encode()

    assert {symbol.kind for symbol in parse_file("a.h", long).symbols} == {"register"}
    assert {symbol.kind for symbol in parse_file("a.h", short).symbols} == {"macro"}
