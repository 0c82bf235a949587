"""Glyphs of a page to words, words to lines in reading order.

Pure geometry in points from the page's top left corner. Two-column pages are split at their gutter before lines are
joined, so that a left heading is not glued to the right column's text. Superscripts (footnote letters) are kept as
words of their own and marked, because joined to a register's name they hide it.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

WORD_GAP = 0.9  # of the font size: a wider gap ends a word even without a space glyph
RAISED_CHARS = 4  # a longer word is no footnote mark
BAND_PT = 16.0  # height of the bands in which neighbours are looked for
RAISED_SIZE = 0.88  # of the neighbour's font size: smaller and raised is a superscript
LINE_OVERLAP = 0.6  # of the lower word's height: words that share this much are on one line
MAX_HEIGHT = 1.15  # of the font size: taller loose boxes (fonts with wide leading) are cut down to it
CELL_GAP = 2.0  # of the font size: a wider gap separates cells of an unruled table
GUTTER_MIN_PT = 9.0
GUTTER_ZONE = (0.38, 0.62)  # of the page width: where a gutter between two text columns may lie
GUTTER_MIN_LINES = 5
PROSE_FILL = 0.72  # of its column's width: how far a line of prose reaches
SPACE_GAP = 0.12  # of the font size: words further apart are joined with a space
NUMBER_GAP = 0.04  # the same after a section number
_SECTION_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,3})+\.?")
IGNORED_MARKS = dict.fromkeys(map(ord, "\u2122\u00ae\u00a9\u00ad\u200b\ufeff"))


@dataclass(frozen=True, slots=True)
class Style:
    """What the glyphs of one text object share."""

    size: float
    is_bold: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A run of glyphs without white space."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    is_bold: bool
    is_raised: bool = False

    @property
    def middle(self) -> float:
        """Return the horizontal centre."""
        return (self.left + self.right) / 2

    @property
    def height_middle(self) -> float:
        """Return the vertical centre."""
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class Line:
    """Words that are read together, left to right."""

    words: tuple[Word, ...]
    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    is_bold: bool


Glyph = tuple[str, float, float, float, float, int]
"""Character, left, top, right, bottom, index of its style."""


def words_of(glyphs: Sequence[Glyph], styles: Sequence[Style]) -> tuple[Word, ...]:
    """Return the words of a page in the order its glyphs came."""
    words: list[Word] = []
    run: list[Glyph] = []
    sizes = [style.size for style in styles]
    last: Glyph | None = None
    for glyph in glyphs:
        if glyph[0].isspace():
            if run:
                words += _word(run, styles)
                run = []
            last = None
            continue
        if last is not None and (_breaks(last, glyph, sizes) or _ends_number(run, glyph, sizes)):
            words += _word(run, styles)
            run = []
        run.append(glyph)
        last = glyph
    if run:
        words += _word(run, styles)
    return tuple(_mark_raised(words))


def join_words(words: Iterable[Word], *, with_raised: bool = False) -> str:
    """Return the text of words on one line; a superscript is left out, a subscript is joined to its word."""
    parts: list[str] = []
    last: Word | None = None
    for word in words:
        if word.is_raised and not with_raised:
            continue
        if last is not None:
            gap = (word.left - last.right) / min(word.size, last.size)
            if gap > SPACE_GAP or (gap > NUMBER_GAP and _SECTION_NUMBER.fullmatch(last.text)):
                parts.append(" ")
        parts.append(word.text)
        last = word
    return "".join(parts)


def rows_of(words: Iterable[Word]) -> list[list[Word]]:
    """Return words grouped into visual rows, top to bottom, each left to right."""
    rows: list[list[Word]] = []
    bands: list[tuple[float, float]] = []
    for word in sorted(words, key=lambda w: (round(w.height_middle, 1), w.left)):
        height = word.bottom - word.top
        if bands:
            top, bottom = bands[-1]
            overlap = min(bottom, word.bottom) - max(top, word.top)
            if overlap >= LINE_OVERLAP * min(height, bottom - top):
                rows[-1].append(word)
                if height > 1.2 * (bottom - top):
                    bands[-1] = (word.top, word.bottom)
                continue
        rows.append([word])
        bands.append((word.top, word.bottom))
    for row in rows:
        row.sort(key=lambda w: w.left)
    return rows


def lines_of(words: Sequence[Word], width: float) -> tuple[Line, ...]:
    """Return the page's lines in reading order: full-width rows, and the two columns of two-column bands in turn."""
    rows = rows_of(words)
    gutter = _find_gutter(rows, width)
    if gutter is None:
        return tuple(_line(row) for row in rows)
    lines: list[Line] = []
    band: list[list[Word]] = []
    for row in rows:
        if _crosses(row, gutter):
            lines += _band_lines(band, gutter)
            lines.append(_line(row))
            band = []
        else:
            band.append(row)
    return (*lines, *_band_lines(band, gutter))


def _breaks(last: Glyph, glyph: Glyph, sizes: Sequence[float]) -> bool:
    one, other = sizes[last[5]], sizes[glyph[5]]
    size = one if one > other else other
    return (
        glyph[1] - last[3] > WORD_GAP * size
        or glyph[1] < last[1] - size
        or abs(glyph[2] + glyph[4] - last[2] - last[4]) > 1.2 * size
        or abs(one - other) > (1 - RAISED_SIZE) * size
    )


def _ends_number(run: Sequence[Glyph], glyph: Glyph, sizes: Sequence[float]) -> bool:
    """Say whether a section number ends before a glyph of another text object: its title often has no space before."""
    last = run[-1]
    if last[5] == glyph[5] or glyph[1] - last[3] < NUMBER_GAP * sizes[last[5]] or glyph[0] == ".":
        return False
    return _SECTION_NUMBER.fullmatch("".join(part[0] for part in run)) is not None


def _word(run: Sequence[Glyph], styles: Sequence[Style]) -> list[Word]:
    """Return the word that glyphs make, nothing when they are only marks to ignore."""
    characters, lefts, tops, rights, bottoms, _ = zip(*run, strict=True)
    text = "".join(characters)
    if not text.isascii():
        text = "".join(unicodedata.normalize("NFKC", text.translate(IGNORED_MARKS)).split())
        if not text:
            return []
    style = styles[run[0][5]]
    top, bottom = min(tops), max(bottoms)
    surplus = (bottom - top - MAX_HEIGHT * style.size) / 2
    if surplus > 0:
        top, bottom = top + surplus, bottom - surplus
    return [Word(text, min(lefts), top, max(rights), bottom, style.size, style.is_bold)]


def _mark_raised(words: Sequence[Word]) -> Iterable[Word]:
    bands: dict[int, list[Word]] = {}
    largest: dict[int, float] = {}
    for word in words:
        band = int(word.bottom / BAND_PT)
        bands.setdefault(band, []).append(word)
        largest[band] = max(largest.get(band, 0.0), word.size)
    for word in words:
        if len(word.text) <= RAISED_CHARS:
            band = int(word.bottom / BAND_PT)
            near = [b for b in (band, band + 1) if word.size <= RAISED_SIZE * largest.get(b, 0.0)]
            if any(_is_raised(word, other) for b in near for other in bands[b]):
                yield replace(word, is_raised=True)
                continue
        yield word


def _is_raised(word: Word, other: Word) -> bool:
    if word.size > RAISED_SIZE * other.size:
        return False
    near = -1.0 < word.left - other.right < other.size or -1.0 < other.left - word.right < 0.3 * other.size
    above = other.bottom - word.bottom > 0.2 * (other.bottom - other.top)
    return near and above and word.bottom > other.top


def _line(row: Sequence[Word]) -> Line:
    sizes = [(len(word.text), word.size) for word in row]
    size = max(sizes)[1]
    bold = sum(len(word.text) for word in row if word.is_bold)
    return Line(
        tuple(row),
        join_words(row, with_raised=True),
        row[0].left,
        min(word.top for word in row),
        max(word.right for word in row),
        max(word.bottom for word in row),
        size,
        2 * bold > sum(length for length, _ in sizes),
    )


def _find_gutter(rows: Sequence[Sequence[Word]], width: float) -> float | None:
    """Return the middle of the widest strip near the page's centre that few rows cross, or None."""
    first, last = int(GUTTER_ZONE[0] * width), int(GUTTER_ZONE[1] * width)
    step = 3
    crossed = [0] * ((last - first) // step + 1)
    for row in rows:
        for word in row:
            if word.right > first and word.left < last:
                low, high = max(int(word.left) - first, 0) // step, min(int(word.right) - first, last - first) // step
                for position in range(low, high + 1):
                    crossed[position] += 1
    least = min(crossed, default=0)
    if len(rows) < GUTTER_MIN_LINES or least > 0.5 * len(rows):
        return None
    best = (0, 0)
    start = None
    for position, count in enumerate([*crossed, len(rows)]):
        if count <= least + 1 and position < len(crossed):
            start = position if start is None else start
        elif start is not None:
            best = max(best, (position - start, start))
            start = None
    return first + step * (best[1] + best[0] / 2)


def _crosses(row: Sequence[Word], gutter: float) -> bool:
    """Say whether a row runs over the gutter: a word on it, or words so close to it that the gap is a space."""
    before = max((word.right for word in row if word.middle <= gutter), default=0.0)
    after = min((word.left for word in row if word.middle > gutter), default=float("inf"))
    return after - before < GUTTER_MIN_PT or before > gutter or after < gutter


def _band_lines(band: Sequence[Sequence[Word]], gutter: float) -> list[Line]:
    """Return the lines of rows that do not cross the gutter: column by column if both hold prose, else as they are."""
    left = [part for part in ([w for w in row if w.middle <= gutter] for row in band) if part]
    right = [part for part in ([w for w in row if w.middle > gutter] for row in band) if part]
    if min(len(left), len(right)) < GUTTER_MIN_LINES or not (_is_prose(left) and _is_prose(right)):
        return [_line(row) for row in band]
    return [_line(part) for part in (*left, *right)]


def _is_prose(rows: Sequence[Sequence[Word]]) -> bool:
    """Say whether many lines reach the width of their column and are filled with words, not with gaps."""
    spans = [row[-1].right - row[0].left for row in rows]
    inside = [sum(word.right - word.left for word in row) for row in rows]
    reach = sorted(spans)[int(0.9 * (len(spans) - 1))]
    prose = sum(span > PROSE_FILL * reach and words > 0.7 * span for span, words in zip(spans, inside, strict=True))
    return reach > 120 and prose >= 0.35 * len(rows)
