"""Which labelled symbols the mapper missed, by name: what was wanted, what it said instead."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bench.mapper.gold import GoldRow

EXAMPLES = 8
"""Examples shown of each kind of symbol."""


@dataclass(frozen=True, slots=True, order=True)
class Miss:
    """A symbol whose best link is not on a right page, or that has none."""

    kind: str
    name: str
    place: str
    pages: tuple[int, ...]
    got: int | None
    """Page of the best link; None if there is no link."""


def missed(set_name: str, lines: Iterable[Mapping[str, object]], gold: Sequence[GoldRow]) -> list[Miss]:
    """Return the missed symbols of a set, those that no label has a page for left out."""
    best: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for line in lines:
        if line.get("level") == "symbol" and line["rank"] == 1:
            symbol, document, anchor = (_object(line[key]) for key in ("symbol", "datasheet", "anchor"))
            best[str(document["file"]), str(symbol["path"]), str(symbol["name"])].append(int(str(anchor["page"])))
    wanted: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
    for row in gold:
        if row["level"] == "symbol" and not row.get("nil"):
            key = (str(row["kind"]), str(row["file"]), str(row["path"]), str(row["name"]))
            wanted[key] |= _pages(row)
    found = []
    for (kind, sheet, path, name), pages in wanted.items():
        got = best.get((sheet, path, name), [])
        if pages and not pages & set(got):
            place = f"{set_name}: {path}, {sheet}"
            found.append(Miss(kind, name, place, tuple(sorted(pages)), got[0] if got else None))
    return sorted(found, key=lambda miss: (miss.kind, miss.place, miss.name))


def miss_lines(misses: Sequence[Miss]) -> Iterator[str]:
    """Yield the lines of the table: per kind how many were missed, and some of them by name."""
    if not misses:
        return
    yield "== missed symbols, names plain: the page a label names, the page of our best link"
    for kind in sorted({miss.kind for miss in misses}):
        of_kind = [miss for miss in misses if miss.kind == kind]
        silent = sum(miss.got is None for miss in of_kind)
        yield f"  {kind}: {len(of_kind)} missed, {silent} of them without a link"
        for miss in islice(_spread(of_kind), EXAMPLES):
            got = "no link" if miss.got is None else f"page {miss.got}"
            yield f"    {miss.name} ({miss.place}): page {', '.join(map(str, miss.pages))} wanted, {got}"


def _spread(misses: Sequence[Miss]) -> Iterator[Miss]:
    """Yield misses so that each set has its turn."""
    queues: dict[str, list[Miss]] = defaultdict(list)
    for miss in misses:
        queues[miss.place.partition(":")[0]].append(miss)
    while queues:
        for name in list(queues):
            yield queues[name].pop(0)
            if not queues[name]:
                del queues[name]


def _pages(row: GoldRow) -> set[int]:
    anchors = row.get("anchors")
    if isinstance(anchors, list):
        return {int(anchor["page"]) for anchor in anchors}
    return {int(str(row["page"]))} if row.get("page") else set()


def _object(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict)
    return value
