"""A second reader for pages that look like a register table but gave none: camelot's lattice on vector rules.

It finds some tables that the first reader's geometry misses. It is slow (seconds to import, a fifth of a second a
page), so it is imported only when needed and asked for few pages; it refuses copy-restricted files, so those are
never given to it. Only its cells are used: the words in them are the first reader's.
"""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

from mapper.datasheet.page.pages import Page
from mapper.datasheet.table.tables import CellBox, Table, grid_of

logger = logging.getLogger(__name__)

MAX_PAGES = 6


def second_tables(pdf: bytes, pages: Sequence[Page]) -> dict[int, list[Table]]:
    """Return the tables camelot finds on these pages (the first MAX_PAGES of them), by page number."""
    from camelot.io import read_pdf  # 2 s and 130 MB: only when a page needs it

    wanted = {page.number: page for page in pages[:MAX_PAGES]}
    found: dict[int, list[Table]] = {}
    for number, page in wanted.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tables = read_pdf(pdf, pages=str(number), flavor="lattice", engine="vector", suppress_stdout=True)
        except Exception as error:  # noqa: BLE001 - camelot raises many kinds for damaged pages; the first reader's result stands
            logger.info("second reader failed page=%d error=%s", number, type(error).__name__)
            continue
        for table in tables:
            boxes = _boxes(table, page.height)
            if len(boxes) > 2:
                found.setdefault(number, []).append(grid_of(boxes, page.words, "camelot"))
    return found


def _boxes(table: Any, height: float) -> list[CellBox]:
    """Return the boxes of a camelot table's cells, cells without a border between them joined."""
    boxes: list[CellBox] = []
    for row in table.cells:
        left: float | None = None
        for cell in row:
            left = cell.x1 if left is None else left
            if cell.right or cell is row[-1]:
                boxes.append((left, height - cell.y2, cell.x2, height - cell.y1))
                left = None
    return boxes
