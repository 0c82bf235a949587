"""What a symbol may stand for and why: matches, and the ground that all rules of level 3 share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from mapper.linking.alignment.anchors import field_anchor, register_anchor
from mapper.linking.alignment.targets import SheetIndex, Target
from mapper.linking.index.tree import TreeIndex
from mapper.linking.parts import SIBLING, grade_name, is_part_like
from mapper.linking.vocabulary import FIELD_MARKS, REGISTER_MARKS
from mapper.linking.words import CHUNK, Name, name_of
from mapper.model import Anchor, BitField, Evidence, Grade, Register, SourceFile, Symbol

MAX_LINKS = 6
"""Anchors kept for one symbol in one datasheet."""
SHARED_PREFIX = 0.6
"""A first word that this share of an answer set's symbols has says nothing about any one of them."""


@dataclass(frozen=True, slots=True)
class Match:
    """One anchor proposed for one symbol. raw: score before calibration."""

    anchor: Anchor
    raw: float
    method: str
    evidence: tuple[Evidence, ...]
    grade: Grade = "full"
    register: Register | None = None
    field: BitField | None = None


@dataclass(slots=True)
class Ground:
    """One datasheet and the files accepted for it, as the rules see them; rules leave what they found here."""

    index: SheetIndex
    tree: TreeIndex
    files: Sequence[SourceFile]
    drop: frozenset[str]
    found: dict[tuple[str, str, int], list[Match]] = field(default_factory=dict)
    by_name: dict[str, list[Match]] = field(default_factory=dict)

    def name(self, symbol: Symbol) -> Name:
        return name_of(symbol.name, self.drop)

    def record(self, symbol: Symbol, matches: Iterable[Match]) -> None:
        """Keep the best matches of a symbol, one an anchor: of a table printed on two pages the better, then first."""
        best: dict[tuple[object, ...], Match] = {}
        for match in (*self.found.get(symbol_key(symbol), ()), *matches):
            key = (
                match.anchor.kind,
                match.anchor.place,
                match.anchor.register,
                match.anchor.address,
                match.anchor.field,
                match.anchor.path,
            )
            if key not in best or order(match) < order(best[key]):
                best[key] = match
        if best:
            ordered = sorted(best.values(), key=order)[:MAX_LINKS]
            self.found[symbol_key(symbol)] = ordered
            self.by_name[symbol.name] = ordered

    def forget(self, symbol: Symbol) -> None:
        """Drop what was proposed for a symbol, where a stronger rule has decided."""
        self.found.pop(symbol_key(symbol), None)

    def record_weak(self, symbol: Symbol, matches: Sequence[Match]) -> None:
        """Keep proposals of a symbol that are too weak for a link and for other rules to build on."""
        if matches:
            self.found[symbol_key(symbol)] = list(matches)


def symbol_key(symbol: Symbol) -> tuple[str, str, int]:
    return (symbol.path, symbol.qualified_name, symbol.line)


def order(match: Match) -> tuple[object, ...]:
    """Return what sorts matches: best first, then by anchor."""
    anchor = match.anchor
    return (
        -round(match.raw, 4),
        anchor.page,
        anchor.place,
        anchor.register or "",
        anchor.field or "",
        anchor.path,
        anchor.title,
    )


def dropped_words(files: Sequence[SourceFile], index: SheetIndex, parts: Iterable[str]) -> frozenset[str]:
    """Return the words that carry no meaning in these files: names of the part, a first word that most share."""
    known = list(parts)
    words: dict[str, int] = {}
    total = 0
    dropped = set(known)
    for file in files:
        for symbol in file.symbols:
            chunks = CHUNK.findall(symbol.name.lower())
            if symbol.scope is not None or len(chunks) < 2:
                continue
            total += 1
            words[chunks[0]] = words.get(chunks[0], 0) + 1
            dropped |= {c for c in chunks if is_part_like(c) and any(grade_name(c, part) >= SIBLING for part in known)}
    printed = {token for target in (*index.registers, *index.fields) for token in target.name.words}
    dropped |= {
        word for word, count in words.items() if count >= SHARED_PREFIX * total and count >= 5 and word not in printed
    }
    return frozenset(dropped)


def spelled_alike(name: Name, target: Target) -> float:
    """Return how alike two names are letter by letter, for names that differ by a slip or an odd abbreviation."""
    if min(len(name.compact), len(target.name.compact)) < 5:
        return 0.0
    return SequenceMatcher(None, name.compact, target.name.compact, autojunk=False).ratio()


def is_register_marked(name: Name) -> bool:
    return any(word in REGISTER_MARKS for word in name.words)


def is_field_marked(name: Name) -> bool:
    return any(word in FIELD_MARKS for word in name.words)


def register_matches(register: Register, raw: float, method: str, evidence: Sequence[Evidence]) -> list[Match]:
    """Return the matches a register gives: its description and the tables that list it."""
    own = Match(register_anchor(register), raw, method, tuple(evidence), "full", register)
    rows = [
        Match(
            register_anchor(register, place="overview", page=page),
            raw - 0.03,
            method,
            tuple(evidence),
            "full",
            register,
        )
        for page in register.overview_pages
        if page != register.page or own.anchor.place != "overview"
    ]
    return [own, *rows]


def field_matches(
    register: Register, bits: BitField, raw: float, method: str, evidence: Sequence[Evidence]
) -> list[Match]:
    """Return the matches a field gives: its own description, then its register's, less sure and partial."""
    own = Match(field_anchor(register, bits), raw, method, tuple(evidence), "full", register, bits)
    weaker = register_matches(register, raw - 0.05, method, evidence)
    return [own, *(Match(m.anchor, m.raw, m.method, m.evidence, "partial", register, bits) for m in weaker)]
