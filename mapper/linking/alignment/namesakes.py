"""Symbols that stand for what a function of the same name stands for: struct members it sets, conversions for it.

channel in a struct that set_channel takes holds what set_channel writes; delay_convert_to_data computes what set_delay
writes. Members may also say in their comment what they hold, in the datasheet's own spelling.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.linking.alignment.functions import CONVERSIONS, function_name
from mapper.linking.alignment.matches import Ground, Match, field_matches, register_matches, symbol_key
from mapper.linking.words import name_of
from mapper.model import Evidence, Symbol

MIN_RAW = 0.7
"""A function must be linked this surely before another symbol stands for the same."""
MIN_LETTERS = 4
PRINTED_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")
COMMENT_RAW = 0.7
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Namesakes:
    """The linked functions by what their names are about, and all functions by what their bodies mention."""

    by_name: dict[Key, list[Symbol]]
    mentioning: dict[str, list[Symbol]]


def namesakes(ground: Ground, functions: Sequence[Symbol]) -> Namesakes:
    """Return the functions with a body by the words of their names, and by the identifiers they mention."""
    by_name: dict[Key, list[Symbol]] = defaultdict(list)
    mentioning: dict[str, list[Symbol]] = defaultdict(list)
    for function in functions:
        if function.form == "prototype":
            continue
        for reference in function.references:
            mentioning[reference].append(function)
        found = ground.found.get(symbol_key(function), [])
        if found and found[0].raw >= MIN_RAW and not CONVERSIONS & set(ground.name(function).words):
            by_name[function_name(ground, function).tokens].append(function)
    return Namesakes(dict(by_name), dict(mentioning))


def link_conversion(ground: Ground, symbol: Symbol, known: Namesakes) -> list[Match]:
    """Return what the getters and setters of the quantity that a function converts stand for."""
    if not CONVERSIONS & set(ground.name(symbol).words):
        return []
    return _of(ground, symbol, known.by_name.get(function_name(ground, symbol).tokens, []), "conversion")


def link_held(ground: Ground, symbol: Symbol, known: Namesakes) -> list[Match]:
    """Return what a struct member holds: what functions of its name set, or what its comment names."""
    name = name_of(symbol.name, ground.drop)
    using = known.mentioning.get(symbol.name, [])
    if len(name.compact) < MIN_LETTERS or not using or "(" in symbol.declaration:
        return []
    holder = symbol.scope.rpartition("::")[2] if symbol.scope else ""
    own = [f for f in known.by_name.get(name.tokens, []) if f in using and _touches(f, symbol, holder)]
    return _of(ground, symbol, own, "held value") or _commented(ground, symbol, using)


def _touches(function: Symbol, member: Symbol, holder: str) -> bool:
    """Say whether a function takes the struct of a member, or is a method of its class."""
    return function.scope == member.scope is not None or bool(
        holder and re.search(rf"\b{holder}\b", function.declaration)
    )


def _of(ground: Ground, symbol: Symbol, functions: Sequence[Symbol], method: str) -> list[Match]:
    """Return the matches of the functions, if all of them stand for the same register."""
    found = [ground.found[symbol_key(function)] for function in functions]
    tops = {id(matches[0].register) for matches in found}
    if not found or len(tops) != 1 or found[0][0].register is None:
        return []
    detail = f"{symbol.name} has the name of {functions[0].name}"
    best = max(found, key=lambda matches: matches[0].raw)
    why = Evidence(rule="namesake", detail=detail, weight=round(best[0].raw, 4), page=best[0].anchor.page)
    return [replace(match, raw=match.raw - 0.03, method=method, evidence=(why, *match.evidence[:1])) for match in best]


def _commented(ground: Ground, symbol: Symbol, using: Sequence[Symbol]) -> list[Match]:
    """Return the field or register that a comment names, where a function that uses the member uses its register."""
    index = ground.index
    used = {
        id(match.register)
        for function in using
        for reference in function.references
        for match in ground.by_name.get(reference, ())[:1]
    }
    names = {name_of(word).compact for word in PRINTED_NAME.findall(symbol.comment) if len(word) > 1}
    said = [t for t in [*index.fields, *index.registers] if t.name.compact in names and id(t.register) in used]
    if len({id(target.register) for target in said}) != 1:
        return []
    target, register = said[0], said[0].register
    if register is None:
        return []
    why = Evidence(rule="comment", detail=f"its comment names {target.name.compact}", weight=COMMENT_RAW)
    if target.field is not None:
        return field_matches(register, target.field, COMMENT_RAW, "held value", [why])
    return register_matches(register, COMMENT_RAW, "held value", [why])
