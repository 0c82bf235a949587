"""Read the characters of a PDF page with their boxes and styles.

Loose character boxes are read (tight ones break words at descenders and underscores). Three calls a character make
most of the reader's work, so they go through bare function pointers that take handles as plain addresses.
"""

import ctypes
import math
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from mapper.datasheet.page.bare import bare
from mapper.datasheet.page.geometry import View
from mapper.datasheet.page.layout import Glyph, Style

MAX_CHARS_PER_PAGE = 40_000
BOLD_WEIGHT = 600
BOLD_NAMES = ("bold", "black", "heavy", "demi")
PLAIN_NAMES = ("regular", "roman", "light", "book", "medium", "italic", "oblique", "sans", "serif", "mt")
"""Names that state a plain weight: PDFium's weight is a guess from stem widths and wrong for many of these fonts."""
MAIN_DIRECTION = 0.7  # of the characters: written in one direction, they say how the page is read
SURROGATES = range(0xD800, 0xE000)
LINE_HYPHEN = 2  # PDFium's code for a hyphen at the end of a line
NO_UNICODE = 0xFFFE
SPACE: Glyph = (" ", 0.0, 0.0, 0.0, 0.0, 0)

Address = int | None


_HANDLE, _INT = ctypes.c_void_p, ctypes.c_int
_code_at = bare(pdfium.FPDFText_GetUnicode, ctypes.c_uint, _HANDLE, _INT)
_object_at = bare(pdfium.FPDFText_GetTextObject, _HANDLE, _HANDLE, _INT)
_box_at = bare(pdfium.FPDFText_GetLooseCharBox, _INT, _HANDLE, _INT, _HANDLE)
_font_of = bare(pdfium.FPDFTextObj_GetFont, _HANDLE, _HANDLE)


@dataclass(frozen=True, slots=True)
class Characters:
    """The characters of a page in PDFium's order: codes, boxes in user space, and the index of each one's style."""

    codes: list[int]
    boxes: list[tuple[float, float, float, float]]
    """Left, top, right, bottom; all zero where PDFium gives none."""
    style_of: list[int]
    styles: list[Style]
    angles: list[int]
    """Of each style: the direction its text runs in, degrees counter-clockwise."""
    is_cut: bool

    def main_angle(self, rotation: int) -> int:
        """Return the rotation that shows most characters upright, the page's own when no direction prevails."""
        if all(angle == rotation for angle in self.angles):
            return rotation
        per_angle = Counter(
            self.angles[style] for code, style in zip(self.codes, self.style_of, strict=True) if is_printed(code)
        )
        if not per_angle:
            return rotation
        main, count = per_angle.most_common(1)[0]
        return main if count >= MAIN_DIRECTION * per_angle.total() else rotation

    def glyphs(self, view: View) -> list[Glyph]:
        """Return the characters that the view shows upright, a space for each that is not printed."""
        found: list[Glyph] = []
        upright = [angle == view.rotation for angle in self.angles]
        text = {code: character(code) for code in set(self.codes)}
        is_plain, x, y = view.rotation == 0, view.left, view.top
        for code, (left, top, right, bottom), style in zip(self.codes, self.boxes, self.style_of, strict=True):
            if code < 33 and code != LINE_HYPHEN:
                found.append(SPACE)
            elif not upright[style] or left == right == top == bottom:
                continue
            elif is_plain:
                found.append((text[code], left - x, y - top, right - x, y - bottom, style))
            else:
                found.append((text[code], *view.box(left, bottom, right, top), style))
        return found


def read_characters(page: pypdfium2.PdfPage) -> Characters:
    """Return the characters of a page, the first MAX_CHARS_PER_PAGE of them."""
    textpage = page.get_textpage()
    try:
        return _read(textpage.raw)
    finally:
        textpage.close()


def is_printed(code: int) -> bool:
    return code > 32 or code == LINE_HYPHEN


def character(code: int) -> str:
    """Return what PDFium's code stands for; half a surrogate pair, which no encoding can write, as U+FFFD."""
    if code in (LINE_HYPHEN, NO_UNICODE):
        return "-"
    if code > sys.maxunicode:
        return " "
    return "\N{REPLACEMENT CHARACTER}" if code in SURROGATES else chr(code)


def _read(textpage: Any) -> Characters:
    total = pdfium.FPDFText_CountChars(textpage)
    count = max(min(total, MAX_CHARS_PER_PAGE), 0)
    at = ctypes.cast(textpage, ctypes.c_void_p).value
    codes = [_code_at(at, index) for index in range(count)]
    space = (ctypes.c_float * (4 * count))()
    start = ctypes.addressof(space)
    style_of: list[int] = []
    styles: list[Style] = []
    angles: list[int] = []
    known: dict[Address, int] = {}
    is_bold: dict[Address, bool] = {}
    style, last = 0, -1
    for index, code in enumerate(codes):
        if code > 32 or code == LINE_HYPHEN:
            _box_at(at, index, start + 16 * index)
            owner = _object_at(at, index)
            if owner != last:
                last = owner
                found = known.get(owner)
                if found is None:
                    found = known[owner] = len(styles)
                    read, angle = _style(textpage, index, owner, is_bold)
                    styles.append(read)
                    angles.append(angle)
                style = found
        style_of.append(style)
    floats = iter(space)
    boxes = list(zip(floats, floats, floats, floats, strict=True))
    if not styles:
        styles, angles = [Style(10.0, False)], [0]
    return Characters(codes, boxes, style_of, styles, angles, total > count)


def _style(textpage: Any, index: int, owner: Address, is_bold: dict[Address, bool]) -> tuple[Style, int]:
    """Return the style and direction of a character; is_bold keeps what is known of the fonts."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(textpage, index, matrix)
    scale = math.hypot(matrix.c, matrix.d) or 1.0
    size = min(max(pdfium.FPDFText_GetFontSize(textpage, index) * scale, 1.0), 200.0)
    font = _font_of(owner) if owner else None
    if font not in is_bold:
        is_bold[font] = _is_bold(textpage, index)
    turn = round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) * 90 % 360
    return Style(size, is_bold[font]), turn


def _is_bold(textpage: Any, index: int) -> bool:
    name = ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(textpage, index, name, 128, None)
    font = name.value.decode("utf-8", "replace").lower()
    if any(word in font for word in BOLD_NAMES):
        return True
    if any(word in font for word in PLAIN_NAMES):
        return False
    return bool(pdfium.FPDFText_GetFontWeight(textpage, index) >= BOLD_WEIGHT)
