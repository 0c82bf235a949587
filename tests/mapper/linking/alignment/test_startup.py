"""Functions that bring a device up."""

from collections.abc import Callable
from dataclasses import replace

from mapper.linking import map_tree
from mapper.model import Datasheet, Register, Section, SourceFile, TraceLink

from_text = Callable[[str, str], SourceFile]

HEADER = """#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
#define ZQ4071_REG_CHIP_ID 0x0F
"""


def top_of(source: from_text, sheet: Datasheet, body: str, title: str = "Overview") -> TraceLink | None:
    """Return the best link of an init with this body, where a section of this title stands on page 4."""
    identity = Register(name="CHIP_ID", address=0x0F, page=11, section_path=("Registers", "CHIP_ID register"))
    procedure = Section(
        title=title, number=None, level=1, path=(title,), page=4, end_page=4, text="", content_hash="ef" * 32
    )
    known = replace(sheet, registers=(*sheet.registers, identity), sections=(*sheet.sections, procedure))
    text = f"{HEADER}int zq4071_init(void) {{ {body} }}\n"
    links = map_tree([source("src/zq4071.c", text)], [known], repo_family="demo").links
    return next((link for link in links if link.symbol.name == "zq4071_init"), None)


STEPS = "rd(ZQ4071_REG_CHIP_ID); wr(ZQ4071_REG_CONTROL, 1); wr(ZQ4071_REG_SAMPLE_RATE, 2);"


def test_an_init_that_writes_several_registers_is_the_printed_procedure(source: from_text, sheet: Datasheet) -> None:
    """Three registers in turn and a section on initialisation: that section."""
    link = top_of(source, sheet, STEPS, "Initialisation")

    assert link is not None
    assert (link.anchor.title, link.anchor.page) == ("Initialisation", 4)


def test_an_init_without_a_printed_procedure_is_the_identity_it_checks(source: from_text, sheet: Datasheet) -> None:
    """Where no section tells the steps, what the body checks first is what it stands for."""
    link = top_of(source, sheet, STEPS)

    assert link is not None
    assert link.anchor.register == "CHIP_ID"


def test_an_init_of_callbacks_is_plumbing(source: from_text, sheet: Datasheet) -> None:
    """A body that uses no register is the driver's own matter, whatever the datasheet's sections."""
    assert top_of(source, sheet, "bus_open();", "Initialisation") is None


def test_the_procedure_of_a_block_is_for_functions_of_its_name(source: from_text, sheet: Datasheet) -> None:
    """Configuring the UART is no procedure of the device as a whole."""
    link = top_of(source, sheet, "wr(ZQ4071_REG_CONTROL, 1); wr(ZQ4071_REG_SAMPLE_RATE, 2);", "Configuring the UART")

    assert link is None
