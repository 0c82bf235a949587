"""Level 3 for types: enums, their enumerators, structs and their members.

An enum rarely has a register's name; what it encodes shows in the functions that take it. So an enum stands for what
those functions stand for, and its enumerators for what it stands for, or for the field their own name or value says.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mapper.linking.alignment.anchors import register_anchor
from mapper.linking.alignment.definitions import line_match
from mapper.linking.alignment.fields import agreeing_value
from mapper.linking.alignment.matches import Ground, Match, field_matches, register_matches, symbol_key
from mapper.linking.alignment.nil import is_handle_state
from mapper.linking.alignment.targets import Target
from mapper.linking.words import Name, name_of, similarity
from mapper.model import Evidence, Symbol

TYPE_FORMS = frozenset({"struct", "union", "enum", "typedef", "class"})
MANY_TAKERS = 8
"""A type that more functions take is a handle, whatever they do."""
FEW_TAKERS = 4
MIN_FLAG = 0.55
"""Enumerators proposed less surely say nothing about their enum."""
TYPE_TAIL = re.compile(r"(_t|_e|_s|_type|_enum|_struct)+$")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def users_of_types(functions: Sequence[Symbol], types: Sequence[Symbol]) -> dict[str, list[Symbol]]:
    """Return for each type name the functions whose declaration mentions it."""
    names = {symbol.name for symbol in types}
    users: dict[str, list[Symbol]] = defaultdict(list)
    for function in functions:
        parameters = function.declaration.partition("(")[2]  # a result type says how it went, not what it is about
        for word in dict.fromkeys(IDENTIFIER.findall(parameters)):
            if word in names:
                users[word].append(function)
    return dict(users)


def type_name(ground: Ground, symbol: Symbol) -> Name:
    return name_of(TYPE_TAIL.sub("", symbol.name), ground.drop)


def link_type(ground: Ground, symbol: Symbol, users: Mapping[str, Sequence[Symbol]]) -> list[Match]:
    """Return what an enum or struct stands for: what its name says, and what the functions that take it stand for."""
    name = type_name(ground, symbol)
    matches = _named(ground, symbol, name, floor=0.75)
    takers = [taker for taker in users.get(symbol.name, ()) if ground.by_name.get(taker.name)]
    takers = [taker for taker in takers if ground.by_name[taker.name][0].register is not None]
    if not takers or len(takers) > MANY_TAKERS:
        return matches
    tops = {id(ground.by_name[taker.name][0].register) for taker in takers}
    agreed = len(tops) == 1 and len(takers) <= FEW_TAKERS
    for taker in takers:
        share = ground.index.similarity(name, name_of(taker.name, ground.drop))
        if share < 0.3 and not agreed:
            continue
        found = ground.by_name[taker.name]
        top = min(found[0].raw - 0.03, max(0.6 + 0.35 * share, 0.68 if agreed else 0.0))
        for match in found:
            if match.register is None:
                continue
            detail = f"{taker.name} takes it"
            reason = Evidence(rule="parameter", detail=detail, weight=round(share, 4), page=match.anchor.page)
            raw = top - (found[0].raw - match.raw)
            matches.append(replace(match, raw=raw, method="parameter type", evidence=(reason, *match.evidence[:1])))
    return matches


def link_limits(ground: Ground, members: Sequence[Symbol]) -> list[Match]:
    """Return what a struct of limits stands for: the tables its members stand for."""
    found = [ground.found.get(symbol_key(member), []) for member in members]
    tables = [matches[0] for matches in found if matches and matches[0].anchor.place == "parameter"]
    if len(tables) < 2:
        return []
    best = max(tables, key=lambda match: match.raw)
    reason = Evidence(
        rule="members", detail=f"{len(tables)} members are limits", weight=best.raw, page=best.anchor.page
    )
    return [replace(best, raw=best.raw - 0.01, method="members", evidence=(reason,))]


def link_block(ground: Ground, members: Sequence[Symbol]) -> list[Match]:
    """Return what a struct of registers stands for: the table that lists them, or else where the first one stands."""
    tops = [found[0] for member in members if (found := ground.found.get(symbol_key(member)))]
    held = [match for match in tops if match.register is not None and match.field is None and match.raw >= 0.8]
    if len(held) < 3 or 2 * len(held) < len(members):
        return []
    listed = Counter(page for match in held if match.register is not None for page in match.register.overview_pages)
    page = min(listed, key=lambda p: (-listed[p], p)) if listed else held[0].anchor.page
    first = next(
        (m.register for m in held if m.register and page in (*m.register.overview_pages, m.register.page)), None
    )
    if first is None:
        return []
    why = Evidence(
        rule="block", detail=f"{len(held)} of its {len(members)} members are registers", weight=0.86, page=page
    )
    anchor = register_anchor(first, place="overview", page=page)
    return [Match(anchor, 0.86, "register block", (why,), "full", first)]


def link_flags(ground: Ground, members: Sequence[Symbol]) -> list[Match]:
    """Return what an enum of flags stands for: the register that most of its enumerators are fields of."""
    tops = [found[0] for member in members if (found := ground.found.get(symbol_key(member)))]
    tops = [match for match in tops if match.raw >= MIN_FLAG]
    fields = [match for match in tops if match.field is not None and match.register is not None]
    registers = Counter(id(match.register) for match in fields)
    if not registers:
        return []
    most, count = max(registers.items(), key=lambda item: item[1])
    held = [match for match in fields if id(match.register) == most]
    if count < 2 or 2 * count <= len(tops) or held[0].register is None:
        return []
    raw = min(match.raw for match in held) - 0.02
    detail = f"{count} of its {len(members)} enumerators are fields of {held[0].register.name}"
    why = Evidence(rule="flags", detail=detail, weight=round(raw, 4), page=held[0].register.page)
    first = replace(held[0], raw=raw, method="flags", evidence=(why,))
    return [first, *register_matches(held[0].register, raw - 0.01, "flags", [why])]


def link_enumerator(ground: Ground, symbol: Symbol, parent: Sequence[Match]) -> list[Match]:
    """Return what an enumerator stands for: a field that its name and value say, else what its enum stands for."""
    name = ground.name(symbol)
    index = ground.index
    value = symbol.value
    matches: list[Match] = []
    registers = {id(m.register): m for m in parent if m.register is not None}
    for match in registers.values():
        for target in index.fields_of.get(id(match.register), ()):
            if target.field is None or target.register is None:
                continue
            alike = max(index.similarity(name, target.name), 0.9 * index.containment(target.name, name))
            placed = value is not None and agreeing_value(target.field, value) in {"position", "mask", "lowest bit"}
            if alike >= 0.75 or (alike >= 0.4 and placed):
                reason = Evidence(
                    rule="enumerator",
                    detail=f"reads like {target.field.name}",
                    weight=round(alike, 4),
                    page=target.field.page,
                )
                raw = min(0.95, match.raw + (0.06 if placed else 0.02))
                matches += field_matches(target.register, target.field, raw, "enumerator of", [reason])
    for match in parent:
        if (
            match.field is not None
            and value is not None
            and value >= 1 << (match.field.high - match.field.low + 1 + match.field.low)
        ):
            continue
        reason = Evidence(
            rule="enum", detail=f"member of {symbol.scope}", weight=round(match.raw, 4), page=match.anchor.page
        )
        matches.append(
            replace(match, raw=match.raw - 0.02, method="enumerator of", evidence=(reason, *match.evidence[:1]))
        )
    return matches


def link_member(ground: Ground, symbol: Symbol) -> list[Match]:
    """Return what a struct member stands for: only a telling name that the datasheet prints in full."""
    name = name_of(symbol.name, ground.drop)
    if len(name.compact) < 4 or (len(name.tokens) < 2 and not any(c.isdigit() for c in name.compact)):
        return []
    if is_handle_state(symbol, name):
        return []
    matches = _named(ground, symbol, name, floor=0.95)
    if not matches:
        for line in ground.index.lines(name)[:6]:
            if name.compact not in line.text.lower().replace("_", ""):
                continue
            match = line_match(
                ground, line, 0.66 if any(c.isdigit() for c in name.compact) else 0.5, f"{symbol.name} is printed there"
            )
            if match is not None:
                matches.append(match)
    return matches


def _named(ground: Ground, symbol: Symbol, name: Name, *, floor: float) -> list[Match]:
    index = ground.index
    matches: list[Match] = []
    for target in index.retrieve(name):
        alike = _alike(name, target, ground)
        if alike < floor or target.register is None:
            continue
        raw = 0.4 + 0.28 * alike
        evidence = [
            Evidence(rule="name", detail=f"{symbol.name} reads like {target.name.compact}", weight=round(alike, 4))
        ]
        if target.field is not None:
            matches += field_matches(target.register, target.field, raw, "name", evidence)
        else:
            matches += register_matches(target.register, raw, "name", evidence)
    return matches


def _alike(name: Name, target: Target, ground: Ground) -> float:
    return (
        ground.index.likeness(name, target, strict=True)
        if len(target.name.compact) > 2
        else similarity(name, target.name)
    )
