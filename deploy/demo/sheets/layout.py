"""The page: styles, running header and footer, numbered headings with outline entries, and what landed where.

A document is laid out twice: the first pass tells the pages that the contents list of the second one prints.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_JUSTIFY, TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, PageTemplate, Paragraph, Spacer

VENDOR = "Veldra Semiconductor"
Key = tuple[str, ...]
"""What stands somewhere: ("description", block, register), ("field", block, register, field), ("procedure", name)..."""

INK = colors.HexColor("#12344d")
SHADE = colors.HexColor("#e4ebf1")
WIDTH, HEIGHT = A4
MARGIN = 54.0  # points
TEXT_WIDTH = WIDTH - 2 * MARGIN

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9.5, leading=12.5, alignment=TA_JUSTIFY, spaceAfter=6)
CELL = ParagraphStyle("cell", fontName="Helvetica", fontSize=8, leading=9.8)
CELL_BOLD = ParagraphStyle("cell-bold", parent=CELL, fontName="Helvetica-Bold")
CAPTION = ParagraphStyle("caption", parent=CELL_BOLD, fontSize=8.5, spaceBefore=6, spaceAfter=4, keepWithNext=1)
BULLET = ParagraphStyle("bullet", parent=BODY, alignment=TA_LEFT, leftIndent=12, bulletIndent=2, spaceAfter=2)
STEP = ParagraphStyle("step", parent=BODY, leftIndent=18, bulletIndent=2, spaceAfter=3)
HEADINGS = (
    ParagraphStyle(
        "h1", fontName="Helvetica-Bold", fontSize=16, leading=20, spaceBefore=14, spaceAfter=8, textColor=INK
    ),
    ParagraphStyle(
        "h2", fontName="Helvetica-Bold", fontSize=12.5, leading=16, spaceBefore=11, spaceAfter=5, textColor=INK
    ),
    ParagraphStyle("h3", fontName="Helvetica-Bold", fontSize=11, leading=14, spaceBefore=9, spaceAfter=4),
)
for _style in HEADINGS:
    _style.keepWithNext = 1


@dataclass(slots=True)
class Placement:
    """Where everything was printed: 1-based pages, and the titles from the top down to its section."""

    pages: dict[Key, int] = field(default_factory=dict)
    paths: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    num_pages: int = 0


class Marked(Paragraph):  # type: ignore[misc]  # reportlab has no types
    """A paragraph that notes the page it is drawn on, also inside a table."""

    def __init__(self, text: str, style: ParagraphStyle, key: Key, placement: Placement) -> None:
        super().__init__(text, style)
        self._key = key
        self._placement = placement

    def draw(self) -> None:
        self._placement.pages.setdefault(self._key, self.canv.getPageNumber())
        super().draw()


class Heading(Paragraph):  # type: ignore[misc]  # reportlab has no types
    """A numbered heading that enters the outline."""

    def __init__(self, number: str, title: str, level: int, key: Key, placement: Placement) -> None:
        super().__init__(f"{number}&nbsp;&nbsp;{title}", HEADINGS[level - 1])
        self._entry = (f"{number} {title}", level, key, placement)

    def draw(self) -> None:
        title, level, key, placement = self._entry
        placement.pages[key] = self.canv.getPageNumber()
        self.canv.bookmarkPage(title)
        self.canv.addOutlineEntry(title, title, level - 1, closed=level > 1)
        super().draw()


class ContentsLine(Flowable):  # type: ignore[misc]  # reportlab has no types
    """One line of the contents list, with a dotted leader."""

    def __init__(self, title: str, page: int, level: int) -> None:
        super().__init__()
        self._title, self._page, self._level = title, page, level
        self.width, self.height = TEXT_WIDTH, 13.0 if level > 1 else 17.0

    def draw(self) -> None:
        canvas = self.canv
        font, size = ("Helvetica-Bold", 10.0) if self._level == 1 else ("Helvetica", 9.0)
        left = 14.0 * (self._level - 1)
        canvas.setFont(font, size)
        canvas.drawString(left, 2, self._title)
        canvas.drawRightString(TEXT_WIDTH, 2, str(self._page))
        start = left + canvas.stringWidth(self._title, font, size) + 5
        canvas.setDash(1, 3)
        canvas.setLineWidth(0.6)
        canvas.line(start, 3, TEXT_WIDTH - canvas.stringWidth(str(self._page), font, size) - 5, 3)


class Story:
    """The flowables of a document in order, with section numbers counted."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.flowables: list[Flowable] = []
        self.headings: list[tuple[str, str, int, Key]] = []
        self._counters: list[int] = []
        self._path: list[str] = []

    def heading(self, level: int, title: str, key: Key | None = None) -> None:
        """Start a section; the key defaults to ("section", title)."""
        self._counters = [*self._counters[:level], *([0] * (level - len(self._counters)))]
        self._counters[level - 1] += 1
        self._path = [*self._path[: level - 1], title]
        number = ".".join(map(str, self._counters))
        key = key or ("section", title)
        self.placement.paths[key] = tuple(self._path)
        self.headings.append((number, title, level, key))
        self.flowables.append(Heading(number, title, level, key, self.placement))

    def marked(self, text: str, key: Key, style: ParagraphStyle = CELL_BOLD) -> Marked:
        """Return a paragraph for a table cell that notes its page under a key of the current section."""
        self.placement.paths.setdefault(key, tuple(self._path))
        return Marked(text, style, key, self.placement)

    def prose(self, paragraphs: Sequence[str]) -> None:
        """Add paragraphs."""
        self.flowables.extend(Paragraph(text, BODY) for text in paragraphs)

    def caption(self, text: str) -> None:
        """Add the caption of the table that follows."""
        self.flowables.append(Paragraph(text, CAPTION))

    def add(self, *flowables: Flowable) -> None:
        """Add flowables."""
        self.flowables.extend(flowables)

    def keep_next(self, height: float) -> None:
        """Go to the next page unless that much of this one is free; a heading just added goes along."""
        index = len(self.flowables)
        while index and isinstance(self.flowables[index - 1], Heading):
            index -= 1
        self.flowables.insert(index, CondPageBreak(height))

    def space(self, points: float) -> None:
        """Add white space."""
        self.flowables.append(Spacer(1, points))


@dataclass(frozen=True, slots=True)
class Running:
    """The texts of the running header and footer."""

    part: str
    document: str
    revision: str
    date: str


def render(path: Path, running: Running, compose: Callable[[Mapping[Key, int]], Story]) -> Placement:
    """Write the PDF of a story and return where everything stands; compose gets the pages of the pass before."""
    first = compose({})
    _build(path, running, first)
    second = compose(first.placement.pages)
    _build(path, running, second)
    return second.placement


def _build(path: Path, running: Running, story: Story) -> None:
    document = BaseDocTemplate(
        str(path),
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=72,
        bottomMargin=64,
        title=f"{running.part} datasheet",
        author=VENDOR,
        subject=f"{running.document} Rev. {running.revision}",
        invariant=1,
    )
    frame = Frame(MARGIN, 64, TEXT_WIDTH, HEIGHT - 136, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)

    def furniture(canvas: Canvas, _: Any) -> None:
        _draw_running(canvas, running)

    document.addPageTemplates([PageTemplate("page", [frame], onPage=furniture)])
    document.build(story.flowables)
    story.placement.num_pages = document.page


def _draw_running(canvas: Canvas, running: Running) -> None:
    canvas.saveState()
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(1)
    canvas.line(MARGIN, HEIGHT - 52, WIDTH - MARGIN, HEIGHT - 52)
    canvas.line(MARGIN, 50, WIDTH - MARGIN, 50)
    canvas.setFont("Helvetica-Bold", 10)
    canvas.setFillColor(INK)
    canvas.drawString(MARGIN, HEIGHT - 46, VENDOR)
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 46, running.part)
    canvas.setFont("Helvetica", 7.5)
    canvas.drawString(MARGIN, 38, f"{running.document} Rev. {running.revision}, {running.date}")
    canvas.drawRightString(WIDTH - MARGIN, 38, str(canvas.getPageNumber()))
    canvas.restoreState()
