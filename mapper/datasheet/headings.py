"""Find the headings of a datasheet.

The outline comes first: its titles are looked up among the lines of the page they lead to. Numbered lines of heading
size or weight are added where the outline is missing or coarse, if their number can follow the numbers before. Only
when a document has neither are larger or bold short lines taken, their style giving the level.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mapper.datasheet.page.layout import CELL_GAP, Line
from mapper.datasheet.page.pages import OutlineEntry, Page
from mapper.datasheet.page.running import is_running, running_lines

LARGER = 1.05  # times the body size: heading size
MUCH_LARGER = 1.15
MAX_TITLE_CHARS = 110
MIN_HEADINGS = 5  # fewer in outline and numbers together: styles are looked at too
MIN_LEADERS = 4
LEADER_SHARE = 0.3  # of a page's lines end in leaders: a table of contents
MAX_FIRST = 4  # the first heading found under another may be up to this one of its children
MAX_GAP = 6  # a numbered heading may skip this many of its siblings

_NUMBERED = re.compile(r"^((?:\d{1,2}|[A-Z])(?:\.\d{1,3}){0,6})\.?\s+(\S.*)$")
_CHAPTER = re.compile(r"^(?:chapter|section|appendix)\s+(\d{1,2}|[A-Z])\s*[:.\-\u2013]?\s+(\S.*)$", re.IGNORECASE)
_LEADER = re.compile(r"(?:\.\s?){4,}|\u2026{2,}|_{5,}")
_CAPTION = re.compile(r"^(?:table|figure|fig\.|equation|note)\s*\d*", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^(?:[\u2022\u25cf\u25a0\u2013*\-]|\(?[a-z0-9]{1,2}\))\s*")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: 1-based page and the index of its line there (-1: it stands above the page's first line)."""

    title: str
    number: str | None
    level: int
    page: int
    line: int


def find_headings(pages: Sequence[Page], outline: Sequence[OutlineEntry]) -> list[Heading]:
    """Return the headings in reading order."""
    running = running_lines(pages)
    body = _body_size(pages)
    found = _outline_headings(pages, outline)
    numbered = _numbered_headings(pages, running, body)
    known = {(heading.page, _fold(heading.title)) for heading in found}
    by_number = {heading.number for heading in found if heading.number}
    if found and by_number:
        deepest_of = {heading.number: heading.level for heading in found if heading.number}
        extra = [
            replace(heading, level=_level_under(heading.number or "", deepest_of))
            for heading in numbered
            if (heading.page, _fold(heading.title)) not in known and heading.number not in by_number
        ]
    elif found:
        extra = [h for h in numbered if (h.page, _fold(h.title)) not in known] if len(found) < MIN_HEADINGS else []
    else:
        extra = numbered
    headings = found + extra
    if len(headings) < MIN_HEADINGS:
        known = {(heading.page, _fold(heading.title)) for heading in headings}
        headings += [h for h in _styled_headings(pages, running, body) if (h.page, _fold(h.title)) not in known]
    return sorted(_without_doubles(headings), key=lambda heading: (heading.page, heading.line))


def _body_size(pages: Sequence[Page]) -> float:
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def _outline_headings(pages: Sequence[Page], outline: Sequence[OutlineEntry]) -> list[Heading]:
    headings: list[Heading] = []
    taken: set[tuple[int, int]] = set()
    for entry in outline:
        number, title = split_number(entry.title)
        if not re.search(r"\w", title) or _CAPTION.match(title):
            continue
        page, line = _locate(pages, entry, title, taken)
        taken.add((page, line))
        headings.append(Heading(title, number, entry.level + 1, page, line))
    return headings


def _locate(pages: Sequence[Page], entry: OutlineEntry, title: str, taken: set[tuple[int, int]]) -> tuple[int, int]:
    """Return page and line of a bookmark: the line with its title, else the first one below its height."""
    wanted = _fold(title)
    whole = _fold(entry.title)
    for number in (entry.page, entry.page + 1):
        if number > len(pages):
            continue
        lines = pages[number - 1].lines
        matches = [
            index
            for index, line in enumerate(lines)
            if (number, index) not in taken
            and not _LEADER.search(line.text)
            and (
                _fold(line.text) in (wanted, whole)
                or (len(wanted) > 12 and len(line.text) > 8 and whole.startswith(_fold(line.text)))
            )
        ]
        if matches:
            return number, max(matches, key=lambda index: (lines[index].size, -index))
    if entry.y is not None:
        below = [i for i, line in enumerate(pages[entry.page - 1].lines) if line.bottom > entry.y]
        if below:
            return entry.page, below[0]
    return entry.page, -1


def _numbered_headings(pages: Sequence[Page], running: frozenset[str], body: float) -> list[Heading]:
    """Return numbered lines of heading style whose numbers follow each other."""
    candidates: list[tuple[Heading, Line]] = []
    for page in pages:
        if _is_contents(page):
            continue
        for index, line in enumerate(page.lines):
            number, title = split_number(line.text)
            if number is None or not _is_title(title) or is_running(line, page, running):
                continue
            if line.size >= LARGER * body or (line.is_bold and line.size >= 0.98 * body):
                level = number.count(".") + 1
                candidates.append((Heading(title, number, level, page.number, index), line))
    return _in_sequence([heading for heading, _ in candidates])


def _is_contents(page: Page) -> bool:
    """Say whether a page is a table of contents; a list of changes has leaders too, but fewer."""
    leaders = sum(bool(_LEADER.search(line.text)) for line in page.lines)
    return leaders >= MIN_LEADERS and leaders >= LEADER_SHARE * len(page.lines)


def _in_sequence(candidates: Sequence[Heading]) -> list[Heading]:
    """Return the longest run of candidates whose numbers grow, each by a step a heading can make."""
    keys = [_number_key(heading.number or "") for heading in candidates]
    best = [1] * len(candidates)
    before = [-1] * len(candidates)
    for at in range(len(candidates)):
        for earlier in range(max(0, at - 60), at):
            if best[earlier] + 1 > best[at] and _can_follow(keys[earlier], keys[at]):
                best[at], before[at] = best[earlier] + 1, earlier
    if not candidates:
        return []
    at = max(range(len(candidates)), key=lambda index: (best[index], -index))
    chain: list[Heading] = []
    while at >= 0:
        chain.append(candidates[at])
        at = before[at]
    return chain[::-1] if len(chain) >= 2 else []


def _can_follow(last: tuple[int, ...], key: tuple[int, ...]) -> bool:
    shared = 0
    while shared < min(len(last), len(key)) and last[shared] == key[shared]:
        shared += 1
    if shared == len(key):
        return False
    old = last[shared] if shared < len(last) else 0
    return 0 < key[shared] - old <= MAX_GAP and all(0 <= part <= MAX_FIRST for part in key[shared + 1 :])


def _styled_headings(pages: Sequence[Page], running: frozenset[str], body: float) -> list[Heading]:
    """Return short lines that stand out by size, or by weight at body size; the style gives the level."""
    found: list[tuple[float, bool, Page, int, Line]] = []
    for page in pages:
        if _is_contents(page):
            continue
        per_row = Counter(round(line.top) for line in page.lines)
        for index, line in enumerate(page.lines):
            if is_running(line, page, running) or not _is_title(line.text) or _CAPTION.match(line.text):
                continue
            stands_out = line.size >= MUCH_LARGER * body or (line.is_bold and line.size >= body)
            if stands_out and per_row[round(line.top)] <= 2 and len(line.words) <= 12 and not _has_cells(line):
                found.append((round(line.size * 2) / 2, line.is_bold, page, index, line))
    common = Counter((size, bold) for size, bold, *_ in found)
    styles = sorted((style for style, count in common.items() if count >= 2), reverse=True)[:5]
    return [
        Heading(line.text, None, styles.index((size, bold)) + 1, page.number, index)
        for size, bold, page, index, line in found
        if (size, bold) in styles
    ]


def _has_cells(line: Line) -> bool:
    """Say whether a line has gaps as wide as those between the cells of a table."""
    return any(after.left - before.right > CELL_GAP * line.size for before, after in pairwise(line.words))


def split_number(text: str) -> tuple[str | None, str]:
    """Return the section number a title starts with, and the rest."""
    match = _NUMBERED.match(text.strip()) or _CHAPTER.match(text.strip())
    if match and not (match[1].isalpha() and match[2][0].islower()):
        letter = match[1].isalpha() and len(match[1]) == 1
        if not letter or _CHAPTER.match(text.strip()):
            return match[1], match[2].strip()
    return None, text.strip()


def _is_title(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    return (
        3 <= len(text) <= MAX_TITLE_CHARS
        and letters >= 2
        and 2 * letters >= len(text.replace(" ", ""))
        and not text.endswith((".", ",", ";"))
        and (text[0].isupper() or text[0].isdigit() or not text[0].isascii() or "_" in text.split()[0])
        and not _LEADER.search(text)
        and not _LIST_ITEM.match(text)
        and not re.search(r"\s\d{1,3}$", text[-5:] if len(text) > 60 else "")
    )


def _level_under(number: str, levels: dict[str, int]) -> int:
    parts = number.split(".")
    for length in range(len(parts) - 1, 0, -1):
        parent = levels.get(".".join(parts[:length]))
        if parent is not None:
            return parent + len(parts) - length
    return len(parts)


def _number_key(number: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 100 + ord(part) - ord("A") for part in number.split("."))


def _without_doubles(headings: Sequence[Heading]) -> list[Heading]:
    """Return headings without a second one at the same line."""
    seen: set[tuple[int, int]] = set()
    kept: list[Heading] = []
    for heading in headings:
        place = (heading.page, heading.line)
        if heading.line >= 0 and place in seen:
            continue
        seen.add(place)
        kept.append(heading)
    return kept


def _fold(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
