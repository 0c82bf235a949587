"""Level 3 for definitions: macros, constants and enumerators that hold an address, a bit position, a mask or a code.

Address and name together make a link; a name alone makes a weak one and, where the value is another register's address,
a possible conflict. An address alone makes none: small numbers are everywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from mapper.linking.alignment.anchors import section_anchor
from mapper.linking.alignment.codes import link_code
from mapper.linking.alignment.fields import STRONG_LIKENESS, link_field
from mapper.linking.alignment.matches import (
    Ground,
    Match,
    is_field_marked,
    is_register_marked,
    register_matches,
    spelled_alike,
)
from mapper.linking.alignment.nil import is_handle_state
from mapper.linking.alignment.targets import WIDE_ADDRESS, Line, SheetIndex, Target
from mapper.linking.index.bases import BASE_WORDS
from mapper.linking.vocabulary import REGISTER_MARKS
from mapper.linking.words import Name, containment, name_of, similarity, split_words
from mapper.model import Evidence, Register, Symbol

MIN_LIKENESS = 0.34
ABSOLUTE = 0x10000
"""An address from here on is no small number that may mean anything: it decides without the name."""
ABSOLUTE_RAW = 0.72
CONSENSUS_RAW = 0.68
IN_ADDRESS = 0.6
"""How alike a definition and the register at its address are when one name is only a part of the other."""
NAMED_ENOUGH = 0.75
"""A register at a definition's address that is less alike gives way to one that has just its name."""
NAMED_RAW = 0.65
"""A name must propose it this surely for that."""
SURE = 0.8
"""With a match this sure, printed lines with the same name add nothing."""
MAX_LINES = 12
"""Printed lines looked at for one name, those with the value first."""
POINTER = re.compile(r"\*\s*\)")
DEREFERENCED = re.compile(
    r"\*\s*\(?\s*\(\s*(?:\w+\s+)*(?:v?u?(?:int)?(?:8|16|32|64)(?:_t)?|unsigned|u?(?:char|short|int|long)|byte|word)\s*\*",
    re.IGNORECASE,
)
"""A number read through a pointer: the register itself, not the place of a block."""
RESET_WORDS = frozenset({"reset", "default", "defaults", "por", "initial"})
IDENTITY_WORDS = frozenset({"id", "who", "whoami"})
IDENTITY = re.compile(r"(^|_|\b)(id|chip_?id|dev_?id|who_?am_?i|part_?id|product_?id)(_|\b|$)|ID$", re.IGNORECASE)
STRUCT_TAIL = re.compile(r"(_?(TypeDef|Type|regs?|registers|block|map|t|s))+$", re.IGNORECASE)
COMMAND_WORDS = frozenset({"cmd", "command", "instr", "instruction", "opcode"})


def link_definition(ground: Ground, symbol: Symbol) -> list[Match]:
    """Return what a definition stands for, best first; empty when nothing agrees."""
    name = ground.name(symbol)
    if is_handle_state(symbol, name):
        return []
    value = ground.tree.value(symbol)
    if POINTER.search(symbol.declaration) and not DEREFERENCED.search(symbol.declaration):
        return []  # an instance: what it points to is linked by its type and its base address
    if value is not None and BASE_WORDS & set(name.words):
        return _as_block(ground, symbol, name, value)
    if value is not None and (named := _as_content(ground, symbol, name, value)):
        return named
    matches = _as_register(ground, symbol, name, value)
    matches += link_field(ground, symbol, name, value)
    matches += link_code(ground, symbol)
    if not any(match.raw >= SURE for match in matches):
        matches += _as_line(ground, symbol, name, value)
    return sorted(matches, key=lambda match: -match.raw)


def registers_at(index: SheetIndex, addresses: Sequence[int]) -> list[Target]:
    """Return the registers at the addresses of a definition; one printed at the absolute address leaves no other."""
    found = {id(target): target for address in addresses for target in index.at(address)}
    exact = (
        [t for t in index.at(addresses[0]) if t.register and t.register.address == addresses[0]] if addresses else []
    )
    return exact if exact and addresses[0] >= WIDE_ADDRESS else list(found.values())


def addresses_agree(register: Register, value: int) -> bool:
    """Say whether a value is a register's address, or the offset in its block where the address is absolute."""
    if register.address is None:
        return False
    if value == register.address:
        return True
    return register.address >= WIDE_ADDRESS and value == register.address & (WIDE_ADDRESS - 1)


def _as_register(ground: Ground, symbol: Symbol, name: Name, value: int | None) -> list[Match]:
    marked = is_register_marked(name) or symbol.kind == "register"
    floor = MIN_LIKENESS if marked else 0.5 if symbol.form != "enumerator" else 0.75
    scoped = _scoped(ground, symbol)
    matches: list[Match] = []
    unnamed: list[Match] = []
    nearest = 0.0
    addresses = ground.tree.addresses(symbol)
    for target in registers_at(ground.index, addresses) or _commands_at(ground.index, name, addresses):
        alike = ground.index.likeness(name, target)
        if scoped is not None:
            alike = max(0.7 * alike, ground.index.likeness(scoped, target))
        if marked and alike < STRONG_LIKENESS:
            alike = max(alike, 0.8 * spelled_alike(name, target) if spelled_alike(name, target) >= 0.75 else 0.0)
        register = target.register
        if marked and alike < IN_ADDRESS:
            alike = max(alike, _alike_at_address(name, target))
        if register is None:
            continue
        if alike < floor:
            if marked and addresses[0] >= ABSOLUTE and register.address == addresses[0]:
                unnamed += _by_address(symbol, register, ABSOLUTE_RAW)
            continue
        if is_field_marked(name) and not marked:
            alike *= 0.8
        nearest = max(nearest, alike)
        where = next((address for address in addresses if addresses_agree(register, address)), addresses[0])
        evidence = _evidence(
            "address", f"{symbol.name} = {where:#x}, printed for {register.name}", alike, register.page
        )
        raw = 0.6 + 0.36 * alike + _same_block(symbol, register)
        found = register_matches(register, raw, "address+name", evidence)
        matches += printed_first(ground.index, register, found)
    if matches:
        return _printed_elsewhere(ground, symbol, name, value, matches, nearest)
    named = _as_named_register(ground, symbol, name, value, marked=marked)
    if named:  # name and address disagree: the name says what is meant, the address where it points
        return [*named, *(replace(match, raw=min(match.raw, named[0].raw - 0.04)) for match in unnamed)]
    return unnamed


def _printed_elsewhere(
    ground: Ground, symbol: Symbol, name: Name, value: int | None, matches: Sequence[Match], nearest: float
) -> list[Match]:
    """Return the matches of the register at a definition's address, behind the one that has just its name, if any.

    nearest: how alike the name and that of the register at the address are. A file that shifts its addresses, or errs,
    points to a neighbour; the name says what is meant.
    """
    has_namesake = any(target.field is None for target in ground.index.named(name))
    if nearest >= NAMED_ENOUGH or not has_namesake:
        return list(matches)
    named = _as_named_register(ground, symbol, name, value, marked=is_register_marked(name))
    best = max((match.raw for match in named), default=0.0)
    if best < NAMED_RAW:
        return list(matches)
    return [*named, *(replace(match, raw=min(match.raw, best - 0.04)) for match in matches)]


def link_address(ground: Ground, symbol: Symbol) -> list[Match]:
    """Return the register at a definition's address, whatever its name; only for files whose other names agree."""
    role = "command" if COMMAND_WORDS & set(ground.name(symbol).words) else "register"
    at = registers_at(ground.index, ground.tree.addresses(symbol))
    found = [t.register for t in at if t.register is not None and t.register.role == role]
    return _by_address(symbol, found[0], CONSENSUS_RAW) if len(found) == 1 else []


def _by_address(symbol: Symbol, register: Register, raw: float) -> list[Match]:
    why = _evidence("address", f"{symbol.name} is where {register.name} is printed", raw, register.page)
    return register_matches(register, raw, "address", why)


def _commands_at(index: SheetIndex, name: Name, addresses: Sequence[int]) -> list[Target]:
    """Return the commands whose code differs in the lowest bit alone: on and off are often printed as one command."""
    if not addresses or not COMMAND_WORDS & set(name.words):
        return []
    return [t for t in index.at(addresses[0] ^ 1) if t.register is not None and t.register.role == "command"]


def _alike_at_address(name: Name, target: Target) -> float:
    """Return how alike a definition and the register at its own address are by a part or the initials of its name."""
    if len(name.compact) < 3:
        return 0.0
    is_initials = name.compact == "".join(word[0] for word in target.name.words)
    said = {word for word in name.words if word not in REGISTER_MARKS | COMMAND_WORDS}
    is_part = bool(said) and said <= set(target.name.words)
    return IN_ADDRESS if is_initials or is_part or containment(name, target.name) >= 0.8 else 0.0


def printed_first(index: SheetIndex, register: Register, matches: Sequence[Match]) -> list[Match]:
    """Return a register's matches for a definition of its address, those first whose page prints name and address.

    Tables list both in one row; a description often leaves the address out, or prints it without the name. One that
    describes several commands of one name together leaves it to the table to tell their codes apart.
    """
    if len(matches) < 2 or (
        index.prints_address(register, matches[0].anchor.page) and not _shares_description(index, register)
    ):
        return list(matches)
    own, *rows = matches
    return [*(replace(row, raw=own.raw) for row in rows), replace(own, raw=rows[0].raw)]


def _shares_description(index: SheetIndex, register: Register) -> bool:
    """Say whether commands of one name, on and off, are described at one place."""
    return register.role == "command" and any(
        other.name == register.name and other.page == register.page and other.address != register.address
        for target in index.named(name_of(register.name))
        if (other := target.register) is not None
    )


def _scoped(ground: Ground, symbol: Symbol) -> Name | None:
    """Return the name of a struct's member after that of its block: CTRL in UART_TypeDef gives UART CTRL."""
    if symbol.form != "member" or symbol.scope is None:
        return None
    block = STRUCT_TAIL.sub("", symbol.scope.replace("::", ".").rpartition(".")[2])
    return name_of(f"{block} {symbol.name}", ground.drop)


def _as_content(ground: Ground, symbol: Symbol, name: Name, value: int) -> list[Match]:
    """Link a definition of what a register holds after reset, or of the chip's identity, to that register."""
    matches: list[Match] = []
    bare = content_name(name)
    for target in ground.index.registers if bare is not None else []:
        register = target.register
        if register is not None and bare is not None and says(target, bare):
            why = _evidence(
                "reset value", f"{symbol.name} is what {register.name} holds after reset", 0.86, register.page
            )
            matches += register_matches(register, 0.9 if register.reset == value else 0.84, "reset value", why)
    if matches or not IDENTITY_WORDS & set(name.words) or is_register_marked(name):
        return matches
    for target in ground.index.registers:
        register = target.register
        if register is not None and register.reset == value and value > 1 and IDENTITY.search(register.name):
            why = _evidence(
                "identity", f"{symbol.name} = {value:#x} is what {register.name} reads", 0.82, register.page
            )
            matches += register_matches(register, 0.82, "reset value", why)
    return matches


def content_name(name: Name) -> Name | None:
    """Return the register's name in the name of a reset value, None if it is no such name."""
    words = [word for word in name.words if word not in {"value", "val"}]
    bare = [word for word in words if word not in RESET_WORDS]
    if not bare or len(bare) == len(words) or words[-1] not in RESET_WORDS:
        return None
    return name_of(" ".join(bare))


def says(target: Target, name: Name) -> bool:
    """Say whether a name is a target's, alone or with its block's."""
    if target.name.tokens == name.tokens:
        return True
    return name.compact in {other.compact for other in (target.name, *target.aliases, target.in_block) if other}


def _as_named_register(ground: Ground, symbol: Symbol, name: Name, value: int | None, *, marked: bool) -> list[Match]:
    """Link by name alone, where no register of that address has a like name."""
    matches: list[Match] = []
    for target in ground.index.retrieve(name):
        register = target.register
        if register is None or target.field is not None:
            continue
        is_open = value is None or register.address is None
        alike = ground.index.likeness(name, target, strict=True)
        if marked and is_open and alike < 0.75 and spelled_alike(name, target) >= 0.75:
            alike = 0.75
        if alike < 0.75:
            continue
        raw = (0.52 if is_open else 0.42) + 0.2 * alike + (0.06 if marked else 0.0) + _same_block(symbol, register)
        if symbol.form == "enumerator" and not marked:
            raw -= 0.06
        evidence = _evidence("name", f"{symbol.name} reads like {register.name}", alike, register.page)
        matches += register_matches(register, raw, "name", evidence)
    return matches


def _same_block(symbol: Symbol, register: Register) -> float:
    """Return a small bonus when file and register stand for the same block: timer.h and the section Timer."""
    words = set(split_words(PurePosixPath(symbol.path).stem)) | set(split_words(symbol.name))
    return 0.02 if any(word in words for title in register.section_path[-2:-1] for word in split_words(title)) else 0.0


def _as_block(ground: Ground, symbol: Symbol, name: Name, value: int) -> list[Match]:
    """Link a base address to the section whose registers start there."""
    said = name_of(" ".join(word for word in name.words if word not in BASE_WORDS | {"addr", "address"}))
    matches: list[Match] = []
    for target in ground.index.at(value):
        register = target.register
        if register is None or register.address != value or len(register.section_path) < 2:
            continue
        alike = ground.index.similarity(said, name_of(register.section_path[-2]))
        if alike < 0.6:
            continue
        evidence = _evidence(
            "base address", f"{symbol.name} = {value:#x}, where {register.name} stands", alike, register.page
        )
        block = next((s for s in ground.index.sheet.sections if s.path == register.section_path[:-1]), None)
        raw = 0.6 + 0.3 * alike
        matches += register_matches(register, raw, "base address", evidence)
        if block is not None:
            anchor = section_anchor(block, place="description")
            matches.append(Match(anchor, raw - 0.01, "base address", evidence))
    return matches or _as_instance(ground, symbol, said, value)


def _as_instance(ground: Ground, symbol: Symbol, said: Name, value: int) -> list[Match]:
    """Link a base address to the table row that prints it beside the instance's name, with or without a prefix."""
    for start in range(len(said.tokens)):
        spelling = name_of("_".join(said.words[start:]))
        matches = [
            replace(match, anchor=replace(match.anchor, kind="table"), method="base address")
            for line in ground.index.lines(spelling)
            if value in line.numbers
            and (match := line_match(ground, line, 0.86, f"{symbol.name} and its value on one printed line"))
        ]
        if matches:
            return matches
    return []


def _as_line(ground: Ground, symbol: Symbol, name: Name, value: int | None) -> list[Match]:
    """Link a definition to a table row that prints its name and its value, where no register was read."""
    if len(name.compact) < 3:
        return []
    spellings = [name]
    bare = [word for word in name.words if word not in COMMAND_WORDS]
    is_command = 0 < len(bare) < len(name.words)
    if is_command:
        spellings.append(name_of(" ".join(bare)))
    matches = []
    for spelling in spellings:
        lines = sorted(ground.index.lines(spelling), key=lambda line: value not in line.numbers)
        for line in lines[:MAX_LINES]:
            agrees = value is not None and value > 0 and value in line.numbers
            named = len(spelling.compact) >= 6 and (is_command or value is None)
            if not agrees and not named:
                continue
            raw = 0.84 if agrees else 0.66 if is_command else 0.5
            match = line_match(
                ground, line, raw, f"{symbol.name}{' and its value' if agrees else ''} on one printed line"
            )
            if match is not None:
                matches.append(match)
    return matches


def line_match(ground: Ground, line: Line, raw: float, detail: str) -> Match | None:
    """Return the match of a printed line: the section that holds it, as a table row."""
    section = ground.index.section_at(line.page, line.text)
    if section is None:
        return None
    anchor = section_anchor(section, place="table", page=line.page)
    return Match(anchor, raw, "printed line", _evidence("line", detail, raw, line.page))


def link_alias(ground: Ground, symbol: Symbol) -> list[Match]:
    """Return what a macro without a value stands for when it only wraps another definition of a like name."""
    name = ground.name(symbol)
    for reference in symbol.references:
        found = ground.by_name.get(reference, ())
        if not found or found[0].register is None or reference == symbol.name:
            continue
        if similarity(name, name_of(reference, ground.drop)) < 0.6:
            continue
        reason = _evidence("alias", f"{symbol.name} stands for {reference}", found[0].raw, found[0].anchor.page)
        return [
            Match(m.anchor, m.raw - 0.02, "alias", (*reason, *m.evidence[:1]), m.grade, m.register, m.field)
            for m in found
        ]
    return []


def _evidence(rule: str, detail: str, weight: float, page: int) -> tuple[Evidence, ...]:
    return (Evidence(rule=rule, detail=detail, weight=round(weight, 4), page=page),)
