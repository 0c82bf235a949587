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


def test_kconfig_choices_menus_and_odd_lines() -> None:
    """A named choice is a parameter its entries refer to; a menu's dependency guards; a comment may end an entry."""
    data = b"""menu "Bus"
    depends on I2C || SPI
choice XY12_BUS
    prompt "Bus of the 'XY12'"
    default XY12_ON_I2C
config XY12_ON_I2C # the usual one
    bool "I2C"
config XY12_ON_SPI
    bool 'SPI'
endchoice
choice
    prompt "Without a name"
endchoice
menuconfig XY12_FAST
    def_tristate y if SPI
endmenu
config AFTER
    string "S"
    default "if"
"""

    symbols = {symbol.name: symbol for symbol in parse_file("Kconfig", data).symbols}

    assert list(symbols) == ["XY12_BUS", "XY12_ON_I2C", "XY12_ON_SPI", "XY12_FAST", "AFTER"]
    assert (symbols["XY12_BUS"].form, symbols["XY12_BUS"].comment) == ("choice", "Bus of the 'XY12'")
    assert [symbols[name].references for name in ("XY12_ON_I2C", "XY12_ON_SPI")] == [("XY12_BUS",)] * 2
    assert (symbols["XY12_FAST"].value, symbols["XY12_FAST"].references) == (1, ())
    assert [symbol.guard for symbol in symbols.values()] == ["I2C || SPI"] * 4 + [None]


def test_kconfig_help_ends_left_of_its_first_line() -> None:
    """Help may stand under its word without indentation, and hold the words of the language."""
    data = b"config A\n  int\n  help\n  if nobody\n  config is set,\n\n    more.\n default 3\nconfig B\n\tbool\n"

    first, second = parse_file("Kconfig", data).symbols

    assert (first.comment, first.value, first.end_line) == ("if nobody\nconfig is set,\nmore.", 3, 8)
    assert (second.name, second.guard) == ("B", None)


def test_kconfig_declaration_keeps_range_and_default() -> None:
    """What a value may be is read from the declaration."""
    rate = parse_file("Kconfig", KCONFIG).symbols[1]

    assert rate.declaration == 'config XY12_RATE; int "Samples a second"; range 1 100; default 0x10'


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


def test_device_tree_overlays_and_addresses() -> None:
    """A reference keeps its "&" and takes a label's or a path's name; a lone reg cell is an address."""
    data = b"""#define XY12_AT 0x48
&i2c0 { /* compatible = "not,this"; { */
    first: second: xy12 { compatible = "acme,xy12", "acme,xy1x"; reg = <XY12_AT>; };
    /omit-if-no-ref/ pins: pins { reg = <0 1>; };
};
&{/soc/uart@1000} { status = "okay"; };
"""

    symbols = {symbol.name: symbol for symbol in parse_file("a.overlay", data).symbols}

    assert list(symbols) == ["XY12_AT", "i2c0", "second", "pins", "/soc/uart@1000"]
    assert symbols["i2c0"].declaration == "&i2c0"
    assert (symbols["second"].scope, symbols["second"].value) == ("i2c0", 0x48)
    assert symbols["second"].declaration == "xy12 { compatible = acme,xy12, acme,xy1x }"
    assert (symbols["pins"].value, symbols["/soc/uart@1000"].scope) == (None, None)


def test_assembler_labels_are_functions() -> None:
    """Labels reach to the next label; constants have values, macros a name."""
    data = b".equ STACK, 0x400\n.macro push_all\n  push {r0}\n.endm\nReset_Handler:\n  bl main\nHang:\n  b Hang\n"

    symbols = {symbol.name: symbol for symbol in parse_file("start.s", data).symbols}

    assert (symbols["STACK"].kind, symbols["STACK"].value) == ("constant", 0x400)
    assert (symbols["push_all"].kind, symbols["push_all"].end_line) == ("macro", 4)
    assert (symbols["Reset_Handler"].line, symbols["Reset_Handler"].end_line) == (5, 6)
    assert "main" in symbols["Reset_Handler"].references


def test_start_up_code_of_another_assembler() -> None:
    """Labels without a colon before what fills them, numbers with an h, names of names."""
    data = b"""; Vectors: no label
Stack_Size      EQU     0400h
Top             EQU     Stack_Size + 4
__Vectors       DCD     __initial_sp               ; Top of Stack
                DCD     Reset_Handler
Reset_Handler   PROC
                BL      main
                ENDP
"""

    symbols = {symbol.name: symbol for symbol in parse_file("start.s", data).symbols}

    assert [symbols[name].value for name in ("Stack_Size", "Top")] == [0x400, 0x404]
    assert {"__initial_sp", "Reset_Handler"} <= set(symbols["__Vectors"].references)
    assert (symbols["Reset_Handler"].line, symbols["Reset_Handler"].end_line) == (6, 8)


def test_assembler_aliases_and_values() -> None:
    """A weak alias is a function, comments hold nothing, indented labels count, local ones do not."""
    data = b"""/* label: */ // .equ NO, 1
#define BASE 0x40000000
.set OFFSET, 0x10 // hm
REGISTER = BASE + OFFSET
  .Llocal: nop
    Hang: b Hang
.weak NMI_Handler
.thumb_set NMI_Handler,Hang
ENTRY(entry)
"""

    symbols = {symbol.name: symbol for symbol in parse_file("start.S", data).symbols}

    assert set(symbols) == {"BASE", "OFFSET", "REGISTER", "Hang", "NMI_Handler", "entry"}
    assert symbols["REGISTER"].value == 0x4000_0010
    assert (symbols["NMI_Handler"].kind, symbols["NMI_Handler"].references[-1]) == ("function", "Hang")


def test_linker_regions_are_constants() -> None:
    """A memory region's value is its origin, an assigned symbol's its value."""
    data = b"MEMORY {\n  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 64K\n}\n_stack = 0x400;\nPROVIDE(_end = .);\n"

    symbols = parse_file("app.ld", data).symbols

    assert [(s.name, s.form, s.value) for s in symbols] == [
        ("FLASH", "region", 0x0800_0000),
        ("_stack", "assignment", 0x400),
        ("_end", "assignment", None),
    ]


def test_linker_sizes_names_and_comments() -> None:
    """K and M count, what was assigned before counts, two assignments share a line, comments and sections are none."""
    data = b"""/* _old = 1; */
#define RAM_KB 8
MEMORY { RAM (rwx) : ORIGIN = 0x20000000 + 1K, LENGTH = 20K }
_size = (RAM_KB * 1K);
.text : { __start = .; KEEP(*(.vectors)) __end$ = .; } > RAM
PROVIDE_HIDDEN( _top = _size + (4) );
_pick = _size >= 4K ? 1 : 0;
. = ALIGN(4);
"""

    symbols = {symbol.name: symbol.value for symbol in parse_file("app.lds", data).symbols}

    assert symbols == {
        "RAM_KB": 8,
        "RAM": 0x2000_0400,
        "_size": 8192,
        "__start": None,
        "__end$": None,
        "_top": 8196,
        "_pick": 1,
    }


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
