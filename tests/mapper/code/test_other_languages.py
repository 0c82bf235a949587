"""Kconfig, device tree, assembler, linker scripts, and the roles of paths."""

import pytest

from mapper.code import parse_file, role_of
from mapper.code.tree import language_of

KCONFIG = b"""menu "Sensors"
config XY12
\tbool "XY12 thermometer"
\tdepends on I2C

config XY12_RATE
\tint "Samples a second"
\trange 1 100
\tdefault 0x10
\thelp
\t  How often it measures.

if XY12
config XY12_TRIGGER
\tbool
\tdefault y
endif
endmenu
"""


def test_kconfig_entries_are_parameters() -> None:
    """Entries carry default, prompt with help, dependencies and the condition around them."""
    symbols = {symbol.name: symbol for symbol in parse_file("drivers/Kconfig", KCONFIG).symbols}

    assert [symbol.kind for symbol in symbols.values()] == ["config"] * 3
    assert symbols["XY12"].references == ("I2C",)
    assert symbols["XY12_RATE"].value == 16
    assert symbols["XY12_RATE"].comment == "Samples a second\nHow often it measures."
    assert (symbols["XY12_RATE"].line, symbols["XY12_RATE"].end_line) == (6, 11)
    assert (symbols["XY12_TRIGGER"].guard, symbols["XY12_TRIGGER"].value) == ("XY12", 1)


def test_device_tree_nodes_are_structs() -> None:
    """A node is named by its label, lies in the node around it, and its unit address is its value."""
    data = (
        b'/dts-v1/;\n/ {\n  i2c0: i2c@4000 {\n    t: xy12@48 { compatible = "acme,xy12"; reg = <0x48>; };\n  };\n};\n'
    )

    file = parse_file("a.dts", data)

    assert [(s.name, s.scope, s.value) for s in file.symbols] == [
        ("/", None, None),
        ("i2c0", "/", 0x4000),
        ("t", "i2c0", 0x48),
    ]
    assert file.symbols[2].declaration == "xy12@48 { compatible = acme,xy12 }"
    assert file.strings == ("acme,xy12",)


def test_assembler_labels_are_functions() -> None:
    """Labels reach to the next label; constants have values, macros a name."""
    data = b".equ STACK, 0x400\n.macro push_all\n  push {r0}\n.endm\nReset_Handler:\n  bl main\nHang:\n  b Hang\n"

    symbols = {symbol.name: symbol for symbol in parse_file("start.s", data).symbols}

    assert (symbols["STACK"].kind, symbols["STACK"].value) == ("constant", 0x400)
    assert (symbols["push_all"].kind, symbols["push_all"].end_line) == ("macro", 4)
    assert (symbols["Reset_Handler"].line, symbols["Reset_Handler"].end_line) == (5, 6)
    assert "main" in symbols["Reset_Handler"].references


def test_linker_regions_are_constants() -> None:
    """A memory region's value is its origin, an assigned symbol's its value."""
    data = b"MEMORY {\n  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 64K\n}\n_stack = 0x400;\nPROVIDE(_end = .);\n"

    symbols = parse_file("app.ld", data).symbols

    assert [(s.name, s.form, s.value) for s in symbols] == [
        ("FLASH", "region", 0x0800_0000),
        ("_stack", "assignment", 0x400),
        ("_end", "assignment", None),
    ]


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("src/xy12.c", "driver"),
        ("drivers/sensor/xy12.c", "driver"),
        ("test/xy12_test.c", "test"),
        ("src/test_xy12.c", "test"),
        ("examples/read/main.c", "example"),
        ("third_party/lib/a.c", "vendored"),
        ("boards/abc/board.c", "board"),
        ("STM_HAL_Driver/Src/a.c", "hal"),
        ("src/main.c", "application"),
        ("docs/a.c", "document"),
        ("README.md", "document"),
        ("generated/regs.h", "generated"),
    ],
)
def test_path_has_its_role(path: str, role: str) -> None:
    """Directories and stems say what part a file plays."""
    assert role_of(path) == role


def test_language_is_told_by_name() -> None:
    """Endings in any case, Kconfig by name, linker input by its double ending."""
    paths = ("a.C", "b.hpp", "start.S", "Kconfig.projbuild", "x.lds.S", "a.overlay", "a.txt", "a.py")

    assert [language_of(path) for path in paths] == [
        "c",
        "cpp",
        "asm",
        "kconfig",
        "linker",
        "devicetree",
        "text",
        "other",
    ]
