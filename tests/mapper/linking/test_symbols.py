"""Level 3 as a whole: what is refused stays known, and what decides when names differ."""

from collections.abc import Callable
from dataclasses import replace

from mapper.linking import map_tree
from mapper.linking.confidence import ACCEPT, KNOTS, probability
from mapper.linking.matches import symbol_key
from mapper.linking.symbols import link_symbols
from mapper.linking.targets import SheetIndex
from mapper.linking.tree import TreeIndex
from mapper.model import Datasheet, Register, SourceFile

from_text = Callable[[str, str], SourceFile]


def test_a_refused_symbol_keeps_its_best_guesses(driver: list[SourceFile], sheet: Datasheet, source: from_text) -> None:
    """A name a little like a register's is no link, but its proposal stays with its score, for a closer look."""
    files = [*driver, source("src/drv_zq4071_more.c", "int zq4071_status_text_colour(void) { return 7; }\n")]

    ground, links = link_symbols(
        TreeIndex.of(files), SheetIndex(sheet), ["src/drv_zq4071_more.c"], ["zq4071"], repo_family="demo"
    )

    (symbol,) = [s for s in files[-1].symbols if s.kind == "function"]
    assert not links
    assert "Status" in {match.anchor.register for match in ground.found[symbol_key(symbol)]}
    assert all(probability(match.raw) < ACCEPT for match in ground.found[symbol_key(symbol)])


def test_where_other_definitions_agree_an_address_decides_alone(source: from_text, sheet: Datasheet) -> None:
    """Four registers agree in name and address, so the fifth with a name of its own is the register at its address."""
    extra = replace(sheet, registers=(*sheet.registers, Register(name="Gain", address=0x09, page=9)))
    text = "".join(
        f"#define ZQ4071_REG_{name} {value:#04x}\n"
        for name, value in (("CONTROL", 0), ("SAMPLE_RATE", 1), ("STATUS", 2), ("INT_THRESH_H", 5), ("AMPLIFIER", 9))
    )

    found = [k for k in map_tree([source("src/zq4071.h", text)], [extra], repo_family="demo").links if k.rank == 1]

    assert {k.symbol.name: k.anchor.register for k in found}["ZQ4071_REG_AMPLIFIER"] == "Gain"


def test_a_small_address_alone_makes_no_link(source: from_text, sheet: Datasheet) -> None:
    """Without other definitions that agree, a register's number says nothing."""
    text = "#define ZQ4071_REG_AMPLIFIER 0x02\n"

    assert not map_tree([source("src/zq4071.h", text)], [sheet], repo_family="demo").links


def test_probabilities_grow_with_the_raw_score() -> None:
    """The curve is monotone from nothing to its last knot, beyond both ends too."""
    values = [probability(step / 50) for step in range(-5, 56)]

    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.0, KNOTS[-1][1])


def test_a_command_is_no_register_at_its_code(source: from_text, sheet: Datasheet) -> None:
    """The code of a command may be some register's address; the two are different spaces."""
    extra = replace(sheet, registers=(*sheet.registers, Register(name="Gain", address=0x09, page=9)))
    text = "".join(
        f"#define ZQ4071_{name} {value:#04x}\n"
        for name, value in (("REG_CONTROL", 0), ("REG_SAMPLE_RATE", 1), ("REG_STATUS", 2), ("REG_INT_THRESH_H", 5))
    )

    mapping = map_tree([source("src/zq4071.h", text + "#define ZQ4071_CMD_WAKE 0x09\n")], [extra], repo_family="demo")

    assert "ZQ4071_CMD_WAKE" not in {link.symbol.name for link in mapping.links}


def test_on_and_off_are_one_printed_command(source: from_text, sheet: Datasheet) -> None:
    """The datasheet prints A6h for both, the lowest bit is the choice; a command of another name is another one."""
    command = Register(name="Set normal/inverse display", address=0xA6, page=9, role="command")
    text = "#define ZQ4071_CMD_INVERSE_DISPLAY 0xA7\n#define ZQ4071_CMD_DEEP_SLEEP 0xA7\n"

    mapping = map_tree([source("src/zq4071.h", text)], [replace(sheet, registers=(command,))], repo_family="demo")

    assert {(link.symbol.name, link.anchor.page) for link in mapping.links} == {("ZQ4071_CMD_INVERSE_DISPLAY", 9)}
