"""Read a PDF page by page: words, ruling lines, outline, plain text.

The only place that knows pypdfium2. It reads loose character boxes (tight ones break words at descenders and
underscores), follows form XObjects with their matrices composed, and takes thin filled rectangles for rules. PDFium
is not thread-safe and may end the process on hostile input: callers that read unknown files isolate it.
"""

import ctypes
import logging
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pypdfium2
import pypdfium2.raw as pdfium

from mapper.datasheet.geometry import IDENTITY, Matrix, View, apply, compose, is_straight, straight_strokes
from mapper.datasheet.layout import Glyph, Line, Rule, Style, Word, join_rules, lines_of, words_of
from mapper.errors import DatasheetError

logger = logging.getLogger(__name__)

MAX_PAGES = 2000
MAX_CHARS_PER_PAGE = 40_000
MAX_PATHS_PER_PAGE = 20_000
MAX_SEGMENTS_PER_PATH = 2_000
MAX_FORM_DEPTH = 5
MAX_OUTLINE_DEPTH = 12
MAX_OUTLINE_ENTRIES = 20_000
THIN_PT = 2.5  # a filled rectangle this thin is a rule
COPY_PERMISSION = 0x10  # bit 5 of /P, ISO 32000-1 table 22
BOLD_WEIGHT = 600
BOLD_NAMES = ("bold", "black", "heavy", "demi")
PLAIN_NAMES = ("regular", "roman", "light", "book", "medium", "italic", "oblique", "sans", "serif", "mt")
"""Names that state a plain weight: PDFium's weight is a guess from stem widths and wrong for many of these fonts."""
MAIN_DIRECTION = 0.7  # of the characters: written in one direction, they say how the page is read
WHITE = 250  # a fill at least this bright in all channels is the page's background

SURROGATES = range(0xD800, 0xE000)
LINE_HYPHEN = 2  # PDFium's code for a hyphen at the end of a line
NO_UNICODE = 0xFFFE


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

    @property
    def text(self) -> str:
        """Return the lines in reading order."""
        return "\n".join(line.text for line in self.lines)


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

    def pages(self, needs_rules: Callable[[str], bool] = bool) -> Iterator[Page]:
        """Yield every page, first to last. Raises DatasheetError when one cannot be loaded.

        Ruling lines are read only on pages for whose text needs_rules says so: drawings cost more than text.
        """
        for index in range(self.num_pages):
            try:
                page = self._pdf[index]
            except pypdfium2.PdfiumError as error:
                message = f"{self._file}: page {index + 1} of {self.num_pages} cannot be loaded: {error}"
                raise DatasheetError(message) from error
            try:
                yield _read_page(page, index + 1, needs_rules)
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


def _read_page(page: pypdfium2.PdfPage, number: int, needs_rules: Callable[[str], bool]) -> Page:
    left, bottom, right, top = page.get_bbox()
    view = View(left, bottom, right, top, page.get_rotation() % 360)
    glyphs, styles, main, chars_cut = _read_glyphs(page, view)
    if main != view.rotation:
        view = replace(view, rotation=main)
        glyphs, styles, _, chars_cut = _read_glyphs(page, view)
    width, height = view.size
    words = words_of(glyphs, styles)
    lines = lines_of(words, width)
    strokes: list[Rule] = []
    paths_cut = False
    if needs_rules("\n".join(line.text for line in lines)):
        strokes, paths_cut = _read_strokes(page, view)
    return Page(number, width, height, words, join_rules(strokes), lines, chars_cut or paths_cut)


def _read_glyphs(page: pypdfium2.PdfPage, view: View, *, angle: int = 0) -> tuple[list[Glyph], list[Style], int, bool]:
    """Return the glyphs that the view shows upright, their styles, the view's best rotation, and if some were cut.

    The best rotation shows most glyphs upright, whatever the page says: where it differs, the caller reads again.
    """
    glyphs: list[Glyph] = []
    styles: list[Style] = []
    angles: list[int] = []
    style_of: dict[int | None, int] = {}
    per_angle: Counter[int] = Counter()
    textpage = page.get_textpage()
    try:
        raw = textpage.raw
        count = pdfium.FPDFText_CountChars(raw)
        box = pdfium.FS_RECTF()
        get_code, get_box, get_object = (
            pdfium.FPDFText_GetUnicode,
            pdfium.FPDFText_GetLooseCharBox,
            pdfium.FPDFText_GetTextObject,
        )
        style = 0
        for index in range(min(count, MAX_CHARS_PER_PAGE)):
            code = get_code(raw, index)
            if code < 33 and code != LINE_HYPHEN:
                glyphs.append((" ", 0.0, 0.0, 0.0, 0.0, style))
                continue
            handle = get_object(raw, index)
            address = ctypes.cast(handle, ctypes.c_void_p).value
            found = style_of.get(address)
            if found is None:
                found = style_of[address] = len(styles)
                read, turn = _read_style(raw, index)
                styles.append(read)
                angles.append(turn)
            style = found
            per_angle[angles[style]] += 1
            if angles[style] == view.rotation and get_box(raw, index, box):
                glyphs.append((_character(code), *view.box(box.left, box.bottom, box.right, box.top), style))
    finally:
        textpage.close()
    main = per_angle.most_common(1)[0][0] if per_angle else view.rotation
    if per_angle[main] < MAIN_DIRECTION * per_angle.total():
        main = view.rotation
    return glyphs, styles or [Style(10.0, False)], main, count > MAX_CHARS_PER_PAGE


def _character(code: int) -> str:
    """Return what PDFium's code stands for; half a surrogate pair, which no encoding can write, as U+FFFD."""
    if code in (LINE_HYPHEN, NO_UNICODE):
        return "-"
    if code > sys.maxunicode:
        return " "
    return "\N{REPLACEMENT CHARACTER}" if code in SURROGATES else chr(code)


def _read_style(textpage: object, index: int) -> tuple[Style, int]:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(textpage, index, matrix)
    scale = math.hypot(matrix.c, matrix.d) or 1.0
    size = min(max(pdfium.FPDFText_GetFontSize(textpage, index) * scale, 1.0), 200.0)
    name = ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(textpage, index, name, 128, None)
    font = name.value.decode("utf-8", "replace").lower()
    is_bold = any(word in font for word in BOLD_NAMES)
    if not is_bold and not any(word in font for word in PLAIN_NAMES):
        is_bold = pdfium.FPDFText_GetFontWeight(textpage, index) >= BOLD_WEIGHT
    turn = round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) * 90 % 360
    return Style(size, is_bold), turn


def _read_strokes(page: pypdfium2.PdfPage, view: View) -> tuple[list[Rule], bool]:
    strokes: list[Rule] = []
    budget = MAX_PATHS_PER_PAGE
    stack: list[tuple[object, bool, Matrix, int]] = [(page.raw, False, IDENTITY, 0)]
    while stack:
        holder, is_form, matrix, depth = stack.pop()
        count = pdfium.FPDFFormObj_CountObjects(holder) if is_form else pdfium.FPDFPage_CountObjects(holder)
        get = pdfium.FPDFFormObj_GetObject if is_form else pdfium.FPDFPage_GetObject
        for index in range(count):
            item = get(holder, index)
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE):
                budget -= 1
                if budget < 0:
                    return strokes, True
                strokes += _strokes_of(item, kind, matrix, view)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
                stack.append((item, True, compose(_matrix_of(item), matrix), depth + 1))
    return strokes, False


def _strokes_of(item: object, kind: int, matrix: Matrix, view: View) -> list[Rule]:
    """Return the strokes of a path, or of an image so thin that it is a rule (dots of a dotted rule are drawn so)."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return []
    x0, y0 = apply(matrix, left.value, bottom.value)
    x1, y1 = apply(matrix, right.value, top.value)
    box = view.box(x0, y0, x1, y1)
    width, height = box[2] - box[0], box[3] - box[1]
    level = Rule(True, (box[1] + box[3]) / 2, box[0], box[2])
    upright = Rule(False, (box[0] + box[2]) / 2, box[1], box[3])
    if max(width, height) <= THIN_PT:
        return [level, upright]  # a dot of a dotted rule in one of both directions
    if height <= THIN_PT:
        return [level]
    if width <= THIN_PT:
        return [upright]
    return _segment_strokes(item, matrix, view) if kind == pdfium.FPDF_PAGEOBJ_PATH else []


def _segment_strokes(path: object, matrix: Matrix, view: View) -> list[Rule]:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    if not stroke.value and (not fill.value or _is_white(path)):
        return []
    count = pdfium.FPDFPath_CountSegments(path)
    if not 2 <= count <= MAX_SEGMENTS_PER_PATH:
        return []
    placed = compose(_matrix_of(path), matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    strokes: list[Rule] = []
    start = last = (0.0, 0.0)
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        if not pdfium.FPDFPathSegment_GetPoint(segment, x, y):
            continue
        point = view.point(*apply(placed, x.value, y.value))
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind != pdfium.FPDF_SEGMENT_LINETO or not is_straight(last, point):
            return []  # a curve or a slope: a drawing, not a ruling
        else:
            strokes += straight_strokes(last, point)
        if pdfium.FPDFPathSegment_GetClose(segment):
            strokes += straight_strokes(point, start)
        last = point
    return strokes


def _is_white(path: object) -> bool:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFPageObj_GetFillColor(path, red, green, blue, alpha):
        return False
    return min(red.value, green.value, blue.value) >= WHITE


def _matrix_of(item: object) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f
