"""The tables of a datasheet: full grid, horizontal rules, or white space only."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from reportlab.lib import colors
from reportlab.platypus import Paragraph, Table, TableStyle

from deploy.demo.model import Limit, Part
from deploy.demo.sheets.layout import CELL, INK, SHADE, TEXT_WIDTH, Story

Ruling = Literal["ruled", "columns", "rules"]
Cell: TypeAlias = str | Paragraph


def styled(ruling: Ruling, *extra: tuple[object, ...]) -> TableStyle:
    """Return the style of a table with one header row."""
    base: list[tuple[object, ...]] = [
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 8),
        ("FONT", (0, 1), (-1, -1), "Helvetica", 8),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    if ruling == "ruled":
        base += [("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("BACKGROUND", (0, 0), (-1, 0), SHADE)]
    elif ruling == "rules":
        base += [
            ("LINEABOVE", (0, 0), (-1, 0), 1, INK),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
            ("LINEBELOW", (0, 1), (-1, -1), 0.3, colors.grey),
        ]
    return TableStyle([*base, *extra])


def grid(rows: Sequence[Sequence[Cell]], widths: Sequence[float], ruling: Ruling, *extra: tuple[object, ...]) -> Table:
    """Return a table whose header row repeats on each page; widths are relative and fill the text width."""
    total = sum(widths)
    table = Table(
        [list(row) for row in rows],
        colWidths=[TEXT_WIDTH * width / total for width in widths],
        repeatRows=1,
        hAlign="LEFT",
    )
    table.setStyle(styled(ruling, *extra))
    return table


def limits_table(story: Story, number: int, title: str, rows: Sequence[Limit], ruling: Ruling) -> None:
    """Add a table of limits."""
    story.caption(f"Table {number}. {title}")
    body = [
        (r.symbol, Paragraph(r.parameter, CELL), Paragraph(r.condition, CELL), r.low, r.typical, r.high, r.unit)
        for r in rows
    ]
    head = ("Symbol", "Parameter", "Conditions", "Min", "Typ", "Max", "Unit")
    story.add(grid([head, *body], (10, 25, 22, 11, 9, 14, 8), ruling))
    story.space(8)


def pins_table(story: Story, number: int, part: Part) -> None:
    """Add the pin table; it has no vertical rules."""
    story.caption(f"Table {number}. Pin functions")
    body = [(pin.number, pin.name, pin.kind, Paragraph(pin.text, CELL)) for pin in part.pins]
    story.add(grid([("Pin", "Name", "Type", "Description"), *body], (7, 14, 18, 60), "rules"))
    story.space(8)
