"""A datasheet made ready for linking: its registers, fields, sections and lines, found by word and by address."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mapper.linking.words import CHUNK, Name, canonical, containment, name_of, plain_weight, similarity, split_words
from mapper.model import BitField, Datasheet, Register, Section

WIDE_ADDRESS = 0x1000
"""Addresses from here on are absolute: code often holds the offset in the block only."""
MAX_RETRIEVED = 24
OPENING_PAGES = 2
HEX = re.compile(r"\b0x([0-9A-Fa-f]{1,8})\b|\b([0-9A-Fa-f]{1,4})[hH]\b")
GROUPED = re.compile(r"\b0x([0-9A-Fa-f]{4})[ _]([0-9A-Fa-f]{4})\b")
"""Wide addresses are often printed in two groups of four digits."""
BINARY = re.compile(r"\b([01]{4})[ _]?([01]{4})\b")
VECTORS = re.compile(r"\b(vector|exception|interrupt)", re.IGNORECASE)
MIN_VECTOR_LINES = 3
"""A page with fewer lines that speak of vectors, exceptions or interrupts has no vector table."""
LEADERS = re.compile(r"\.{4,}|(?:\. ){4,}")
TITLE_TAIL = re.compile(r"\s*\(.*$")
"""What a register's title adds in parentheses: its address, its access."""
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,}")
UNTELLING_TITLE = re.compile(
    r"contents|index|revision history|change|ordering|legal|disclaimer|document|figures|tables|glossary|contact|packag|"
    r"trademark|soldering|reflow|abbreviation|mechanical|tape|marking|handling",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A place in the datasheet that a symbol may stand for."""

    name: Name
    register: Register | None
    field: BitField | None
    section: Section | None
    aliases: tuple[Name, ...] = ()
    """Other names printed for it: the title of its section, a register and field name joined."""
    in_block: Name | None = None
    """Its name after that of the block it belongs to."""

    @property
    def key(self) -> tuple[str, str, int, str, int]:
        """What orders targets: register, its section, page, field, address."""
        register = self.register.name if self.register else ""
        page = self.field.page or self.register.page if self.field and self.register else 0
        page = page or (self.register.page if self.register else self.section.page if self.section else 0)
        path = (
            "/".join(self.register.section_path)
            if self.register
            else "/".join(self.section.path if self.section else ())
        )
        address = self.register.address if self.register and self.register.address is not None else -1
        return (register, path, page, self.field.name if self.field else "", address)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page that prints an identifier: where, and the numbers on it."""

    page: int
    text: str
    numbers: frozenset[int]


class SheetIndex:
    """Look-ups in one datasheet: registers by address, targets by word, printed lines by identifier."""

    def __init__(self, sheet: Datasheet) -> None:
        self.sheet = sheet
        self.registers = [
            Target(name_of(r.name), r, None, None, _titles(r), _in_block(r)) for r in _merge(sheet.registers)
        ]
        self.fields = [
            Target(
                name_of(field.name), target.register, field, None, (name_of(f"{target.register.name} {field.name}"),)
            )
            for target in self.registers
            if target.register is not None
            for field in target.register.fields
            if _telling(field.name)
        ]
        self.sections = [
            Target(name_of(s.title), None, None, s) for s in sheet.sections if not UNTELLING_TITLE.search(s.title)
        ]
        self.fields_of: dict[int, list[Target]] = defaultdict(list)
        for target in self.fields:
            self.fields_of[id(target.register)].append(target)
        self.by_address = self._addresses()
        self._target_of = {id(target.register): target for target in self.registers}
        self._postings = _postings([*self.registers, *self.fields])
        self._by_compact: dict[str, list[Target]] = defaultdict(list)
        for target in [*self.registers, *self.fields]:
            self._by_compact[target.name.compact].append(target)
        self._frequency = Counter(token for t in [*self.registers, *self.fields] for token in set(t.name.tokens))
        self._section_frequency = Counter(token for t in self.sections for token in set(t.name.tokens))
        self._title_postings: dict[str, list[int]] = defaultdict(list)
        self._title_compacts: dict[str, list[int]] = defaultdict(list)
        for place, target in enumerate(self.sections):
            self._title_compacts[target.name.compact].append(place)
            for token in set(target.name.tokens):
                self._title_postings[token].append(place)
        self._titled: dict[tuple[tuple[str, ...], str], list[tuple[Target, float, float, float]]] = {}
        self._texts: dict[int, str] = {}
        self._vector_lines: list[tuple[int, str, Name]] | None = None
        self._weights: dict[str, float] = {}
        self._place_of = {id(t): place for place, t in enumerate(sorted([*self.registers, *self.fields], key=_key))}
        self._retrieved: dict[tuple[tuple[str, ...], str], list[Target]] = {}
        self._similar: dict[tuple[tuple[str, ...], str, tuple[str, ...], str], float] = {}
        self._contained: dict[tuple[tuple[str, ...], str, tuple[str, ...], str], float] = {}
        self._alike: dict[tuple[tuple[str, ...], str, int, bool], float] = {}
        self._lines: dict[str, list[Line]] | None = None

    def weight(self, token: str) -> float:
        """Return the weight of a token among register and field names: rare words decide, numbers count little."""
        known = self._weights.get(token)
        if known is None:
            total = len(self.registers) + len(self.fields) + 1
            rarity = math.log(total / (1 + self._frequency.get(token, 0)) + 1) / math.log(total + 1)
            known = self._weights[token] = plain_weight(token) * (0.3 + rarity)
        return known

    def section_weight(self, token: str) -> float:
        """Return the weight of a token among section titles."""
        base = 0.3 if len(token) <= 2 or token.isdigit() else 1.0
        return base / (1 + 0.5 * math.log(1 + self._section_frequency.get(token, 0)))

    def at(self, address: int) -> list[Target]:
        """Return the registers printed at an address, absolute or as the offset in their block."""
        return self.by_address.get(address, [])

    def target_of(self, register: Register) -> Target | None:
        """Return the target of a register of this datasheet."""
        return self._target_of.get(id(register))

    def named(self, name: Name) -> list[Target]:
        """Return the registers and fields with just this name."""
        return self._by_compact.get(name.compact, [])

    def retrieve(self, name: Name) -> list[Target]:
        """Return at most MAX_RETRIEVED registers and fields that share words with a name, the most telling first."""
        known = self._retrieved.get((name.tokens, name.compact))
        if known is None:
            known = self._retrieved[name.tokens, name.compact] = self._retrieve(name)
        return known

    def _retrieve(self, name: Name) -> list[Target]:
        gains: dict[int, float] = defaultdict(float)
        found: dict[int, Target] = {}
        for target in self._by_compact.get(name.compact, []):
            gains[id(target)] += 100.0
            found[id(target)] = target
        for token in dict.fromkeys(name.tokens):
            weight = self.weight(token)
            for target in self._postings.get(token[:4], []):
                found[id(target)] = target
                gains[id(target)] += weight * (1.0 if token in target.name.tokens else 0.5)
            for target in self._postings.get(token[:3], []) if len(token) > 4 else []:  # its first word, run together
                if id(target) not in found:
                    found[id(target)] = target
                    gains[id(target)] += 0.5 * self.weight(token[:3])
        ranked = sorted(found, key=lambda key: (-gains[key], self._place_of[key]))
        return [found[key] for key in ranked[:MAX_RETRIEVED]]

    def similarity(self, left: Name, right: Name) -> float:
        """Return how alike two names are by the weights of this datasheet, each pair computed once."""
        key = (left.tokens, left.compact, right.tokens, right.compact)
        known = self._similar.get(key)
        if known is None:
            known = self._similar[key] = similarity(left, right, self.weight)
        return known

    def containment(self, inner: Name, outer: Name) -> float:
        """Return how much of a name another one holds by the weights of this datasheet, each pair computed once."""
        key = (inner.tokens, inner.compact, outer.tokens, outer.compact)
        known = self._contained.get(key)
        if known is None:
            known = self._contained[key] = containment(inner, outer, self.weight)
        return known

    def likeness(self, name: Name, target: Target, *, strict: bool = False) -> float:
        """Return how well a name says a register or field, 0 to 1: by its printed name, or nearly by its title.

        Where nothing but the name speaks (strict), a target that is only a word of the name is not said by it.
        """
        key = (name.tokens, name.compact, id(target), strict)
        known = self._alike.get(key)
        if known is None:
            known = self._alike[key] = self._likeness(name, target, strict=strict)
        return known

    def _likeness(self, name: Name, target: Target, *, strict: bool) -> float:
        own = self.similarity(name, target.name)
        titled = max((0.92 * self.similarity(name, alias) for alias in target.aliases), default=0.0)
        inside = 0.85 * self.containment(target.name, name) if len(target.name.compact) >= 2 else 0.0
        if target.in_block is not None and (own > 0 or inside > 0):  # else only the block's words agree
            titled = max(titled, 0.92 * self.similarity(name, target.in_block))
        if strict:
            inside = inside if len(target.name.tokens) >= 3 else 0.0
        return max(own, titled, inside)

    def titles(self, name: Name) -> list[tuple[Target, float, float, float]]:
        """Return the sections whose titles share a word with a name, each with similarity and both containments.

        The first containment is the title's in the name, the second the name's in the title.
        """
        known = self._titled.get((name.tokens, name.compact))
        if known is None:
            places = {place for token in name.tokens for place in self._title_postings.get(token, ())}
            places |= set(self._title_compacts.get(name.compact, ()))
            known = self._titled[name.tokens, name.compact] = [
                (
                    target,
                    similarity(name, target.name, self.section_weight),
                    containment(target.name, name, self.section_weight),
                    containment(name, target.name, self.section_weight),
                )
                for target in (self.sections[place] for place in sorted(places))
            ]
        return known

    def lines(self, name: Name) -> list[Line]:
        """Return the lines that print the name as one identifier, contents pages left out."""
        if self._lines is None:
            self._lines = _identifier_lines(self.sheet)
        return self._lines.get(name.compact, [])

    def prints_address(self, register: Register, page: int) -> bool:
        """Say whether a line of a page prints a register's name and its address."""
        name = name_of(register.name)
        if any(line.page == page and register.address in line.numbers for line in self.lines(name)):
            return True
        if not 0 < page <= len(self.sheet.pages):
            return False
        spelt = {_letters(register.name)}
        if page == register.page and register.section_path:  # its section's title may spell it another way
            title = TITLE_TAIL.sub("", register.section_path[-1])
            spelt |= {_letters(title)} if len(title) > 3 else set()
        rows = [row for row in self.sheet.pages[page - 1].splitlines() if register.address in _numbers(row)]
        return any(words and words in _letters(row) for row in rows for words in spelt)

    def section_at(self, page: int, line: str = "") -> Section | None:
        """Return the section a line of a page stands in: the deepest that holds its text, else the last on the page."""
        covering = [s for s in self.sheet.sections if s.page <= page <= max(s.end_page, s.page)]
        wanted = " ".join(line.split())
        holding = [s for s in covering if wanted and wanted in self._text_of(s)]
        return max(holding or covering, key=lambda s: (s.level, s.page), default=None)

    def vector_lines(self) -> list[tuple[int, str, Name]]:
        """Return page, text and name of each line of the vector tables: of pages with MIN_VECTOR_LINES such lines."""
        if self._vector_lines is None:
            self._vector_lines = []
            for number, page in enumerate(self.sheet.pages, start=1):
                lines = [line for line in page.splitlines() if VECTORS.search(line)]
                if len(lines) >= MIN_VECTOR_LINES:
                    self._vector_lines += [(number, line.strip(), name_of(line)) for line in lines]
        return self._vector_lines

    def _text_of(self, section: Section) -> str:
        """Return a section's text with single spaces."""
        text = self._texts.get(id(section))
        if text is None:
            text = self._texts[id(section)] = " ".join(section.text.split())
        return text

    def _addresses(self) -> dict[int, list[Target]]:
        by_address: dict[int, list[Target]] = defaultdict(list)
        for target in self.registers:
            register = target.register
            if register is None or register.address is None:
                continue
            by_address[register.address].append(target)
            if register.address >= WIDE_ADDRESS:
                by_address[register.address & (WIDE_ADDRESS - 1)].append(target)
        return dict(by_address)


def sheet_words(sheet: Datasheet) -> Counter[str]:
    """Return the canonical words of all pages with their counts."""
    return _counted(sheet.pages)


def opening_words(sheet: Datasheet) -> Counter[str]:
    """Return the canonical words of the first pages: what the part is, what it measures or drives."""
    return _counted(sheet.pages[:OPENING_PAGES])


def topic_words(sheet: Datasheet) -> Counter[str]:
    """Return the canonical words that code would name things by: of registers, fields and section titles."""
    registers = (text for r in sheet.registers for text in (r.name, r.description, *(f.name for f in r.fields)))
    return _counted([*registers, *(section.title for section in sheet.sections)])


def _counted(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(canonical(word) for word in split_words(text) if len(word) > 2)
    return counts


def _merge(registers: Iterable[Register]) -> list[Register]:
    """Return the registers without repeated readings: of one name and address the one with most fields.

    Two of them that are both described, under different parents, are registers of two blocks.
    """
    best: dict[tuple[str, int | None, tuple[str, ...]], Register] = {}
    described: set[tuple[str, int | None]] = set()
    for register in registers:
        name = (name_of(register.name).compact, register.address)
        own = bool(register.fields) and len(register.section_path) >= 2
        described |= {name} if own else set()
        key = (*name, register.section_path[:-1] if own else ())
        other = best.get(key)
        if other is None or (len(register.fields), register.confidence) > (len(other.fields), other.confidence):
            best[key] = register
    return [register for key, register in best.items() if key[2] or key[:2] not in described]


def _key(target: Target) -> tuple[str, str, int, str, int]:
    return target.key


def _titles(register: Register) -> tuple[Name, ...]:
    """Return the other names of a register: its short description and its section's title."""
    texts = [register.description]
    if register.page not in register.overview_pages:
        texts += register.section_path[-1:]
    return tuple(name_of(text) for text in texts if 0 < len(text) <= 60)


def _in_block(register: Register) -> Name | None:
    return name_of(f"{register.section_path[-2]} {register.name}") if len(register.section_path) >= 2 else None


def _telling(name: str) -> bool:
    low = name.strip().lower()
    return any(c.isalpha() for c in low) and not re.match(r"(reserved|rsvd|unused|res\b|-|n/?a\b|x+$|0$|1$)", low)


def _postings(targets: list[Target]) -> dict[str, list[Target]]:
    postings: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        for key in {token[:4] for token in target.name.tokens}:
            postings[key].append(target)
    return dict(postings)


def _identifier_lines(sheet: Datasheet) -> dict[str, list[Line]]:
    lines: dict[str, list[Line]] = defaultdict(list)
    for number, page in enumerate(sheet.pages, start=1):
        rows = page.splitlines()
        if sum(1 for row in rows if LEADERS.search(row)) >= 5:
            continue
        for row in rows:
            numbers = _numbers(row)
            compacts = {"".join(CHUNK.findall(word.lower())) for word in IDENTIFIER.findall(row)}
            for compact in compacts:
                lines[compact].append(Line(number, row, numbers))
    return dict(lines)


def _numbers(row: str) -> frozenset[int]:
    """Return the hexadecimal and binary numbers that a line prints."""
    hexadecimal = [int(a or b, 16) for a, b in HEX.findall(row)]
    hexadecimal += [int(a + b, 16) for a, b in GROUPED.findall(row)]
    return frozenset([*hexadecimal, *(int(a + b, 2) for a, b in BINARY.findall(row))])


def _letters(text: str) -> str:
    return "".join(CHUNK.findall(text.lower()))
