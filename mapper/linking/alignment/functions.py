"""Level 3 for functions: by the registers their bodies use, then by the words of their names.

A getter that uses one register stands for that register, or for the field of it that its name says. Helpers hide
registers one call away, so what a called function of the same files uses counts too, less.
"""

from collections.abc import Mapping

from mapper.code.wordlist import word_set
from mapper.linking.alignment.anchors import section_anchor
from mapper.linking.alignment.matches import Ground, Match, field_matches, register_matches
from mapper.linking.alignment.nil import is_soft_plumbing
from mapper.linking.alignment.targets import Target
from mapper.linking.index.structure import unit_stem
from mapper.linking.vocabulary import VERBS
from mapper.linking.words import Name, name_of
from mapper.model import Evidence, Register, Symbol

MANY_REGISTERS = 6
"""A function that uses more registers than this stands for none of them by use alone."""
MIN_SUPPORT = 0.6
"""A definition must be linked at least this surely for its use to say something."""
WEAK_FIELD_WORDS = frozenset({"enable", "flag", "data"})
CONVERSIONS = word_set("convert conversion to from raw calculate calc compute compensate")
BUS_WORDS = word_set(
    "field fields flag wait poll "
    "i2c iic spi uart bus reg register registers byte bytes word words data multiple multi single block "
    "burst raw buffer buf len length 8 16 32 u8 u16 u32 a b n no wo"
)

Used = dict[str, tuple[Register, float]]


def link_function(ground: Ground, symbol: Symbol, functions: Mapping[str, Symbol]) -> list[Match]:
    """Return what a function stands for: fields and registers it uses, named ones first."""
    name = function_name(ground, symbol)
    used = _used(ground, symbol)
    direct = bool(used)
    if not used:
        for callee in symbol.references:
            if callee in functions and callee != symbol.name:
                called = _used(ground, functions[callee])
                if len(called) <= 2:
                    used.update(called)
    matches: list[Match] = []
    for register, support in used.values():
        matches += _by_use(ground, symbol, name, register, support, len(used), direct=direct)
    if not direct and not any(match.raw >= 0.7 for match in matches):
        matches += _by_name(ground, symbol, name)
    if not matches:
        matches = _by_block(ground, symbol, name)
    if is_soft_plumbing(ground.name(symbol)):
        matches = [match for match in matches if match.raw >= 0.9]
    return matches


def function_name(ground: Ground, symbol: Symbol) -> Name:
    """Return a function's name without verbs: set_data_rate is about the data rate, rate_convert_to_data too."""
    words = list(ground.name(symbol).words)
    if len(words) > 1 and words[0] == "a":
        words = words[1:]
    cut = next((i for i, word in enumerate(words) if word in CONVERSIONS), len(words))
    head = words[:cut] if cut > 0 else [word for word in words if word not in CONVERSIONS]
    kept = [word for word in head if word not in VERBS]
    return name_of(" ".join(kept or head or words))


def is_bus_access(ground: Ground, symbol: Symbol) -> bool:
    """Say whether a function only moves bytes over the bus: its name has a direction and nothing but bus words."""
    words = ground.name(symbol).words
    verbs = [word for word in words if word in VERBS]
    if len(words) == 1 and symbol.scope is not None:
        return False  # a method: what it writes is what its class stands for
    return bool(verbs) and all(word in BUS_WORDS or word in VERBS for word in words)


def used_registers(ground: Ground, symbol: Symbol) -> list[Register]:
    """Return the registers that a body uses through linked definitions, in order of first use."""
    return [register for register, _ in _used(ground, symbol).values()]


def _used(ground: Ground, symbol: Symbol) -> Used:
    """Return the registers that a body uses through linked definitions, with the definition's score."""
    used: Used = {}
    for reference in symbol.references:
        best = ground.by_name.get(reference)
        if not best or best[0].register is None or best[0].raw < MIN_SUPPORT:
            continue
        register = best[0].register
        key = f"{register.name}@{register.address}@{register.page}"
        if key not in used or best[0].raw > used[key][1]:
            used[key] = (register, best[0].raw)
    return used


def _by_use(
    ground: Ground, symbol: Symbol, name: Name, register: Register, support: float, num_used: int, *, direct: bool
) -> list[Match]:
    index = ground.index
    target = index.target_of(register)
    alike = index.likeness(name, target) if target is not None else 0.0
    spread = 0.05 * (num_used - 1)
    raw = (0.7 if direct else 0.58) + 0.22 * alike - min(spread, 0.3) - 0.1 * (1 - support)
    how = "uses" if direct else "calls what uses"
    use = Evidence(rule="uses", detail=f"{symbol.name} {how} {register.name}", weight=round(raw, 4), page=register.page)
    matches: list[Match] = []
    if num_used <= MANY_REGISTERS or alike >= 0.6:
        matches += register_matches(register, raw, "register use", [use])
    for candidate in index.fields_of.get(id(register), ()):
        if candidate.field is None:
            continue
        said = _field_likeness(name, candidate, ground)
        if said < 0.5:
            continue
        page = candidate.field.page or register.page
        reads = Evidence(
            rule="field name", detail=f"reads like {candidate.field.name}", weight=round(said, 4), page=page
        )
        sure = (0.8 if direct else 0.7) + 0.18 * said - min(spread, 0.1)
        matches += field_matches(register, candidate.field, sure, "register use+field name", [use, reads])
    return matches


def _field_likeness(name: Name, candidate: Target, ground: Ground) -> float:
    """Return how well a function's name says a field of a register it uses: by name or description."""
    index = ground.index
    own = index.similarity(name, candidate.name)
    is_telling = any(token not in WEAK_FIELD_WORDS for token in candidate.name.tokens)
    inside = index.containment(candidate.name, name) if is_telling else 0.0
    joined = max((index.similarity(name, alias) for alias in candidate.aliases), default=0.0)
    described = 0.0
    if candidate.field is not None and candidate.field.description:
        described = 0.7 * index.containment(name, name_of(candidate.field.description[:160]))
    return max(own, 0.9 * inside, 0.95 * joined, described)


def _by_name(ground: Ground, symbol: Symbol, name: Name) -> list[Match]:
    """Link by name alone, where no register use is visible: only names that say a field or register in full."""
    index = ground.index
    matches: list[Match] = []
    if len(name.compact) < 3:
        return []
    for target in index.retrieve(name):
        register = target.register
        if register is None:
            continue
        own = index.similarity(name, target.name)
        titled = max((0.95 * index.similarity(name, alias) for alias in target.aliases), default=0.0)
        alike = max(own, titled)
        if alike < 0.7:
            continue
        raw = 0.36 + 0.3 * alike + (0.04 if len(name.tokens) > 1 else 0.0)
        detail = f"{symbol.name} reads like {target.field.name if target.field else register.name}"
        evidence = [Evidence(rule="name", detail=detail, weight=round(alike, 4), page=register.page)]
        if target.field is not None:
            matches += field_matches(register, target.field, raw, "name", evidence)
        else:
            matches += register_matches(register, raw, "name", evidence)
    return matches


def _by_block(ground: Ground, symbol: Symbol, name: Name) -> list[Match]:
    """Link a function of a block's own file to the block: uart_send in uart.c to the chapter about the UART.

    Where the rest of its name is a register of the block, reset_timer and the register TIMER, that register is meant.
    """
    stem = unit_stem(symbol.path)
    words = ground.name(symbol).words
    if stem not in words or len(stem) < 3:
        return []
    matches: list[Match] = []
    for target in ground.index.registers:
        register = target.register
        blocks = register.section_path[-2:-1] if register is not None else ()
        if register is None or stem not in {name_of(block).compact for block in blocks}:
            continue
        if target.name.compact == stem or ground.index.similarity(name, target.name) >= 0.6:
            why = Evidence(rule="block", detail=f"{symbol.name} stands in {stem}", weight=0.66, page=register.page)
            matches += register_matches(register, 0.66, "block", [why])
    if matches:
        return matches
    for target in ground.index.sections:
        section = target.section
        if section is not None and target.name.compact == stem:
            why = Evidence(
                rule="block", detail=f"{symbol.path} stands for {section.title}", weight=0.64, page=section.page
            )
            matches.append(Match(section_anchor(section, place="description"), 0.64, "block", (why,), "partial"))
    return matches[:1]
