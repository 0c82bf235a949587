"""Small datasheets that tests draw themselves, with reportlab."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
MARGIN = 60


@dataclass
class Drawing:
    """A PDF being drawn from the top down; rows are 14 pt high."""

    encrypt: Any = None
    y: float = 60.0
    buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self.canvas = Canvas(self.buffer, pagesize=A4, encrypt=self.encrypt, invariant=1, pageCompression=0)

    def text(self, text: str, *, x: float = MARGIN, size: float = 9, bold: bool = False, down: float = 14) -> None:
        """Write one line."""
        self.canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
        self.canvas.drawString(x, HEIGHT - self.y, text)
        self.y += down

    def heading(self, text: str, *, level: int = 1) -> None:
        """Write a heading and its bookmark."""
        self.y += 10
        self.canvas.bookmarkHorizontal(text, 0, HEIGHT - self.y + 12)
        self.canvas.addOutlineEntry(text, text, level - 1)
        self.text(text, size=16 - 2 * level, bold=True, down=18)

    def table(
        self,
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
        *,
        rules: str = "all",
        spans: Mapping[int, Any] | None = None,
    ) -> None:
        """Draw a table: rules all, horizontal or none; spans gives a row's cells as (first, last, text)."""
        edges = [MARGIN + sum(widths[:index]) for index in range(len(widths) + 1)]
        for index, row in enumerate(rows):
            cells = (spans or {}).get(index) or [(column, column, text) for column, text in enumerate(row)]
            self.canvas.setFont("Helvetica-Bold" if index == 0 else "Helvetica", 8)
            for first, last, text in cells:
                self.canvas.drawString(edges[first] + 3, HEIGHT - self.y - 10, text)
                if rules == "all":
                    self.canvas.rect(edges[first], HEIGHT - self.y - 14, edges[last + 1] - edges[first], 14)
            if rules == "horizontal":
                self.canvas.line(edges[0], HEIGHT - self.y, edges[-1], HEIGHT - self.y)
                self.canvas.line(edges[0], HEIGHT - self.y - 14, edges[-1], HEIGHT - self.y - 14)
            self.y += 14
        self.y += 16

    def page(self) -> None:
        """Start a new page."""
        self.canvas.showPage()
        self.y = 60.0

    def pdf(self) -> bytes:
        """Return the bytes drawn."""
        self.canvas.save()
        return self.buffer.getvalue()


REGISTER_ROWS = (
    ("Address", "Name", "Type", "Reset", "Description"),
    ("0x00", "WHO_AM_I", "R", "0x5A", "identification"),
    ("0x01", "CTRL", "R/W", "0x03", "control register"),
    ("0x02", "STATUS", "R", "0x00", "status register"),
)
WIDTHS = (60, 90, 50, 50, 200)


def draw_sample(drawing: Drawing) -> bytes:
    """Draw three pages: title, prose and overview; descriptions with a bit figure and a field table."""
    drawing.text("XY1234 Pressure sensor", size=20, bold=True, down=30)
    drawing.text("Data sheet, Revision 1.2")
    drawing.heading("1 Overview")
    for _ in range(4):
        drawing.text("The device measures pressure and talks over a serial bus; every value is read from a register.")
    drawing.heading("2 Register map")
    drawing.table(REGISTER_ROWS, WIDTHS)
    drawing.page()
    drawing.heading("3 Register description")
    drawing.heading("3.1 CTRL (0x01)", level=2)
    drawing.text("Controls how the device measures and when it sleeps, see the bits below.")
    drawing.table(
        (("7", "6", "5", "4", "3", "2", "1", "0"), ()),
        (50,) * 8,
        spans={1: [(0, 3, "Reserved"), (4, 5, "ODR[1:0]"), (6, 6, "SLEEP"), (7, 7, "EN")]},
    )
    drawing.table(
        (
            ("Bits", "Field", "Access", "Reset", "Description"),
            ("7:4", "Reserved", "-", "-", "Keep at 0"),
            ("3:2", "ODR[1:0]", "R/W", "0x0", "output data rate"),
            ("1", "SLEEP", "R/W", "1", "sleep mode"),
            ("0", "EN", "R/W", "1", "enable"),
        ),
        WIDTHS,
    )
    return drawing.pdf()


@pytest.fixture
def drawing() -> Drawing:
    """An empty drawing."""
    return Drawing()


@pytest.fixture
def draw() -> Callable[..., Drawing]:
    """The maker of drawings, for more than one or an encrypted one."""
    return Drawing


@pytest.fixture(scope="session")
def sample_pdf() -> bytes:
    """A datasheet of two pages with overview, bit figure and field table."""
    return draw_sample(Drawing())


@pytest.fixture
def draw_onto() -> Callable[[Drawing], bytes]:
    """The function that draws the sample datasheet onto a drawing."""
    return draw_sample
