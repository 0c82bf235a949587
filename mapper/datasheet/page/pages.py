"""Read a PDF page by page: words, ruling lines, outline, plain text.

With glyphs.py and strokes.py the only place that knows pypdfium2. PDFium is not thread-safe and may end the process
on hostile input: callers that read unknown files isolate it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from mapper.datasheet.page.geometry import View
from mapper.datasheet.page.glyphs import read_characters
from mapper.datasheet.page.layout import Line, Word, lines_of, words_of
from mapper.datasheet.page.rules import Rule, join_rules
from mapper.datasheet.page.strokes import read_strokes
from mapper.datasheet.table.signs import NO_SIGNS, Signs
from mapper.errors import DatasheetError

logger = logging.getLogger(__name__)

MAX_PAGES = 2000
MAX_OUTLINE_DEPTH = 12
MAX_OUTLINE_ENTRIES = 20_000
COPY_PERMISSION = 0x10  # bit 5 of /P, ISO 32000-1 table 22


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark; page is 1-based, y is points from the page's top when the bookmark says so."""

    title: str
    level: int
    page: int
    y: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """What is printed on one page; number is 1-based."""

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    rules: tuple[Rule, ...]
    lines: tuple[Line, ...]
    is_partial: bool
    signs: Signs = NO_SIGNS
    """What tables it is likely to hold; without any its rules are not read."""

    @property
    def text(self) -> str:
        """Return the lines in reading order."""
        return "\n".join(line.text for line in self.lines)


def _see_none(_: str) -> Signs:
    return NO_SIGNS


class Document:
    """An open PDF."""

    def __init__(self, pdf: pypdfium2.PdfDocument, file: str) -> None:
        self._pdf = pdf
        self._file = file
        self.num_pages = len(pdf)

    @property
    def is_copy_restricted(self) -> bool:
        """Say whether the file forbids copying its text."""
        if pdfium.FPDF_GetSecurityHandlerRevision(self._pdf.raw) < 0:
            return False
        return not pdfium.FPDF_GetDocPermissions(self._pdf.raw) & COPY_PERMISSION

    @property
    def title(self) -> str:
        """Return the title of the file's metadata, or an empty string."""
        return " ".join(self._pdf.get_metadata_value("Title").split())

    def outline(self) -> tuple[OutlineEntry, ...]:
        """Return the bookmarks that lead to a page, in order; a damaged outline gives what could be read."""
        entries: list[OutlineEntry] = []
        try:
            for bookmark in self._pdf.get_toc(max_depth=MAX_OUTLINE_DEPTH):
                title = " ".join(bookmark.get_title().split())
                dest = bookmark.get_dest()
                index = dest.get_index() if dest else None
                if title and index is not None and 0 <= index < self.num_pages:
                    entries.append(OutlineEntry(title, bookmark.level, index + 1, self._outline_y(dest, index)))
                if len(entries) >= MAX_OUTLINE_ENTRIES:
                    break
        except pypdfium2.PdfiumError:
            logger.info("outline unreadable file=%s entries=%d", self._file, len(entries))
        return tuple(entries)

    def pages(self, look: Callable[[str], Signs] = _see_none) -> Iterator[Page]:
        """Yield every page, first to last. Raises DatasheetError when one cannot be loaded.

        Ruling lines are read only on pages in whose text look sees signs of tables: drawings cost more than text.
        """
        for index in range(self.num_pages):
            try:
                page = self._pdf[index]
            except pypdfium2.PdfiumError as error:
                message = f"{self._file}: page {index + 1} of {self.num_pages} cannot be loaded: {error}"
                raise DatasheetError(message) from error
            try:
                yield _read_page(page, index + 1, look)
            finally:
                page.close()

    def _outline_y(self, dest: pypdfium2.PdfDest, index: int) -> float | None:
        mode, position = dest.get_view()
        at = {pdfium.PDFDEST_VIEW_XYZ: 1, pdfium.PDFDEST_VIEW_FITH: 0, pdfium.PDFDEST_VIEW_FITBH: 0}.get(mode)
        if at is None or len(position) <= at or not position[at]:
            return None
        _, height = self._pdf.get_page_size(index)
        return float(max(height - position[at], 0.0))


@contextmanager
def open_document(data: bytes, file: str) -> Iterator[Document]:
    """Open the PDF in data. Raises DatasheetError with the reason it cannot be read."""
    if not data:
        raise DatasheetError(f"{file}: the file is empty; a PDF was expected", reason="not_pdf")
    if b"%PDF-" not in data[:1024]:
        raise DatasheetError(
            f"{file}: not a PDF: expected %PDF- at its start, got {data[:8]!r} ({len(data)} bytes)", reason="not_pdf"
        )
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise _open_error(data, file, error) from error
    try:
        if not 1 <= len(pdf) <= MAX_PAGES:
            reason = "too_large" if len(pdf) else "pdf"
            raise DatasheetError(f"{file}: {len(pdf)} pages, expected 1 to {MAX_PAGES}", reason=reason)
        yield Document(pdf, file)
    finally:
        pdf.close()


def is_cut_off(data: bytes) -> bool:
    """Say whether the file lacks its end marker."""
    return b"%%EOF" not in data[-2048:]


def _open_error(data: bytes, file: str, error: pypdfium2.PdfiumError) -> DatasheetError:
    if "password" in str(error).lower():
        return DatasheetError(f"{file}: encrypted: a password is needed to open it", reason="encrypted")
    if is_cut_off(data):
        return DatasheetError(
            f"{file}: truncated: {len(data)} bytes and no %%EOF at the end; fetch it again", reason="truncated"
        )
    return DatasheetError(f"{file}: damaged PDF of {len(data)} bytes: {error}")


def _read_page(page: pypdfium2.PdfPage, number: int, look: Callable[[str], Signs]) -> Page:
    left, bottom, right, top = page.get_bbox()
    characters = read_characters(page)
    view = View(left, bottom, right, top, characters.main_angle(page.get_rotation() % 360))
    width, height = view.size
    words = words_of(characters.glyphs(view), characters.styles)
    lines = lines_of(words, width)
    strokes: list[Rule] = []
    paths_cut = False
    signs = look("\n".join(line.text for line in lines))
    if any(signs):
        strokes, paths_cut = read_strokes(page, view)
    is_partial = characters.is_cut or paths_cut
    return Page(number, width, height, words, join_rules(strokes), lines, is_partial, signs)
