"""The codes a field's description lists (010: 7BIT, 7 bits) and the definitions that stand for one of them.

Code names such a value after register or field and label: CTRL_LEN_7BIT. The field is found by the words in front, the
code by the label behind them; a value that differs from the printed one is a conflict, not another field.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mapper.linking.alignment.matches import Ground, Match, field_matches
from mapper.linking.alignment.targets import Target
from mapper.linking.words import Name, canonical, split_words
from mapper.model import BitField, Evidence, Register, Symbol

CODE = re.compile(r"(?<![\w.])(0x[0-9A-Fa-f]+|[01]{1,8}|\d{1,3})\s*(?::|=|–|—)\s*([+-]?[A-Za-z0-9][\w.+/%-]*)")

MAX_CODE_BITS = 6
"""A wider field holds a quantity, not a choice."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A definition read as a code of a field. printed: the value the datasheet gives that label, if it lists it."""

    register: Register
    bits: BitField
    label: str
    printed: int | None


@lru_cache(maxsize=20_000)
def codes_of(bits: BitField) -> dict[str, int]:
    """Return label -> value of the codes a field's description lists; labels as joined lower-case words."""
    width = bits.high - bits.low + 1
    codes: dict[str, int] = {}
    for digits, label in CODE.findall(bits.description):
        if digits.startswith("0x"):
            value = int(digits, 16)
        elif set(digits) <= {"0", "1"} and len(digits) == width:
            value = int(digits, 2)
        else:
            value = int(digits)
        if value < 1 << width:
            codes.setdefault("".join(split_words(label)), value)
    return codes


def read_codes(ground: Ground, symbol: Symbol) -> Iterator[Coded]:
    """Yield the fields whose name stands in a symbol's name in front of a label."""
    name = ground.name(symbol)
    said = tuple(canonical(word) for word in name.words)
    for target in ground.index.retrieve(name):
        label = _label(name, said, target)
        if label and target.register is not None and target.field is not None:
            yield Coded(target.register, target.field, label, codes_of(target.field).get(label))


def link_code(ground: Ground, symbol: Symbol) -> list[Match]:
    """Return the fields that a definition is a code of: surely where the label is printed, weakly where none is."""
    value = ground.tree.value(symbol)
    if value is None or value < 0:
        return []
    found = [coded for coded in read_codes(ground, symbol) if _fits(coded.bits, value)]
    printed = [coded for coded in found if coded.printed is not None]
    matches: list[Match] = []
    for coded in printed or [c for c in found if _is_list_of_codes(c.bits)][:2]:
        raw = 0.64 if coded.printed is None else 0.92 if coded.printed == value else 0.84
        page = coded.bits.page or coded.register.page
        detail = f"{symbol.name} is the code {coded.label} of {coded.register.name}.{coded.bits.name}"
        why = Evidence(rule="code", detail=detail, weight=raw, page=page)
        matches += field_matches(coded.register, coded.bits, raw, "field code", [why])
    return matches


def _fits(bits: BitField, value: int) -> bool:
    """Say whether a value is a code of the field, plain or shifted to its place."""
    width = bits.high - bits.low + 1
    return value < 1 << width or (value % (1 << bits.low) == 0 and value < 1 << (bits.high + 1))


def _is_list_of_codes(bits: BitField) -> bool:
    """Say whether a field without printed codes may still have some: it is narrow and has a telling name."""
    return not codes_of(bits) and len(bits.name) >= 3 and bits.high - bits.low < MAX_CODE_BITS


def _label(name: Name, said: tuple[str, ...], target: Target) -> str:
    """Return what follows the field's name in a name, "" if the field is not in it or other words stand before it."""
    if target.field is None or target.register is None:
        return ""
    wanted = _canonical_words(target.field.name)
    for start in range(len(said) - len(wanted)):
        if said[start : start + len(wanted)] != wanted:
            continue
        before = {
            word
            for text in (target.register.name, *target.register.section_path[-2:])
            for word in _canonical_words(text)
        }
        if set(said[:start]) <= before:
            return "".join(name.words[start + len(wanted) :])
    return ""


@lru_cache(maxsize=50_000)
def _canonical_words(text: str) -> tuple[str, ...]:
    return tuple(canonical(word) for word in split_words(text))
