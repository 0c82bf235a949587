"""The register chapters: an overview table, then each register with its bits and its fields."""

from collections.abc import Sequence

from reportlab.platypus import KeepTogether, Paragraph

from deploy.demo.model import Block, Field, Part, Register
from deploy.demo.sheets.layout import BODY, CELL, Story
from deploy.demo.sheets.tables import Cell, grid

MAX_KEPT_HEIGHT = 420.0  # points; a register is kept on one page up to here
_ACCESS_WORDS = {
    "h": {"r": "R", "w": "W", "rw": "R/W", "rc": "RC", "w1c": "R/W1C"},
    "0x": {"r": "r", "w": "w", "rw": "rw", "rc": "rc", "w1c": "rw1c"},
}


def access_word(part: Part, access: str) -> str:
    """Return an access as this part's datasheet prints it."""
    return _ACCESS_WORDS[part.hex_style][access]


def reset_word(part: Part, register: Register) -> str:
    """Return the reset value as printed, with all its digits."""
    return part.hexadecimal(register.reset, register.width // 4)


def overview(story: Story, part: Part, block: Block, caption: str) -> None:
    """Add the table that lists all registers of a block."""
    story.caption(caption)
    if part.overview_style == "ruled" and part.bus != "memory":
        story.add(_bit_overview(story, part, block))
    else:
        offset = "Offset" if part.bus == "memory" else "Address"
        head = (offset, "Register" if part.bus == "memory" else "Name", "Access", "Reset", "Description")
        rows: list[Sequence[Cell]] = [head]
        for register in block.registers:
            rows.append(
                (
                    part.hexadecimal(register.address),
                    story.marked(register.name, ("overview", block.name, register.name)),
                    access_word(part, register.access),
                    reset_word(part, register),
                    Paragraph(register.title, CELL),
                )
            )
        story.add(grid(rows, (10, 20, 10, 16, 44), part.overview_style))
    story.space(8)


def _bit_overview(story: Story, part: Part, block: Block) -> Cell:
    """Return the overview with one column for each bit; a field spans its bits."""
    rows: list[Sequence[Cell]] = [("Addr", "Name", "Type", "Reset", *(f"Bit {bit}" for bit in range(7, -1, -1)))]
    extra: list[tuple[object, ...]] = [("FONTSIZE", (0, 0), (-1, -1), 6.2), ("ALIGN", (4, 0), (-1, -1), "CENTER")]
    for index, register in enumerate(block.registers, start=1):
        cells = [""] * 8
        for field in register.fields or (Field(name=f"{register.name}[7:0]", high=7, low=0, text=""),):
            column = 7 - field.high
            cells[column] = f"{field.name}[{field.width - 1}:0]" if field.width > 1 and register.fields else field.name
            if field.width > 1:
                extra.append(("SPAN", (4 + column, index), (4 + 7 - field.low, index)))
        taken = {bit for field in register.fields for bit in range(field.low, field.high + 1)}
        if register.fields:
            for bit in set(range(8)) - taken:
                cells[7 - bit] = "-"
        name = story.marked(register.name, ("overview", block.name, register.name), CELL)
        name.style = name.style.clone("small", fontSize=6.5)
        rows.append(
            (
                part.hexadecimal(register.address),
                name,
                access_word(part, register.access),
                reset_word(part, register),
                *cells,
            )
        )
    return grid(rows, (6.5, 15, 6.5, 8, *([9.6] * 8)), "ruled", *extra)


def register_section(story: Story, part: Part, block: Block, register: Register, level: int) -> None:
    """Add the section of one register: heading, text, bits and field table."""
    num_lines = len(register.fields) + sum(len(field.values) for field in register.fields)
    height = (170 if register.width == 8 else 240) + 15 * num_lines
    story.keep_next(min(height, MAX_KEPT_HEIGHT))
    story.heading(level, _heading(part, register), ("description", block.name, register.name))
    if part.bus == "memory":
        story.add(Paragraph(f"Address offset: {part.hexadecimal(register.address)}", BODY))
        story.add(Paragraph(f"Reset value: {_grouped(register)}", BODY))
    story.prose((register.text,))
    story.add(KeepTogether([_bit_table(part, register)]))
    story.space(5)
    if register.fields:
        story.caption(f"{register.name} field descriptions")
        story.add(_field_table(story, part, block, register))
    story.space(8)


def _heading(part: Part, register: Register) -> str:
    address = part.hexadecimal(register.address)
    if part.bus == "memory":
        return f"{register.name} {register.title.lower()}"
    if part.overview_style == "columns":
        return f"{register.name} ({address})"
    if part.overview_style == "rules":
        return f"{register.name} Register (Address = {address}) [Reset = {reset_word(part, register)}]"
    return f"{register.name} ({address})"


def _grouped(register: Register) -> str:
    digits = f"{register.reset:08X}"
    return f"0x{digits[:4]} {digits[4:]}"


def _bit_table(part: Part, register: Register) -> Cell:
    """Return the bit diagram: rows of 8 or 16 bits with number, name and access."""
    per_row = 16 if register.width == 32 else 8
    rows: list[list[Cell]] = []
    extra: list[tuple[object, ...]] = [
        ("ALIGN", (0, 0), (-1, -1), "CENTER"),
        ("FONTSIZE", (0, 0), (-1, -1), 4.6 if per_row == 16 else 7.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 1),
        ("RIGHTPADDING", (0, 0), (-1, -1), 1),
    ]
    fields = register.fields or (
        Field(name=register.name, high=register.width - 1, low=0, text="", access=register.access),
    )
    for top in range(register.width - 1, -1, -per_row):
        bottom = top - per_row + 1
        line = len(rows)
        names, access = [""] * per_row, [""] * per_row
        for field in fields:
            high, low = min(field.high, top), max(field.low, bottom)
            if high >= low:
                names[top - high] = (
                    f"{field.name}[{high - field.low}:{low - field.low}]" if field.width > 1 else field.name
                )
                access[top - high] = access_word(part, field.access)
                if high > low:
                    extra += [("SPAN", (top - high, line + row), (top - low, line + row)) for row in (1, 2)]
        taken = {bit for field in fields for bit in range(field.low, field.high + 1)}
        for bit in range(bottom, top + 1):
            if bit not in taken:
                names[top - bit] = "Res." if per_row == 16 else "Reserved"
        rows += [[str(bit) for bit in range(top, bottom - 1, -1)], list(names), list(access)]
        extra.append(("BACKGROUND", (0, line), (-1, line), "#e4ebf1"))
        if line:
            extra.append(("FONTNAME", (0, line), (-1, line), "Helvetica-Bold"))
    return grid(rows, [1.0] * per_row, "ruled", *extra)


def _field_table(story: Story, part: Part, block: Block, register: Register) -> Cell:
    head = ("Bit", "Field", "Type", "Reset", "Description")
    rows: list[Sequence[Cell]] = [head]
    for field in sorted(register.fields, key=lambda f: -f.high):
        text = field.text
        digits = (field.width + 3) // 4
        for value in field.values:
            code = f"{value.code:0{field.width}b}" if field.width <= 3 else part.hexadecimal(value.code, digits)
            text += f"<br/>{code}: {value.name}, {value.text}"
        rows.append(
            (
                field.bits,
                story.marked(field.name, ("field", block.name, register.name, field.name)),
                access_word(part, field.access),
                part.hexadecimal(register.field_reset(field), digits),
                Paragraph(text, CELL),
            )
        )
    ruling = "ruled" if part.overview_style == "ruled" else "rules"
    return grid(rows, (8, 16, 9, 10, 57), ruling)  # type: ignore[arg-type]
