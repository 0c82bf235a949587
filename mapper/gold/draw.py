"""Draw the symbols to label: every kind its turn, one in four without a link, the same for the same seed.

The order comes from a hash of seed and symbol, not from a random generator over a list: when a tree grows, symbols
drawn before keep their places relative to each other, and a larger sample begins with the smaller one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from mapper.gold.labels import LabelKey, label_kind
from mapper.model import Mapping, SourceFile, Symbol, TraceLink

NIL_EVERY = 4
"""Of the symbols of a kind, each so-many-th is one that has no link, as long as there are both."""

UNLABELLED_FORMS = frozenset({"guard", "prototype"})
"""An include guard stands for nothing, a prototype for what its definition stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A symbol to ask about, for one datasheet, with the links that are proposed, best first; none: proposed NIL."""

    file: str
    symbol: Symbol
    links: tuple[TraceLink, ...]

    @property
    def key(self) -> LabelKey:
        return (self.file, self.symbol.path, label_kind(self.symbol), self.symbol.scope, self.symbol.name)


def candidates_of(mapping: Mapping, files: Sequence[SourceFile]) -> tuple[Candidate, ...]:
    """Return each symbol of the files that are about a datasheet, and each linked one, by datasheet, path and line."""
    links: dict[LabelKey, list[TraceLink]] = defaultdict(list)
    symbols: dict[LabelKey, Symbol] = {}
    for link in mapping.links:
        key = (link.sheet_file, link.symbol.path, label_kind(link.symbol), link.symbol.scope, link.symbol.name)
        links[key].append(link)
        symbols.setdefault(key, link.symbol)
    by_path = {file.path: file for file in files}
    for relevance in mapping.files:
        for symbol in by_path[relevance.path].symbols if relevance.accepted else ():
            key = (relevance.sheet_file, symbol.path, label_kind(symbol), symbol.scope, symbol.name)
            symbols.setdefault(key, symbol)
    found = [
        Candidate(file=key[0], symbol=symbol, links=tuple(sorted(links[key], key=lambda link: link.rank)))
        for key, symbol in symbols.items()
        if symbol.form not in UNLABELLED_FORMS
    ]
    return tuple(sorted(found, key=lambda each: (each.file, each.symbol.path, each.symbol.line, each.symbol.name)))


def draw(
    candidates: Iterable[Candidate], *, seed: int = 0, sample: int | None = None, kinds: Collection[str] = ()
) -> tuple[Candidate, ...]:
    """Return a sample in the order to ask, all candidates if sample is None; kinds limits the kinds, if given."""
    strata: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        kind = label_kind(candidate.symbol)
        if not kinds or kind in kinds:
            strata[kind].append(candidate)
    queues = [_with_nil(sorted(strata[kind], key=lambda each: _order(each, seed))) for kind in sorted(strata)]
    drawn = [candidate for turn in zip_longest(*queues) for candidate in turn if candidate is not None]
    return tuple(drawn[:sample])


def _order(candidate: Candidate, seed: int) -> bytes:
    text = "\0".join((str(seed), *(piece or "" for piece in candidate.key)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _with_nil(ordered: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield candidates in order, but an unlinked one at each fourth place, while there are both sorts."""
    linked = [candidate for candidate in ordered if candidate.links]
    unlinked = [candidate for candidate in ordered if not candidate.links]
    while linked and unlinked:
        yield from linked[: NIL_EVERY - 1]
        yield unlinked[0]
        del linked[: NIL_EVERY - 1], unlinked[0]
    yield from linked or unlinked
