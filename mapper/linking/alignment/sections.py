"""Level 3 by sections: limits, bus addresses, bus transactions and procedures that no register table holds."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mapper.code.wordlist import word_set
from mapper.linking.alignment.anchors import section_anchor
from mapper.linking.alignment.functions import CONVERSIONS, function_name, is_bus_access
from mapper.linking.alignment.matches import Ground, Match
from mapper.linking.alignment.targets import Target
from mapper.linking.words import Name
from mapper.model import Evidence, Grade, Place, Section, Symbol

LIMIT_TITLES = re.compile(
    r"operating\s+(conditions|ratings|range)|absolute\s+maximum|electrical\s+(characteristics|specification)|^specifications?$",
    re.IGNORECASE,
)
BEST_LIMIT_TITLES = re.compile(r"operating\s+(conditions|ratings|range)", re.IGNORECASE)
LIMIT_PHRASES = {
    "temperature": re.compile(r"(operating|ambient)[^\n]{0,30}temperature", re.IGNORECASE),
    "voltage": re.compile(r"(supply|operating)\s+voltage|\bV(DD|CC|S)\b", re.IGNORECASE),
    "supply": re.compile(r"(supply|operating)\s+voltage|\bV(DD|CC|S)\b", re.IGNORECASE),
    "current": re.compile(r"supply\s+current|\bI(DD|CC)\b", re.IGNORECASE),
}
BOUND_WORDS = frozenset({"min", "max"})
ADDRESS_TITLES = re.compile(
    r"(slave|device|i2c|i²c|chip|serial|bus|pin)\W.{0,12}address|address\s+(selection|pin)|\bADDR\b", re.IGNORECASE
)
ADDRESS_PHRASE = re.compile(r"(slave|device|i2c|i²c|7-bit|chip)\s+address", re.IGNORECASE)
ADDRESS_WORDS = word_set("i2c slave device default low high pin gnd vcc vdd sda scl iic dev alt get set")
READ_TITLES = re.compile(r"\b(read|reading|receiv)", re.IGNORECASE)
WRITE_TITLES = re.compile(r"\b(write|writing|transmi)", re.IGNORECASE)
BUS_TITLES = re.compile(
    r"i2c|i²c|spi|uart|serial|bus|register|interface|operation|transaction|protocol|sequence", re.IGNORECASE
)
CONVERTING = re.compile(r"compensat|calculat|formula|convert", re.IGNORECASE)
PARENTHESES = re.compile(r"\([^)]*\)")
"""Titles of registers say in parentheses how they may be accessed."""
MAX_SECTIONS = 3
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
PRINTED_LIMIT_RAW = 0.74


def link_section(ground: Ground, symbol: Symbol, name: Name) -> list[Match]:
    """Return the sections a symbol stands for by the words of their titles."""
    tokens = set(name.tokens) | set(name.words)
    if tokens & BOUND_WORDS and tokens & set(LIMIT_PHRASES):
        return _limits(ground, symbol, tokens)
    if _is_bus_address(symbol, tokens):
        return _bus_address(ground)
    if symbol.kind != "function":
        return []
    if is_bus_access(ground, symbol):
        return _transactions(ground, name)
    return _procedures(ground, symbol)


def _is_bus_address(symbol: Symbol, tokens: set[str]) -> bool:
    if not tokens & {"address", "addr"}:
        return False
    others = {token for token in tokens - {"address", "addr"} if not token.isdigit()}
    return others <= ADDRESS_WORDS and (symbol.form != "member" or "i2c" in others)


def _limits(ground: Ground, symbol: Symbol, tokens: set[str]) -> list[Match]:
    """Return the tables of limits, those first that print the quantity."""
    phrases = [pattern for word, pattern in sorted(LIMIT_PHRASES.items()) if word in tokens]

    def sure(section: Section) -> float:
        printed = any(phrase.search(section.text) for phrase in phrases)
        return 0.62 + (0.08 if printed else 0.0) + (0.04 if BEST_LIMIT_TITLES.search(section.title) else 0.0)

    found = [s for s in ground.index.sheet.sections if LIMIT_TITLES.search(s.title)]
    if printed := _printed_limit(ground, symbol, tokens, phrases):
        return printed
    matches = _matches(found, sure, f"{symbol.name} is a limit", "parameter", "partial")
    return [replace(m, anchor=replace(m.anchor, page=_printing_page(ground, m, phrases))) for m in matches]


def _printed_limit(ground: Ground, symbol: Symbol, tokens: set[str], phrases: Sequence[re.Pattern[str]]) -> list[Match]:
    """Return the rows of parameters that print a limit's quantity and its very value as that bound."""
    number = NUMBER.search(symbol.declaration.partition(symbol.name)[2])
    if number is None:
        return []
    wanted, matches = float(number[0]), []
    for row in ground.index.sheet.parameters:
        printed = row.max if "max" in tokens else row.min
        if printed is None or (given := NUMBER.search(printed.replace("−", "-").replace("–", "-"))) is None:
            continue
        section = ground.index.section_at(row.page, row.name)
        said = any(phrase.search(text) for phrase in phrases for text in (row.name, row.symbol))
        if said and float(given[0]) == wanted and section is not None:
            why = Evidence(rule="parameter", detail=f"{row.name}: {printed}", weight=PRINTED_LIMIT_RAW, page=row.page)
            anchor = section_anchor(section, place="parameter", page=row.page)
            matches.append(Match(anchor, PRINTED_LIMIT_RAW, "parameter", (why,)))
    return matches[:MAX_SECTIONS]


def _printing_page(ground: Ground, match: Match, phrases: Sequence[re.Pattern[str]]) -> int:
    """Return the page of a section's table that prints a quantity, the section's first page if none does."""
    anchor = match.anchor
    last = max((s.end_page for s in ground.index.sheet.sections if s.path == anchor.path), default=anchor.page)
    pages = ground.index.sheet.pages
    for page in range(anchor.page, min(last, len(pages)) + 1):
        if any(phrase.search(pages[page - 1]) for phrase in phrases):
            return page
    return anchor.page


def _bus_address(ground: Ground) -> list[Match]:
    """Return the sections about the device's bus address: by title, else the one that speaks of it most."""
    titled = [t.section for t in ground.index.sections if t.section and ADDRESS_TITLES.search(t.section.title)]
    if titled:
        return _matches(titled, lambda _: 0.68, "the bus address", "table", "full")
    counts = [(len(ADDRESS_PHRASE.findall(s.text)), s) for s in ground.index.sheet.sections]
    best = max(counts, key=lambda item: (item[0], -item[1].page), default=(0, None))
    if best[1] is None or best[0] < 2:
        return []
    return _matches([best[1]], lambda _: 0.64, "speaks of the bus address", "table", "partial")


def _transactions(ground: Ground, name: Name) -> list[Match]:
    """Return the sections that say how the bus is read or written, where a function does just that."""
    reads = bool({"read", "get", "receive"} & set(name.words))
    wanted = READ_TITLES if reads else WRITE_TITLES
    bus = next((word for word in ("i2c", "spi", "uart") if word in name.tokens), None)

    def fits(section: Section) -> bool:
        title = PARENTHESES.sub("", section.title).replace("²", "2").lower()
        if not wanted.search(title) or not BUS_TITLES.search(title):
            return False
        return bus is None or bus in title or not re.search(r"i2c|spi|uart", title)

    found = [t.section for t in ground.index.sections if t.section and fits(t.section)]
    return _matches(found, lambda _: 0.66, "the bus transaction", "procedure", "partial")


def _procedures(ground: Ground, symbol: Symbol) -> list[Match]:
    """Return sections whose title says what a function's name says, in at least two telling words."""
    name = function_name(ground, symbol)
    converts = bool(CONVERSIONS & set(ground.name(symbol).words))
    scored: list[tuple[float, Target]] = []
    for target, alike, inside, said in ground.index.titles(name):
        title = target.name
        best = max(alike, 0.9 * inside if len(title.tokens) >= 2 else 0.0)
        if converts and target.section is not None and CONVERTING.search(target.section.text):
            best = max(best, 0.9 * said)
        if best >= 0.8 and (len(title.tokens) >= 2 or alike == 1.0):
            scored.append((best, target))
    scored.sort(key=lambda item: (-item[0], item[1].key))
    by_section = {id(target.section): 0.44 + 0.22 * alike for alike, target in scored}
    found = [target.section for _, target in scored if target.section is not None]
    return _matches(found, lambda s: by_section[id(s)], f"{symbol.name} reads like its title", "procedure", "full")


def _matches(
    sections: Iterable[Section], sure: Callable[[Section], float], why: str, place: Place, grade: Grade
) -> list[Match]:
    """Return the matches of the surest sections."""
    matches = []
    for section in sorted(sections, key=lambda s: (-sure(s), s.page, s.path)):
        raw = sure(section)
        reason = Evidence(rule="section", detail=f"{section.title}: {why}", weight=round(raw, 4), page=section.page)
        matches.append(Match(section_anchor(section, place=place), raw, "section title", (reason,), grade))
    return matches[:MAX_SECTIONS]
