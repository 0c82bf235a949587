"""Structs of registers and the blocks of a datasheet: which chapter a struct mirrors, and its members by offset.

A microcontroller prints CTRL in every peripheral's chapter, and a struct's member CTRL fits them all. So the struct
decides first: the blocks where most of its members find a register at their own offset, some of them with a like name.
Then its members stand for the registers at their offsets in those blocks, whatever they are called, and for no others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.linking.alignment.matches import Ground, Match, register_matches, symbol_key
from mapper.linking.alignment.targets import WIDE_ADDRESS, SheetIndex, Target
from mapper.linking.words import Name
from mapper.model import Evidence, Register, Symbol

MIN_PLACED = 3
"""Members that must find a register at their offset."""
MIN_SHARE = 0.6
"""Share of the members that must."""
MIN_NAMED = 2
ALIKE = 0.6
NAMED_RAW = 0.95
PLACED_RAW = 0.86
NEAR = 0.9
"""Blocks that fit nearly as well as the best are meant too: one struct for several instances of a peripheral."""


@dataclass(frozen=True, slots=True)
class Block:
    """The registers of one chapter by their offset from where the block starts."""

    path: tuple[str, ...]
    at: Mapping[int, tuple[Target, ...]]


def blocks_of(index: SheetIndex) -> list[Block]:
    """Return the blocks of a datasheet: the registers of sections with one parent, once for each way to count offsets.

    Addresses are printed from zero, or as absolute ones, whose low bits or whose distance from the lowest count.
    """
    held: dict[tuple[str, ...], list[tuple[Target, int]]] = defaultdict(list)
    for target in index.registers:
        register = target.register
        if register is not None and register.address is not None and register.role == "register":
            held[register.section_path[:-1]].append((target, register.address))
    blocks: list[Block] = []
    for path, targets in held.items():
        lowest = min(address for _, address in targets)
        ways = [[address - lowest for _, address in targets]]
        if lowest < WIDE_ADDRESS:
            ways.append([address for _, address in targets])
        else:
            ways.append([address & (WIDE_ADDRESS - 1) for _, address in targets])
        for offsets in ways:
            at: dict[int, list[Target]] = defaultdict(list)
            for (target, _), offset in zip(targets, offsets, strict=True):
                at[offset].append(target)
            blocks.append(Block(path, {offset: tuple(found) for offset, found in at.items()}))
    return blocks


def link_struct(
    ground: Ground, blocks: Sequence[Block], members: Sequence[Symbol]
) -> dict[tuple[str, str, int], list[Match]]:
    """Return what the members of one struct stand for by offset, by symbol key; empty where no block fits."""
    placed = [(member, member.value) for member in members if member.kind == "register" and member.value is not None]
    if len(placed) < MIN_PLACED:
        return {}
    fits = [(fit, block) for block in blocks if (fit := _fit(ground, block, placed)) > 0]
    best = max((fit for fit, _ in fits), default=0.0)
    chosen: dict[tuple[str, ...], Block] = {}
    for fit, block in sorted(fits, key=lambda item: (-item[0], item[1].path)):
        if fit >= NEAR * best:
            chosen.setdefault(block.path, block)
    found: dict[tuple[str, str, int], list[Match]] = {}
    for member, offset in placed:
        matches = [
            match
            for block in chosen.values()
            for target in block.at.get(offset, ())
            if target.register is not None
            for match in _member_matches(ground, member, target, target.register, offset)
        ]
        if matches:
            found[symbol_key(member)] = matches
    return found


def _fit(ground: Ground, block: Block, placed: Sequence[tuple[Symbol, int]]) -> float:
    """Return how well a block fits a struct: members at a register's offset, like names counting most."""
    at_register = [(member, block.at[offset]) for member, offset in placed if offset in block.at]
    named = sum(max(_alike(ground, member, t) for t in targets) >= ALIKE for member, targets in at_register)
    if len(at_register) < max(MIN_PLACED, MIN_SHARE * len(placed)) or named < MIN_NAMED:
        return 0.0
    return named + 0.2 * len(at_register)


def _member_matches(ground: Ground, member: Symbol, target: Target, register: Register, offset: int) -> list[Match]:
    alike = _alike(ground, member, target)
    raw = NAMED_RAW if alike >= ALIKE else PLACED_RAW
    detail = f"{member.scope}.{member.name} lies at {offset:#x}, as {register.name} in its block"
    why = Evidence(rule="offset", detail=detail, weight=round(max(alike, 0.5), 4), page=register.page)
    return register_matches(register, raw, "block offset", [why])


def _alike(ground: Ground, member: Symbol, target: Target) -> float:
    name: Name = ground.name(member)
    return ground.index.likeness(name, target)
