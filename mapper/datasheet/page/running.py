"""Running headers and footers: lines that repeat at the edge of many pages, their digits apart."""

import re
from collections import Counter
from collections.abc import Sequence

from mapper.datasheet.page.layout import Line
from mapper.datasheet.page.pages import Page

EDGE = 0.13  # of the page height: where running headers and footers stand
REPEATS = 0.12  # of the pages: a line on more of them (digits apart) is a running one
MIN_REPEATS = 3


def running_lines(pages: Sequence[Page]) -> frozenset[str]:
    """Return the running headers and footers, digits replaced."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_running_key(line) for line in page.lines if _at_edge(line, page)})
    least = max(MIN_REPEATS, REPEATS * len(pages))
    return frozenset(key for key, count in counts.items() if count >= least)


def edge_texts(pages: Sequence[Page], running: frozenset[str]) -> Counter[str]:
    """Return the texts of running headers and footers with how often each stands, digits kept."""
    return Counter(line.text for page in pages for line in page.lines if is_running(line, page, running))


def is_running(line: Line, page: Page, running: frozenset[str]) -> bool:
    """Say whether a line is a running header or footer."""
    return _at_edge(line, page) and _running_key(line) in running


def _at_edge(line: Line, page: Page) -> bool:
    return line.bottom < EDGE * page.height or line.top > (1 - EDGE) * page.height


def _running_key(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)
