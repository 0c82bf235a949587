"""Base addresses of blocks: the table that prints them, and registers at base + offset."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mapper.linking import map_tree
from mapper.linking.alignment.definitions import DEREFERENCED
from mapper.linking.index.bases import block_addresses, is_base_name
from mapper.model import Datasheet, Mapping, Register, Section, SourceFile, TraceLink

from_text = Callable[[str, str], SourceFile]

TABLE = (
    "Instance Base address End address\nPORT0 0x40004400 0x400047FF\nPORT1 0x4000 4800 0x4000 4BFF\nPORT0 pins PORT1"
)
BASES = """
#define BUS_BASE 0x40000000UL
#define PORT0_BASE (BUS_BASE + 0x4400UL)
#define ZQ_PORT1_BASE_ADDR 0x40004800
#define PORT2_BASE 0x40004C00
"""
OFFSETS = """
#define PORT0_CONTROL (PORT0_BASE + 0x00)
#define PORT0_LEVEL (PORT0_BASE + 0x08)
#define PORT0_EDGE *((volatile unsigned *)(PORT0_BASE + 0x0C))
"""


@pytest.fixture
def block_sheet(sheet: Datasheet) -> Datasheet:
    """The datasheet of a chip with two instances of a block, whose registers are printed by offset."""
    table = Section(
        title="Instances", number=None, level=1, path=("Instances",), page=3, end_page=3, text=TABLE, content_hash="0"
    )
    registers = tuple(
        Register(name=f"PORT_{name}", address=address, page=8, section_path=("Port", "Port registers", name))
        for name, address in (("CONTROL", 0), ("MASK", 4), ("LEVEL", 8), ("EDGE", 12))
    )
    pages = (*sheet.pages[:2], TABLE, *sheet.pages[3:])
    return replace(sheet, sections=(*sheet.sections, table), registers=registers, pages=pages)


def top(mapping: Mapping, name: str) -> TraceLink | None:
    return next((link for link in mapping.links if link.symbol.name == name and link.rank == 1), None)


@pytest.mark.parametrize("name", ["PORT0_BASE", "ZQ_PORT1_BASE_ADDR"])
def test_a_base_links_to_the_row_of_its_instance(source: from_text, block_sheet: Datasheet, name: str) -> None:
    """The table that prints instance and base address side by side is the anchor, with a prefix and in digit groups."""
    found = top(map_tree([source("src/zq4071.h", BASES)], [block_sheet], repo_family="demo"), name)

    assert found is not None
    assert (found.anchor.kind, found.anchor.place, found.anchor.path, found.anchor.page, found.method) == (
        "table", "table", ("Instances",), 3, "base address",
    )  # fmt: skip


def test_a_base_that_no_row_prints_has_no_link(source: from_text, block_sheet: Datasheet) -> None:
    """The name of an instance with another address, or the address alone, is not enough."""
    mapping = map_tree([source("src/zq4071.h", BASES)], [block_sheet], repo_family="demo")

    assert (top(mapping, "PORT2_BASE"), top(mapping, "BUS_BASE")) == (None, None)


@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize(("name", "register"), [("PORT0_LEVEL", "PORT_LEVEL"), ("PORT0_EDGE", "PORT_EDGE")])
def test_base_plus_offset_links_by_address(
    source: from_text, block_sheet: Datasheet, is_split: bool, name: str, register: str
) -> None:
    """A register at base + offset is found by its offset, the base in the same file or in another one."""
    texts = {"src/zq4071_map.h": BASES, "src/zq4071_port.h": OFFSETS} if is_split else {"src/zq4071.h": BASES + OFFSETS}

    mapping = map_tree([source(*item) for item in texts.items()], [block_sheet], repo_family="demo")

    found = top(mapping, name)
    assert found is not None
    assert (found.anchor.register, found.method) == (register, "address+name")
    assert not [conflict for conflict in mapping.conflicts if conflict.kind == "address"]


def test_a_base_in_another_file_leads_to_absolute_addresses(source: from_text, block_sheet: Datasheet) -> None:
    """Of registers with one offset in two blocks the one at the absolute address is meant."""
    both = [
        Register(name="LEVEL", address=base + 8, page=page, section_path=(block, "LEVEL"))
        for block, base, page in (("Input", 0x40004400, 8), ("Output", 0x40005400, 9))
    ]
    files = [source("src/zq4071_map.h", BASES), source("src/zq4071_port.h", OFFSETS)]

    mapping = map_tree(files, [replace(block_sheet, registers=tuple(both))], repo_family="demo")

    assert {link.anchor.page for link in mapping.links if link.symbol.name == "PORT0_LEVEL"} == {8}


def test_only_one_known_base_makes_a_sum() -> None:
    """The base is known by its name; of two bases, or without one, nothing is read."""
    bases = {"PORT0_BASE": 0x40004400, "PORT1_BASEADDR": 0x40004800}

    assert [name for name in (*bases, "BASELINE", "LEVEL") if is_base_name(name)] == [*bases]
    assert block_addresses(["PORT0_BASE", "LEVEL"], 0x40004408, bases) == (8, 0x40004408)
    assert block_addresses(["PORT0_BASE"], 8, bases) == (8, 0x40004408)
    assert block_addresses(["PORT0_BASE", "PORT1_BASEADDR"], 8, bases) is None
    assert block_addresses(["LEVEL"], 8, bases) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(*(volatile uint32_t *)(A_BASE + 4))", True), ("*((volatile unsigned *)0x40)", True),
     ("((A_TypeDef *)A_BASE)", False), ("(*(volatile struct a_regs *)A_BASE)", False), ("((uint32_t *)0x40)", False)],
)  # fmt: skip
def test_a_number_read_through_a_pointer_is_a_register(text: str, expected: bool) -> None:
    """A pointer to a block, or a block itself, is an instance and no register."""
    assert (DEREFERENCED.search(text) is not None) is expected
