"""What a comparison of two releases reports when little or nothing changed: saved again, and revised."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import pypdfium2

from mapper.datasheet import diff_datasheets, read_datasheet
from mapper.model import Datasheet


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffScore:
    """What a comparison reported of two releases."""

    old: str
    new: str
    num_sections: int
    sections_changed: int
    sections_lost: int
    registers_changed: int
    parameters_changed: int


def compare(old: Datasheet, new: Datasheet) -> DiffScore:
    """Return how many sections, registers and parameters a comparison reports."""
    changes = diff_datasheets(old, new)
    kinds = [change.anchor.partition("/")[0] for change in changes]
    return DiffScore(
        old=old.file,
        new=new.file,
        num_sections=len(old.sections),
        sections_changed=len({change.anchor for change in changes if change.anchor.startswith("section/")}),
        sections_lost=sum(change.what == "removed" and change.anchor.startswith("section/") for change in changes),
        registers_changed=sum(kind in ("register", "field", "command") for kind in kinds),
        parameters_changed=kinds.count("parameter"),
    )


def saved_again(pdf: bytes) -> bytes:
    """Return the same document with other bytes: every object written anew."""
    buffer = io.BytesIO()
    with pypdfium2.PdfDocument(pdf) as document:
        document.save(buffer)
    return buffer.getvalue()


def score_saved(files: Sequence[tuple[str, bytes]]) -> list[DiffScore]:
    """Return the comparison of each file with itself saved again."""
    return [compare(read_datasheet(pdf, file=name), read_datasheet(saved_again(pdf), file=name)) for name, pdf in files]


def score_revisions(sheets: Sequence[Datasheet]) -> list[DiffScore]:
    """Return the comparison of every two releases of one family, the one with fewer sections as the old one."""
    ordered = sorted(sheets, key=lambda sheet: (len(sheet.sections), sheet.file))
    return [compare(old, new) for old, new in combinations(ordered, 2)]


def report(saved: Sequence[DiffScore], revised: Sequence[DiffScore]) -> Iterable[str]:
    """Yield a line for files saved again and one for revisions."""
    sections = sum(score.num_sections for score in saved)
    yield (
        f"saved again: {len(saved)} files, {sum(s.registers_changed for s in saved)} register changes,"
        f" {sum(s.sections_changed for s in saved)} of {sections} sections,"
        f" {sum(s.parameters_changed for s in saved)} parameters changed"
    )
    shares = sorted(1 - score.sections_lost / score.num_sections for score in revised)
    if shares:
        yield (
            f"revisions of one datasheet: {len(revised)} pairs, sections matched {sum(shares) / len(shares):.3f}"
            f" on average, {shares[0]:.3f} at worst"
        )
