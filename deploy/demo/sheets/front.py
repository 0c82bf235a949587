"""The title page and the contents list."""

from collections.abc import Mapping, Sequence

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import PageBreak, Paragraph, Table, TableStyle

from deploy.demo.model import Part
from deploy.demo.sheets.layout import BODY, BULLET, HEADINGS, INK, TEXT_WIDTH, ContentsLine, Key, Story
from deploy.demo.sheets.tables import grid

_NUMBER = ParagraphStyle("number", fontName="Helvetica-Bold", fontSize=26, leading=32, textColor=INK)
_TITLE = ParagraphStyle("title", fontName="Helvetica", fontSize=14, leading=18, spaceAfter=6)
_SUBTITLE = ParagraphStyle("subtitle", parent=BODY, fontName="Helvetica-Bold", fontSize=11, leading=14, spaceBefore=4)
_COLUMN_GAP = 18.0  # points


def title_page(story: Story, part: Part) -> None:
    """Add part number, title, features and applications in two columns, and the description."""
    story.add(Paragraph(part.number, _NUMBER), Paragraph(part.title, _TITLE))
    kind = "Reference manual" if part.bus == "memory" else "Datasheet"
    story.add(Paragraph(f"{kind} {part.document}, Revision {part.revision}, {part.date}", BODY))
    left = [Paragraph("Features", _SUBTITLE), *(Paragraph(text, BULLET, bulletText="\u2022") for text in part.features)]
    right = [
        Paragraph("Applications", _SUBTITLE),
        *(Paragraph(text, BULLET, bulletText="\u2022") for text in part.applications),
    ]
    column = (TEXT_WIDTH - _COLUMN_GAP) / 2
    columns = Table([[left, "", right]], colWidths=[column, _COLUMN_GAP, column])
    columns.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    story.add(columns, Paragraph("General description", _SUBTITLE))
    story.prose(part.summary)
    story.add(Paragraph("Device information", _SUBTITLE))
    rows = [(code, package, temperature) for code, temperature, package, _ in part.ordering]
    story.add(grid([("Order code", "Package", "Temperature range"), *rows], (40, 30, 30), "ruled"), PageBreak())


def contents(story: Story, headings: Sequence[tuple[str, str, int, Key]], pages: Mapping[Key, int]) -> None:
    """Add the contents list; its lines are as many in each pass, so pages do not move."""
    story.add(Paragraph("Contents", HEADINGS[0]))
    for number, title, level, key in headings:
        story.add(ContentsLine(f"{number}  {title}", pages.get(key, 0), level))
    story.add(PageBreak())
