"""How well headings are found without an outline: measured where there is one, by ignoring it.

The outline's numbered entries are the gold; a heading is right when number, title and page are the entry's. Headings
deeper than the outline goes count neither way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mapper.datasheet.headings import find_headings, split_number
from mapper.datasheet.page.pages import OutlineEntry, Page
from mapper.datasheet.register.notation import fold

MIN_ENTRIES = 10  # numbered ones: a shorter outline is no gold


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingScore:
    """How the headings of one datasheet agree with its outline."""

    file: str
    num_entries: int
    num_headings: int
    num_right: int
    missing: tuple[str, ...]
    surplus: tuple[str, ...]


def score_headings(file: str, pages: Sequence[Page], outline: Sequence[OutlineEntry]) -> HeadingScore | None:
    """Return the score of one datasheet, None when its outline has too few numbered entries."""
    wanted = {(number, fold(title), entry.page): entry for entry in outline for number, title in [_parts(entry.title)]}
    wanted = {key: entry for key, entry in wanted.items() if key[0]}
    if len(wanted) < MIN_ENTRIES:
        return None
    depth = max(key[0].count(".") for key in wanted)
    headings = find_headings(pages, ())
    found = {(h.number or "", fold(h.title), h.page) for h in headings if (h.number or "").count(".") <= depth}
    found = {key for key in found if key[0]}
    return HeadingScore(
        file=file,
        num_entries=len(wanted),
        num_headings=len(found),
        num_right=len(wanted.keys() & found),
        missing=tuple(f"{key[0]} {wanted[key].title} p{key[2]}" for key in wanted if key not in found),
        surplus=tuple(f"{number} {title} p{page}" for number, title, page in sorted(found - wanted.keys())),
    )


def report(scores: Sequence[HeadingScore]) -> Iterable[str]:
    """Yield recall and precision over all datasheets, then the worst ones."""
    right, wanted = sum(s.num_right for s in scores), sum(s.num_entries for s in scores)
    found = sum(s.num_headings for s in scores)
    yield (
        f"headings without outline: {len(scores)} datasheets, recall {right}/{wanted} = {right / max(wanted, 1):.3f},"
        f" precision {right}/{found} = {right / max(found, 1):.3f}"
    )
    for score in sorted(scores, key=lambda s: s.num_right / s.num_entries)[:6]:
        yield f"   {score.file[:48]:48} {score.num_right}/{score.num_entries} found, {score.num_headings} headings"


def _parts(title: str) -> tuple[str, str]:
    number, rest = split_number(title)
    return number or "", rest
