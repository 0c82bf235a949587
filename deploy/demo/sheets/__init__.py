"""Write the datasheet of a device as a PDF."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reportlab.platypus import PageBreak, Paragraph

from deploy.demo.model import Part, Topic
from deploy.demo.revisions import Change
from deploy.demo.sheets.figures import BlockDiagram, TransferFrame
from deploy.demo.sheets.front import contents, title_page
from deploy.demo.sheets.layout import CELL, STEP, Key, Placement, Running, Story, render
from deploy.demo.sheets.registers import overview, register_section
from deploy.demo.sheets.tables import grid, limits_table, pins_table

__all__ = ["Placement", "write_sheet"]

MAX_LABEL_CHARS = 22
_FRAMES = {
    "i2c": (("S", "Address", "W", "A", "Register", "A", "Data", "A", "P"), "Register write over I2C"),
    "spi": (("CSN low", "Command", "Data 1", "Data 2", "...", "Data n", "CSN high"), "SPI transfer"),
    "memory": (("Address phase", "Data phase", "Wait states", "Data phase"), "Word access on the peripheral bus"),
}


def write_sheet(part: Part, path: Path, *, history: Sequence[Change] = ()) -> Placement:
    """Write one revision's PDF and return where everything stands in it.

    history is what this revision changed against the one before; it fills the revision history.
    """
    running = Running(part.number, part.document, part.revision, part.date)

    def compose(pages: Mapping[Key, int]) -> Story:
        body = Story(Placement())
        _body(body, part, history)
        front = Story(body.placement)
        title_page(front, part)
        contents(front, body.headings, pages)
        body.flowables = [*front.flowables, *body.flowables]
        return body

    return render(path, running, compose)


def _body(story: Story, part: Part, history: Sequence[Change]) -> None:
    story.heading(1, "Description")
    story.prose(part.summary)
    story.add(BlockDiagram([*_labels(part), *_extras(part)], "Figure 1. Block diagram"))
    story.heading(1, "Pin configuration and functions")
    pins_table(story, 1, part)
    story.heading(1, "Specifications")
    for number, (title, rows, ruling) in enumerate(
        (
            ("Absolute maximum ratings", part.ratings, "ruled"),
            ("Electrical characteristics", part.characteristics, "rules"),
            ("Timing requirements", part.timing, "columns"),
        ),
        start=2,
    ):
        story.heading(2, title)
        limits_table(story, number, title, rows, ruling)  # type: ignore[arg-type]
    story.heading(1, "Functional description")
    _topics(story, part.topics, 2)
    frame, caption = _FRAMES[part.bus]
    story.add(TransferFrame(frame, f"Figure 2. {caption}"))
    if part.commands:
        _commands(story, part)
    if part.bus == "memory":
        _peripherals(story, part)
    else:
        _device_registers(story, part)
    story.add(PageBreak())
    story.heading(1, "Application information")
    _topics(story, part.application, 2)
    _back(story, part, history)


def _labels(part: Part) -> list[str]:
    """Return the blocks' titles, or their short names where a title does not fit a box."""
    return [block.title if len(block.title) <= MAX_LABEL_CHARS else block.name for block in part.blocks]


def _extras(part: Part) -> list[str]:
    return (
        ["Serial interface", "Oscillator", "Reference", "Interrupt logic"] if part.bus != "memory" else ["Core", "SRAM"]
    )


def _topics(story: Story, topics: Sequence[Topic], level: int) -> None:
    for topic in topics:
        story.heading(level, topic.title)
        story.prose(topic.paragraphs)
        _topics(story, topic.children, level + 1)


def _commands(story: Story, part: Part) -> None:
    story.heading(1, "Command set")
    story.prose(("Every SPI transfer starts with one of the following command bytes.",))
    story.caption("Table 5. Commands")
    rows = [
        (
            story.marked(command.name, ("command", command.name)),
            part.hexadecimal(command.opcode),
            command.operands,
            Paragraph(command.text, CELL),
        )
        for command in part.commands
    ]
    story.add(grid([("Command", "Opcode", "Operands", "Description"), *rows], (18, 12, 18, 52), "ruled"))


def _procedures(story: Story, part: Part, block: str, level: int) -> None:
    for procedure in part.procedures:
        if procedure.block == block:
            story.heading(level, procedure.title, ("procedure", procedure.name))
            story.prose(procedure.intro)
            for number, step in enumerate(procedure.steps, start=1):
                story.add(Paragraph(step.text, STEP, bulletText=f"{number}."))
            story.space(4)


def _device_registers(story: Story, part: Part) -> None:
    story.heading(1, "Programming")
    _procedures(story, part, "", 2)
    story.add(PageBreak())
    (block,) = part.blocks
    story.heading(1, block.title)
    story.prose(block.text)
    overview(story, part, block, f"Table {6 if part.commands else 5}. Register overview")
    story.heading(1, "Register description")
    for register in block.registers:
        register_section(story, part, block, register, 2)


def _peripherals(story: Story, part: Part) -> None:
    story.heading(1, "Peripheral instances")
    story.caption("Table 5. Base addresses")
    rows = [
        (name, f"0x{base:08X}", f"0x{base + 0x3FF:08X}", block.title)
        for block in part.blocks
        for name, base in block.instances
    ]
    story.add(grid([("Instance", "Base address", "End address", "Peripheral"), *rows], (15, 22, 22, 41), "ruled"))
    for number, block in enumerate(part.blocks, start=6):
        story.add(PageBreak())
        story.heading(1, f"{block.title} ({block.name})")
        story.prose(block.text)
        story.heading(2, f"{block.name} register map")
        overview(story, part, block, f"Table {number}. {block.name} registers")
        _procedures(story, part, block.name, 2)
        story.heading(2, f"{block.name} registers")
        for register in block.registers:
            register_section(story, part, block, register, 3)


def _back(story: Story, part: Part, history: Sequence[Change]) -> None:
    story.heading(1, "Ordering information")
    head = ("Order code", "Temperature range", "Package", "Packing")
    story.add(grid([head, *part.ordering], (30, 26, 22, 22), "ruled"))
    story.heading(1, "Revision history")
    rows = [("A", "January 2024", "Initial release")]
    rows += [(part.revision, part.date, Paragraph(change.note, CELL)) for change in history]
    story.add(grid([("Revision", "Date", "Change"), *rows], (14, 22, 64), "columns"))
    story.space(12)
    story.prose(("Specifications are subject to change without notice. This device does not exist.",))
