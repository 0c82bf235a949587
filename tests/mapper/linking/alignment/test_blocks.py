"""Structs of registers, in the styles of microcontroller headers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mapper.linking import map_tree
from mapper.linking.alignment.blocks import blocks_of
from mapper.linking.alignment.targets import SheetIndex
from mapper.model import BitField, Datasheet, Mapping, Register, SourceFile, TraceLink

from_text = Callable[[str, str], SourceFile]

STRUCTS = """
#define __IO volatile
typedef struct {
  __IO uint32_t CTRL;
  __IO uint32_t DIVIDER;
  uint32_t RESERVED0[2];
  __IO uint32_t LVL;
} ZQ_Timer_TypeDef;
typedef struct {
  __IO uint32_t CTRL;
  __IO uint32_t STATUS;
  __IO uint16_t DATA;
  __IO uint16_t LEVEL;
  __IO uint32_t SPEED;
} ZQ_Serial_TypeDef;
#define ZQ_TIMER0_BASE 0x40004000
#define ZQ_TIMER0 ((ZQ_Timer_TypeDef *) ZQ_TIMER0_BASE)
"""
CHAPTERS = {
    "Timer": (("CTRL", 0x00), ("DIVIDER", 0x04), ("LIMIT", 0x10)),
    "Serial": (("CTRL", 0x00), ("STATUS", 0x04), ("DATA", 0x08), ("BAUD", 0x0C)),
}


@pytest.fixture(params=[0, 0x40004000])
def chip(request: pytest.FixtureRequest, sheet: Datasheet) -> Datasheet:
    """A manual with two chapters whose first registers share name and offset, by offset or by absolute address."""
    registers = tuple(
        Register(
            name=name,
            address=offset + (request.param + 0x400 * number if request.param else 0),
            width=32,
            fields=(BitField(name="V", high=31, low=0, page=20 + 10 * number + place),),
            page=20 + 10 * number + place,
            section_path=("Peripherals", chapter, name),
        )
        for number, (chapter, held) in enumerate(CHAPTERS.items())
        for place, (name, offset) in enumerate(held)
    )
    return replace(sheet, registers=registers)


def top(mapping: Mapping, scope: str, name: str) -> TraceLink | None:
    links = [k for k in mapping.links if k.rank == 1 and k.symbol.name == name]
    return next((k for k in links if (k.symbol.scope or "").endswith(scope)), None)


@pytest.mark.parametrize(
    ("scope", "name", "page"),
    [("Timer_TypeDef", "CTRL", 20), ("Timer_TypeDef", "LVL", 22), ("Serial_TypeDef", "CTRL", 30)],
)
def test_a_member_stands_for_the_register_at_its_offset(
    source: from_text, chip: Datasheet, scope: str, name: str, page: int
) -> None:
    """Each struct finds its own chapter by all its members, and a member with a name of its own its register."""
    mapping = map_tree([source("inc/zq4071.h", STRUCTS)], [chip], repo_family="demo")

    found = top(mapping, scope, name)
    assert found is not None
    assert (found.anchor.page, found.method) == (page, "block offset")


def test_two_chapters_with_the_same_register_are_two_registers(chip: Datasheet) -> None:
    """Name and address agree, but both are described, each in its own chapter."""
    index = SheetIndex(chip)

    assert sorted(t.register.page for t in index.registers if t.register and t.register.name == "CTRL") == [20, 30]
    assert {block.path[-1] for block in blocks_of(index)} == {"Timer", "Serial"}


def test_an_instance_stands_for_its_type(source: from_text, chip: Datasheet) -> None:
    """A pointer to a block, cast from its base address, leads to the registers of the block's chapter."""
    mapping = map_tree([source("inc/zq4071.h", STRUCTS)], [chip], repo_family="demo")

    found = next((k for k in mapping.links if k.symbol.name == "ZQ_TIMER0" and k.rank == 1), None)
    assert found is not None
    assert (found.anchor.page, found.method) == (20, "instance")


def test_a_struct_that_fits_no_chapter_is_left_to_its_names(source: from_text, chip: Datasheet) -> None:
    """Offsets that no chapter has decide nothing."""
    text = "typedef struct { volatile uint8_t one; volatile uint8_t two; volatile uint8_t three; } zq4071_odd_t;\n"

    mapping = map_tree([source("inc/zq4071.h", text)], [chip], repo_family="demo")

    assert not [k for k in mapping.links if k.method == "block offset"]
