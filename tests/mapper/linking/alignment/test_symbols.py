"""Level 3 as a whole: what is refused stays known, and what decides when names differ."""

from collections.abc import Callable
from dataclasses import replace

from mapper.linking import map_tree
from mapper.linking.alignment.matches import symbol_key
from mapper.linking.alignment.symbols import link_symbols
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.confidence import ACCEPT, KNOTS, probability
from mapper.linking.index.tree import TreeIndex
from mapper.model import Datasheet, Parameter, Register, SourceFile

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


def test_the_table_tells_commands_of_one_description_apart(source: from_text, sheet: Datasheet) -> None:
    """Two codes are described together under one title: the table's page that lists each comes first."""
    path = ("Commands", "Display on/off (AEh/AFh)")
    commands = tuple(
        Register(name="Display on/off", address=a, page=9, overview_pages=(7,), section_path=path, role="command")
        for a in (0xAE, 0xAF)
    )
    alone = Register(
        name="Display offset",
        address=0xD3,
        page=10,
        overview_pages=(7,),
        section_path=("Commands", "Display offset (D3h)"),
        role="command",
    )
    pages = (*sheet.pages[:8], "Display on/off (AEh/AFh)", "Display offset (D3h)", *sheet.pages[10:])
    text = "#define ZQ4071_CMD_DISPLAY_ON 0xAF\n#define ZQ4071_CMD_DISPLAY_OFFSET 0xD3\n"

    known = replace(sheet, registers=(*commands, alone), pages=pages)
    links = map_tree([source("src/zq4071.h", text)], [known], repo_family="demo").links

    tops = {link.symbol.name: link.anchor.page for link in links if link.rank == 1}
    assert tops == {"ZQ4071_CMD_DISPLAY_ON": 7, "ZQ4071_CMD_DISPLAY_OFFSET": 10}


def test_a_name_goes_before_a_neighbours_address(source: from_text, sheet: Datasheet) -> None:
    """A file that shifts its addresses points to other registers; one with just the name is meant."""
    other = Register(name="Statics", address=0x04, page=10, section_path=("Registers", "Statics"))
    known = replace(sheet, registers=(*sheet.registers[:2], Register(name="Status", address=0x02, page=9), other))

    links = map_tree([source("src/zq4071.h", "#define ZQ4071_REG_STATUS 0x04\n")], [known], repo_family="demo").links

    assert [link.anchor.register for link in links if link.rank == 1] == ["Status"]


def test_a_type_of_results_is_no_status_register(source: from_text, sheet: Datasheet) -> None:
    """An enum that says OK or error tells how a call went, however much its name reads like a register's."""
    text = "typedef enum { ZQ4071_OK = 0, ZQ4071_ERROR_BUS = 1 } zq4071_status_t;\n#define ZQ4071_REG_STATUS 0x02\n"

    links = map_tree([source("src/zq4071.h", text)], [sheet], repo_family="demo").links

    assert {link.symbol.name for link in links} == {"ZQ4071_REG_STATUS"}


def test_a_default_stands_for_the_field_it_is_chosen_for(source: from_text, sheet: Datasheet) -> None:
    """A value that the field holds, under the field's name; a value too wide for it is another thing."""
    text = "#define ZQ4071_DEFAULT_SAMPLE_RATE 3\n#define ZQ4071_DRDY_DEFAULT 40\n"

    links = map_tree([source("src/zq4071.h", text)], [sheet], repo_family="demo").links

    tops = {link.symbol.name: link.anchor.field for link in links if link.rank == 1}
    assert tops == {"ZQ4071_DEFAULT_SAMPLE_RATE": "SAMPLE_RATE"}


def test_a_limit_is_the_row_that_prints_its_value(source: from_text, sheet: Datasheet) -> None:
    """Several rows print a supply voltage: the one with the definition's own number comes first."""
    rows = (
        Parameter(name="Supply voltage", min="1.7", max="3.6", unit="V", page=3),
        Parameter(name="Supply voltage of the panel", min="7", max="15", unit="V", page=5),
    )
    text = "#define SUPPLY_VOLTAGE_MAX 15.0f\n#define ZQ4071_REG_STATUS 0x02\n"

    known = replace(
        sheet,
        parameters=rows,
        sections=(
            *sheet.sections,
            replace(sheet.sections[0], title="DC limits", path=("DC limits",), page=5, end_page=5),
        ),
    )
    links = map_tree([source("src/zq4071.h", text)], [known], repo_family="demo").links

    assert {k.symbol.name: k.anchor.page for k in links if k.rank == 1}["SUPPLY_VOLTAGE_MAX"] == 5


def test_a_handles_state_and_a_drivers_table_are_its_own(source: from_text, sheet: Datasheet) -> None:
    """The state of a handle is kept by software, a table of device ids binds a driver."""
    text = (
        "typedef struct { int Status; volatile unsigned State; } ZQ4071_HandleTypeDef;\n"
        'static const struct i2c_device_id zq4071_id[] = { { "zq4071" } };\n#define ZQ4071_REG_STATUS 0x02\n'
    )

    links = map_tree([source("src/zq4071.h", text)], [sheet], repo_family="demo").links

    assert {link.symbol.name for link in links} == {"ZQ4071_REG_STATUS"}
