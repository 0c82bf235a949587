"""What a reader is shown: the declaration with code around it, and the datasheet's lines around a place."""

import re
import unicodedata
from collections.abc import Sequence

from mapper.gold.labels import GoldAnchor
from mapper.model import Datasheet, Symbol

RADIUS_LINES = 3
MAX_CODE_LINES = 24
_WORD = re.compile(r"\w+")
_UNSHOWN = frozenset({"Cc", "Cf", "Cs"})


def code_window(text: str, symbol: Symbol, *, radius: int = RADIUS_LINES) -> tuple[tuple[int, str], ...]:
    """Return (line number, text) of a symbol's lines and some around them, at most MAX_CODE_LINES and the radius.

    A type that is named behind its closing brace is shown with the lines before it.
    """
    lines = text.splitlines()
    is_closing = 0 < symbol.line <= len(lines) and lines[symbol.line - 1].lstrip().startswith("}")
    first = max(1, symbol.line - (MAX_CODE_LINES // 2 if is_closing else radius))
    last = min(len(lines), min(symbol.end_line, symbol.line + MAX_CODE_LINES) + radius)
    return tuple((number, printable(lines[number - 1])) for number in range(first, last + 1))


def passage(sheet: Datasheet, anchor: GoldAnchor, *, radius: int = RADIUS_LINES) -> tuple[str, ...]:
    """Return the lines of the anchor's page from the one before the best fitting line on, 2 * radius + 1 of them.

    The best fitting line names most of register and title; for a field, the first one from there on that names it as
    text and not as a range of bits in a figure. Empty if the page has no text or does not exist.
    """
    if not 1 <= anchor.page <= len(sheet.pages):
        return ()
    lines = [line for line in sheet.pages[anchor.page - 1].splitlines() if line.strip()]
    best = max(range(len(lines)), key=lambda index: (_overlap(lines[index], anchor), -index), default=0)
    if anchor.field:
        best = _first(lines, best, rf"\b{re.escape(anchor.field)}\b(?!\[)") or best
    first = max(0, best - 1)
    return tuple(printable(line) for line in lines[first : first + 2 * radius + 1])


def section_title(sheet: Datasheet, page: int) -> str:
    """Return the title of the last section that begins on a page, else of the one that goes on there, else ""."""
    title = ""
    for section in sheet.sections:
        if section.page <= page:
            title = section.title
    return title


def printable(text: str) -> str:
    """Return text that a terminal only shows: controls, marks of direction, halves of characters are replaced."""
    return "".join("\ufffd" if unicodedata.category(char) in _UNSHOWN else char for char in text.expandtabs(4))


def _overlap(line: str, anchor: GoldAnchor) -> int:
    """Return how well a line fits: the register's name counts twice, a word of the title once."""
    words = set(_WORD.findall(line.lower()))
    named = ((anchor.register, 2), (anchor.title, 1))
    return sum(weight * len(words & set(_WORD.findall(text.lower()))) for text, weight in named if text)


def _first(lines: Sequence[str], start: int, pattern: str) -> int | None:
    """Return the index of the first line from start on that has the pattern and is not the start itself."""
    return next((index for index in range(start + 1, len(lines)) if re.search(pattern, lines[index])), None)
