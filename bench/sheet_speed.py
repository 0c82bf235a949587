"""How fast datasheets are read, what the page filter saves, and the same work done by camelot."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mapper.datasheet import read_datasheet
from mapper.datasheet.headings import find_headings
from mapper.datasheet.page.pages import Page, open_document
from mapper.datasheet.register.drafts import assemble
from mapper.datasheet.register.registers import RegisterWalk
from mapper.datasheet.table.columns import register_tables
from mapper.datasheet.table.second_reader import MAX_PAGES, second_tables
from mapper.datasheet.table.signs import PageFilter, Signs
from mapper.model import Register


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterScore:
    """What the page filter keeps and loses of one datasheet."""

    file: str
    num_pages: int
    pages_kept: int
    num_registers: int
    registers_lost: int


def score_filter(file: str, pdf: bytes) -> FilterScore:
    """Return what tables on all pages give that tables on the filter's pages do not."""
    with open_document(pdf, file) as document:
        every = list(document.pages(lambda _: Signs(registers=True)))
        kept = list(document.pages(PageFilter()))
    whole = {(register.name, register.address) for register in _registers(every)}
    found = {(register.name, register.address) for register in _registers(kept)}
    return FilterScore(
        file=file,
        num_pages=len(every),
        pages_kept=sum(page.signs.registers for page in kept),
        num_registers=len(whole),
        registers_lost=len(whole - found),
    )


def read_with_camelot(pdf: bytes, file: str, numbers: Sequence[int] | None = None) -> tuple[Register, ...]:
    """Return the registers in the tables that camelot finds on these pages (all); none for a file that it refuses."""
    with open_document(pdf, file) as document:
        pages = [page for page in document.pages() if numbers is None or page.number in numbers]
    walk = RegisterWalk(lambda _: ())
    walk.read(pages, find_headings(pages, ()))
    for start in range(0, len(pages), MAX_PAGES):
        some = pages[start : start + MAX_PAGES]
        for number, tables in second_tables(pdf, some).items():
            walk.read_tables(next(page for page in some if page.number == number), tables)
    return assemble(walk.drafts)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare_cpu(files: Sequence[tuple[str, bytes]]) -> tuple[float, float]:
    """Return the CPU seconds for all pages of some files: ours, the whole product, and camelot's tables alone."""
    import camelot.io  # noqa: F401 - its import is no part of the time

    ours = sum(cpu_seconds(lambda: read_datasheet(pdf, file=file)) for file, pdf in files)  # noqa: B023 - called at once
    peer = 0.0
    for file, pdf in files:
        with open_document(pdf, file) as document:
            pages = list(document.pages())
        for start in range(0, len(pages), MAX_PAGES):
            some = pages[start : start + MAX_PAGES]
            peer += cpu_seconds(lambda: second_tables(pdf, some))  # noqa: B023 - called at once
    return ours, peer


def report_filter(scores: Sequence[FilterScore]) -> Iterable[str]:
    """Yield one line: the share of the pages that is kept and of the registers that is lost."""
    pages, registers = sum(s.num_pages for s in scores), sum(s.num_registers for s in scores)
    kept, lost = sum(s.pages_kept for s in scores), sum(s.registers_lost for s in scores)
    yield (
        f"page filter: {len(scores)} datasheets, keeps {kept}/{pages} = {kept / max(pages, 1):.3f} of the pages,"
        f" loses {lost}/{registers} = {lost / max(registers, 1):.3f} of the registers"
    )


def _registers(pages: Sequence[Page]) -> tuple[Register, ...]:
    walk = RegisterWalk(register_tables)
    walk.read(pages, find_headings(pages, ()))
    return assemble(walk.drafts)
