"""Reading whole datasheets, good and hostile."""

import io
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader

from mapper.datasheet import read_datasheet
from mapper.errors import DatasheetError


def test_sections_have_number_title_path_and_page(sample_pdf: bytes) -> None:
    """The outline gives the sections, each with the page it starts on."""
    sheet = read_datasheet(sample_pdf, file="xy1234.pdf")

    found = [(section.number, section.path, section.page) for section in sheet.sections]
    assert found == [
        ("1", ("Overview",), 1),
        ("2", ("Register map",), 1),
        ("3", ("Register description",), 2),
        ("3.1", ("Register description", "CTRL (0x01)"), 2),
    ]


def test_registers_come_from_overview_and_description(sample_pdf: bytes) -> None:
    """A register listed on one page and described on another is one register with both pages."""
    sheet = read_datasheet(sample_pdf, file="xy1234.pdf")

    control = next(register for register in sheet.registers if register.name == "CTRL")
    assert [(r.name, r.address) for r in sheet.registers] == [("WHO_AM_I", 0), ("CTRL", 1), ("STATUS", 2)]
    assert (control.page, control.overview_pages, control.access, control.reset) == (2, (1,), "rw", 3)
    assert control.section_path == ("Register description", "CTRL (0x01)")


def test_bit_figure_and_field_table_give_each_field_once(sample_pdf: bytes) -> None:
    """Fields carry bits, access, reset and description; reserved ones are left out."""
    sheet = read_datasheet(sample_pdf, file="xy1234.pdf")

    fields = next(register for register in sheet.registers if register.name == "CTRL").fields
    assert [(f.name, f.high, f.low, f.access, f.reset) for f in fields] == [
        ("ODR", 3, 2, "rw", 0),
        ("SLEEP", 1, 1, "rw", 1),
        ("EN", 0, 0, "rw", 1),
    ]
    assert fields[0].description == "output data rate"


def test_identity_pages_and_flags(sample_pdf: bytes) -> None:
    """Parts, revision, family and plain page text are filled; nothing is partial or restricted."""
    sheet = read_datasheet(sample_pdf, file="xy1234_rev1.pdf")

    assert (sheet.parts, sheet.family, sheet.revision) == (("XY1234",), "xy1234 datasheet", "1.2")
    assert "WHO_AM_I" in sheet.pages[0]
    assert not sheet.partial
    assert not sheet.copy_restricted


def test_reading_twice_gives_the_same_value(sample_pdf: bytes) -> None:
    """A datasheet is a function of its bytes and name."""
    assert read_datasheet(sample_pdf, file="a.pdf") == read_datasheet(sample_pdf, file="a.pdf")


def test_known_parts_come_first(sample_pdf: bytes) -> None:
    """Part numbers that the source states precede those found in the text."""
    assert read_datasheet(sample_pdf, file="a.pdf", parts=["XY1200"]).parts == ("XY1200", "XY1234")


def test_turned_page_reads_the_same(draw: Callable[..., Any], draw_onto: Callable[[Any], bytes]) -> None:
    """A page shown turned by a quarter keeps its words in order and its table."""
    drawing = draw()
    drawing.canvas.setPageRotation(90)

    sheet = read_datasheet(draw_onto(drawing), file="turned.pdf")

    assert "0x00 WHO_AM_I R 0x5A identification" in sheet.pages[0]
    assert len(sheet.registers) == 3


def test_copy_restricted_is_read_and_marked(draw: Callable[..., Any], draw_onto: Callable[[Any], bytes]) -> None:
    """A file that opens without password but forbids copying is read, and says so."""
    encryption = StandardEncryption("", ownerPassword="owner", canCopy=0, strength=128)

    sheet = read_datasheet(draw_onto(draw(encrypt=encryption)), file="restricted.pdf")

    assert sheet.copy_restricted
    assert len(sheet.registers) == 3


def test_lost_end_is_partial(sample_pdf: bytes) -> None:
    """A file whose last bytes are missing is read as far as it can be repaired, and marked."""
    cut = sample_pdf[: sample_pdf.rindex(b"startxref")]

    sheet = read_datasheet(cut, file="cut.pdf")

    assert sheet.partial
    assert len(sheet.registers) == 3


def _image_only(drawing: Any) -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "gray").save(picture, "PNG")
    picture.seek(0)
    drawing.canvas.drawImage(ImageReader(picture), 100, 100, 300, 300)
    return bytes(drawing.pdf())


def test_scanned_has_its_reason(drawing: Any) -> None:
    """Pages that are only pictures have no text to read."""
    with pytest.raises(DatasheetError, match="no text") as caught:
        read_datasheet(_image_only(drawing), file="scan.pdf")

    assert caught.value.reason == "scanned"


def test_user_password_has_its_reason(draw: Callable[..., Any], draw_onto: Callable[[Any], bytes]) -> None:
    """A file that needs a password to open is refused, not guessed at."""
    locked = draw_onto(draw(encrypt=StandardEncryption("secret", ownerPassword="owner", strength=128)))

    with pytest.raises(DatasheetError, match="password") as caught:
        read_datasheet(locked, file="locked.pdf")

    assert caught.value.reason == "encrypted"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_pdf"),
        (b"Hello, this is text.\n" * 100, "not_pdf"),
        (b"<html><body>Not found</body></html>", "not_pdf"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 20, "truncated"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\n%%EOF\n", "pdf"),
    ],
    ids=["empty", "text", "html", "head and noise", "noise with end mark"],
)
def test_no_pdf_has_its_reason(data: bytes, reason: str) -> None:
    """What is no PDF, or only the start of one, is told apart."""
    with pytest.raises(DatasheetError, match=r"file\.pdf") as caught:
        read_datasheet(data, file="file.pdf")

    assert caught.value.reason == reason


def test_cut_at_a_third_is_truncated(sample_pdf: bytes) -> None:
    """A download that stopped early is refused with the reason, or read as partial, but never taken for whole."""
    with pytest.raises(DatasheetError) as caught:
        read_datasheet(sample_pdf[: len(sample_pdf) // 8], file="third.pdf")

    assert caught.value.reason == "truncated"


def test_damaged_page_tree_is_refused(sample_pdf: bytes) -> None:
    """A catalogue whose page tree leads nowhere is an error, not an empty datasheet."""
    damaged = sample_pdf.replace(b"/Kids", b"/Kigs").replace(b"/Type /Page\n", b"/Type /Pagx\n")

    with pytest.raises(DatasheetError) as caught:
        read_datasheet(damaged, file="tree.pdf")

    assert caught.value.reason in {"pdf", "truncated", "scanned"}


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch, sample_pdf: bytes) -> None:
    """A document over the page limit is refused before its pages are read."""
    monkeypatch.setattr("mapper.datasheet.page.pages.MAX_PAGES", 1)

    with pytest.raises(DatasheetError, match="2 pages") as caught:
        read_datasheet(sample_pdf, file="long.pdf")

    assert caught.value.reason == "too_large"


def test_page_over_the_character_limit_is_partial(monkeypatch: pytest.MonkeyPatch, sample_pdf: bytes) -> None:
    """A page with more characters than the limit is cut and marked."""
    monkeypatch.setattr("mapper.datasheet.page.glyphs.MAX_CHARS_PER_PAGE", 300)

    assert read_datasheet(sample_pdf, file="big.pdf").partial


def test_page_of_lines_takes_no_time(drawing: Any) -> None:
    """A page hatched with thousands of strokes is a drawing: it is read in moments, its text is kept."""
    drawing.text("Register address, bit, access and reset are words that make this page look like a table.")
    for step in range(2000):
        drawing.canvas.line(10 + step / 4, 50, 10 + step / 4, 700)
        drawing.canvas.line(10, 50 + step / 3.1, 550, 50 + step / 3.1)
    start = time.process_time()

    sheet = read_datasheet(drawing.pdf(), file="hatched.pdf")

    assert time.process_time() - start < 5
    assert sheet.registers == ()
    assert "Register address" in sheet.pages[0]
