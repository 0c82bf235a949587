"""Score page -> file: for a page of a datasheet, is the file ranked first one that implements what the page prints?

Gold is every labelled symbol: its file is right for the pages it is labelled with. A page counts from MIN_LABELS
labelled symbols on, because one label may be a passing mention.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mapper.figures import Ratio, number_of, object_of, pages_of, text_of

MIN_LABELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PageScore:
    """How often the first, or one of the first three files of a page is right; pages without files count as wrong."""

    hit_at_1: Ratio
    hit_at_3: Ratio


def score_pages(rows: Iterable[Mapping[str, object]], gold: Iterable[Mapping[str, object]]) -> PageScore:
    """Return the figures of file lines with an anchor against the files of the symbol labels. Raises FormatError."""
    ranked: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        if row.get("level") == "file" and row.get("anchor") is not None:
            page = number_of(object_of(row, "anchor"), "page", row)
            ranked[text_of(object_of(row, "datasheet"), "file", row), page].append(
                (number_of(row, "rank", row), text_of(row, "path", row))
            )
    wanted = _right_files(gold)
    first = three = 0
    for place, right in wanted.items():
        paths = [path for _, path in sorted(ranked.get(place, ()))]
        first += bool(right & set(paths[:1]))
        three += bool(right & set(paths[:3]))
    return PageScore(hit_at_1=Ratio(hits=first, total=len(wanted)), hit_at_3=Ratio(hits=three, total=len(wanted)))


def _right_files(gold: Iterable[Mapping[str, object]]) -> dict[tuple[str, int], set[str]]:
    labels: dict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
    for row in gold:
        if row.get("level") != "symbol":
            continue
        page = row.get("page")
        pages = pages_of(row) if row.get("source") == "read" else {page} if isinstance(page, int) else set()
        for number in pages:
            labels[text_of(row, "file", row), number].add((text_of(row, "path", row), text_of(row, "name", row)))
    return {
        place: {path for path, _ in symbols} for place, symbols in sorted(labels.items()) if len(symbols) >= MIN_LABELS
    }
