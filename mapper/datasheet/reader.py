"""Read a whole datasheet: pages, identity, sections, registers, and the second reader where the first saw nothing."""

import hashlib
import logging
from collections.abc import Sequence

from mapper.datasheet.headings import find_headings
from mapper.datasheet.identity import identify
from mapper.datasheet.page.pages import Page, is_cut_off, open_document
from mapper.datasheet.register.broken_names import join_broken_names
from mapper.datasheet.register.drafts import assemble
from mapper.datasheet.register.parameters import parameters_on
from mapper.datasheet.register.registers import RegisterWalk
from mapper.datasheet.sections import cut_sections
from mapper.datasheet.table.columns import has_register_header, register_tables
from mapper.datasheet.table.second_reader import second_tables
from mapper.datasheet.table.signs import PageFilter
from mapper.errors import DatasheetError
from mapper.model import Datasheet

logger = logging.getLogger(__name__)

MIN_TEXT_CHARS_PER_PAGE = 20  # fewer on average: the pages are pictures


def read_datasheet(pdf: bytes, *, file: str, parts: Sequence[str] = ()) -> Datasheet:
    """Return what a datasheet says: identity, sections, registers, plain pages.

    file names it in messages and hints at its parts; parts are part numbers known beforehand. Raises DatasheetError
    with a reason (not_pdf, truncated, encrypted, scanned, too_large, pdf) when it cannot be read. A file that breaks
    off but whose pages can be recovered, and a page over a limit, make the result partial.

    >>> from mapper import read_datasheet
    >>> from mapper.errors import DatasheetError
    >>> try:
    ...     read_datasheet(b"<html>Not found</html>", file="ab1234.pdf")
    ... except DatasheetError as error:
    ...     print(error.reason)
    not_pdf
    """
    with open_document(pdf, file) as document:
        pages = tuple(document.pages(PageFilter()))
        outline = document.outline()
        title = document.title
        is_restricted = document.is_copy_restricted
    if sum(len(page.text) for page in pages) < MIN_TEXT_CHARS_PER_PAGE * len(pages):
        message = (
            f"{file}: no text on its {len(pages)} pages, only pictures (scanned?); a PDF with a text layer expected"
        )
        raise DatasheetError(message, reason="scanned")
    identity = identify(pages, title, file, parts)
    headings = find_headings(pages, outline)
    walk = RegisterWalk(register_tables)
    walk.read(pages, headings)
    if not is_restricted:
        _ask_second_reader(pdf, pages, walk)
    return Datasheet(
        sha256=hashlib.sha256(pdf).hexdigest(),
        file=file,
        title=identity.title,
        parts=identity.parts,
        family=identity.family,
        revision=identity.revision,
        num_pages=len(pages),
        sections=cut_sections(pages, headings, identity.title),
        registers=join_broken_names(assemble(walk.drafts), (page.text for page in pages)),
        copy_restricted=is_restricted,
        partial=is_cut_off(pdf) or any(page.is_partial for page in pages),
        pages=tuple(page.text for page in pages),
        parameters=tuple(p for page in pages if page.signs.parameters for p in parameters_on(page)),
    )


def _ask_second_reader(pdf: bytes, pages: Sequence[Page], walk: RegisterWalk) -> None:
    doubtful = [pages[number - 1] for number in walk.bare_pages if has_register_header(pages[number - 1].words)]
    if not doubtful:
        return
    logger.info("second reader pages=%s", [page.number for page in doubtful])
    for number, tables in second_tables(pdf, doubtful).items():
        walk.read_tables(pages[number - 1], tables)
