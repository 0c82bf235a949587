"""Read the straight strokes drawn on a PDF page: lines, edges of rectangles, and whatever is thin enough to be a rule.

Form XObjects are followed with their matrices composed; a thin filled rectangle is a rule too, white ones are not.
"""

import ctypes

import pypdfium2
import pypdfium2.raw as pdfium

from mapper.datasheet.page.bare import bare
from mapper.datasheet.page.geometry import IDENTITY, Matrix, View, apply, compose, is_straight, straight_strokes
from mapper.datasheet.page.rules import Rule

MAX_PATHS_PER_PAGE = 20_000
MAX_SEGMENTS_PER_PATH = 2_000
MAX_FORM_DEPTH = 5
THIN_PT = 2.5  # a filled rectangle this thin is a rule
WHITE = 250  # a fill at least this bright in all channels is the page's background

_HANDLE, _INT = ctypes.c_void_p, ctypes.c_int
_page_object = bare(pdfium.FPDFPage_GetObject, _HANDLE, _HANDLE, _INT)
_form_object = bare(pdfium.FPDFFormObj_GetObject, _HANDLE, _HANDLE, ctypes.c_ulong)
_type_of = bare(pdfium.FPDFPageObj_GetType, _INT, _HANDLE)
_bounds_of = bare(pdfium.FPDFPageObj_GetBounds, _INT, _HANDLE, *(_HANDLE,) * 4)
_matrix = bare(pdfium.FPDFPageObj_GetMatrix, _INT, _HANDLE, _HANDLE)
_fill_colour = bare(pdfium.FPDFPageObj_GetFillColor, _INT, _HANDLE, *(_HANDLE,) * 4)
_draw_mode = bare(pdfium.FPDFPath_GetDrawMode, _INT, _HANDLE, _HANDLE, _HANDLE)
_num_segments = bare(pdfium.FPDFPath_CountSegments, _INT, _HANDLE)
_segment = bare(pdfium.FPDFPath_GetPathSegment, _HANDLE, _HANDLE, _INT)
_segment_point = bare(pdfium.FPDFPathSegment_GetPoint, _INT, _HANDLE, _HANDLE, _HANDLE)
_segment_type = bare(pdfium.FPDFPathSegment_GetType, _INT, _HANDLE)
_segment_closes = bare(pdfium.FPDFPathSegment_GetClose, _INT, _HANDLE)


class _Four:
    """Room for four numbers that PDFium writes, with the address of each."""

    def __init__(self, kind: type[ctypes.c_float] | type[ctypes.c_uint]) -> None:
        self.values = (kind * 4)()
        start = ctypes.addressof(self.values)
        self.at = tuple(start + 4 * index for index in range(4))


def read_strokes(page: pypdfium2.PdfPage, view: View) -> tuple[list[Rule], bool]:
    """Return the straight strokes drawn on a page, and whether some were left out at a limit."""
    strokes: list[Rule] = []
    budget = MAX_PATHS_PER_PAGE
    floats = _Four(ctypes.c_float)
    stack: list[tuple[int, bool, Matrix, int]] = [
        (ctypes.cast(page.raw, ctypes.c_void_p).value or 0, False, IDENTITY, 0)
    ]
    while stack:
        holder, is_form, matrix, depth = stack.pop()
        count = pdfium.FPDFFormObj_CountObjects if is_form else pdfium.FPDFPage_CountObjects
        get = _form_object if is_form else _page_object
        for index in range(count(ctypes.cast(holder, count.argtypes[0]))):
            item = get(holder, index)
            kind = _type_of(item)
            if kind in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE):
                budget -= 1
                if budget < 0:
                    return strokes, True
                strokes += _strokes_of(item, kind, matrix, view, floats)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
                stack.append((item, True, compose(_matrix_of(item), matrix), depth + 1))
    return strokes, False


def _strokes_of(item: int, kind: int, matrix: Matrix, view: View, floats: _Four) -> list[Rule]:
    """Return the strokes of a path, or of an image so thin that it is a rule (dots of a dotted rule are drawn so)."""
    if not _bounds_of(item, *floats.at):
        return []
    left, bottom, right, top = floats.values
    if matrix is not IDENTITY:
        left, bottom = apply(matrix, left, bottom)
        right, top = apply(matrix, right, top)
    x0, y0, x1, y1 = view.box(left, bottom, right, top)
    width, height = x1 - x0, y1 - y0
    if width > THIN_PT and height > THIN_PT:
        return _segment_strokes(item, matrix, view, floats) if kind == pdfium.FPDF_PAGEOBJ_PATH else []
    level = Rule(True, (y0 + y1) / 2, x0, x1)
    upright = Rule(False, (x0 + x1) / 2, y0, y1)
    if width <= THIN_PT and height <= THIN_PT:
        return [level, upright]  # a dot of a dotted rule in one of both directions
    return [level] if height <= THIN_PT else [upright]


def _segment_strokes(path: int, matrix: Matrix, view: View, floats: _Four) -> list[Rule]:
    modes = _Four(ctypes.c_uint)
    _draw_mode(path, *modes.at[:2])
    is_filled, is_stroked = modes.values[0], modes.values[1]
    if not is_stroked and (not is_filled or _is_white(path)):
        return []
    count = _num_segments(path)
    if not 2 <= count <= MAX_SEGMENTS_PER_PATH:
        return []
    placed = compose(_matrix_of(path), matrix)
    strokes: list[Rule] = []
    start = last = (0.0, 0.0)
    values, (at_x, at_y) = floats.values, floats.at[:2]
    for index in range(count):
        segment = _segment(path, index)
        if not _segment_point(segment, at_x, at_y):
            continue
        point = view.point(*apply(placed, values[0], values[1]))
        kind = _segment_type(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind != pdfium.FPDF_SEGMENT_LINETO or not is_straight(last, point):
            return []  # a curve or a slope: a drawing, not a ruling
        else:
            strokes += straight_strokes(last, point)
        if _segment_closes(segment):
            strokes += straight_strokes(point, start)
        last = point
    return strokes


def _is_white(path: int) -> bool:
    colour = _Four(ctypes.c_uint)
    return bool(_fill_colour(path, *colour.at)) and min(colour.values[:3]) >= WHITE


def _matrix_of(item: int) -> Matrix:
    values = (ctypes.c_float * 6)()
    _matrix(item, ctypes.addressof(values))
    a, b, c, d, e, f = values
    return a, b, c, d, e, f
