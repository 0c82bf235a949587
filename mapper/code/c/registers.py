"""Which definitions hold a register: a role laid over macros, enumerators, const objects and struct members.

A definition is a register if its value is known and its name says so (REG, ADDR, RA, CMD as words), or its comment,
or if it stands in a run of addresses: many hexadecimal values, rising in small steps. A struct member is one if the
struct is a peripheral's register block, that is if its members are volatile; then its value is its offset in the block.
"""

import re
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter

from mapper.code.wordlist import word_set
from mapper.model import Symbol

MIN_RUN = 8
MAX_RUN_STEP = 0x10
MAX_LINES_APART = 8
MIN_VOLATILE_MEMBERS = 2

_REGISTER_WORDS = word_set("REG REGS REGISTER RA CMD COMMAND OPCODE ADDR ADDRESS OFFSET OFS")
_WEAK_WORDS = word_set("ADDR ADDRESS OFFSET OFS")
_STRONG_WORDS = _REGISTER_WORDS - _WEAK_WORDS
_COUNT_WORDS = frozenset({"COUNT", "CNT", "NUMBER", "TIMEOUT", "DELAY"})
_PLACE_WORDS = frozenset({"OFFSET", "OFS"})
_FIELD_WORDS = word_set("MASK MSK SHIFT BITMASK CALLBACK CALLBACKS")
_AMOUNT_WORDS = word_set(
    "POS BIT BITS LEN LENGTH SIZE NUM NUMBER COUNT CNT MAX DEFAULT TIMEOUT RETRY RETRIES DELAY TOTAL BYTES"
)
"""As a name's last word they make it a number about a register, not the register."""
_SETTING_WORDS = word_set("VAL VALUE RESET VERSION ERR ERROR FLAG FLAGS MIN WIDTH")
_DEVICE_WORDS = word_set("I2C IIC TWI SLAVE DEVICE DEV BUS CHIP SPI HOST BASE SENSOR ALT PIN LOW HIGH GND VCC")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VOLATILE = re.compile(
    r"\b(?:volatile|__I|__O|__IO|__IM|__OM|__IOM|_I|_O|_IO|vu(?:8|16|32)|RO|WO|RW|RoReg\w*|RwReg\w*|WoReg\w*)\b"
)
_ACCESS = re.compile(
    r"\*\s*\(\s*(?:volatile\b|const\s+volatile\b|__IO\b)|\b(?:\w+_)?(?:REG|MMIO|HWREG)[A-Z]?(?:8|16|32)?\s*\("
)
"""A macro that stands for the register itself: a dereferenced address, or a wrapper around one."""
_SAID_IN_COMMENT = re.compile(
    r"^(?=.*\bregister\b)(?=.*\baddress\b)(?!.*\b(?:mask|bit|bits|slave|device)\b)", re.IGNORECASE
)
_HEXADECIMAL = re.compile(r"0[xX][0-9A-Fa-f]+")
_FILLER = re.compile(r"_*(?:r?eserved|rese?r?ved|rsvd|rserved|unused|pad)", re.IGNORECASE)
_FIELDS = tuple(field.name for field in fields(Symbol))
_values = attrgetter(*_FIELDS)
_LITERAL_FORMS = frozenset({"macro", "enumerator", "const"})


def name_words(name: str) -> tuple[str, ...]:
    """Return the words of an identifier in capitals: split at underscores, then at case changes and digits."""
    return tuple([word for part in name.split("_") if part for word in _part_words(part)])


@lru_cache(maxsize=16_384)
def _part_words(part: str) -> tuple[str, ...]:
    inner = [word.upper() for word in _WORD.findall(part)]
    return tuple(inner) if len(inner) == 1 else (part.upper(), *inner)


def with_registers(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Return the symbols, those that hold a register with kind "register"; their form stays."""
    found: set[int] = set()
    run: list[int] = []
    for index, symbol in enumerate(symbols):
        if not _is_literal(symbol):
            continue
        words = name_words(symbol.name)
        is_about_number = bool(words) and _is_about_number(words)
        if _is_named(symbol, words, is_about_number):
            found.add(index)
        if not words or is_about_number or not _HEXADECIMAL.search(symbol.declaration):
            continue
        if run and not _goes_on(symbols[run[-1]], symbol):
            found.update(run if _is_register_run(symbols, run) else ())
            run = []
        run.append(index)
    found.update(run if _is_register_run(symbols, run) else ())
    out = list(symbols)
    for index in found:
        out[index] = _register(symbols[index], symbols[index].value)
    return _with_blocks(out)


def _register(symbol: Symbol, value: int | None) -> Symbol:
    """Return what `dataclasses.replace` would, in half the time: a large header has thousands of registers."""
    return Symbol(**{**dict(zip(_FIELDS, _values(symbol), strict=True)), "kind": "register", "value": value})


def _is_literal(symbol: Symbol) -> bool:
    return symbol.form in _LITERAL_FORMS and symbol.kind != "config" and symbol.value is not None and symbol.value >= 0


def _is_named(symbol: Symbol, words: Sequence[str], is_about_number: bool) -> bool:
    declaration = symbol.declaration
    if "(" in declaration and _ACCESS.search(declaration):
        return True
    if (
        "egister" in symbol.comment.lower()
        and _SAID_IN_COMMENT.search(symbol.comment)
        and _HEXADECIMAL.search(declaration)
    ):
        return True
    said = _REGISTER_WORDS.intersection(words)
    if not said or is_about_number:
        return False
    if said <= _PLACE_WORDS and not _HEXADECIMAL.search(declaration):
        return False  # "OFFSET 3" counts bits, "OFFSET 0x10" bytes
    # "ADDR" alone is as often the device's own address on a bus as a register's.
    return not said <= _WEAK_WORDS or not (_DEVICE_WORDS | _SETTING_WORDS).intersection(words)


def _is_about_number(words: Sequence[str]) -> bool:
    """Return whether a name means a mask, a position or an amount."""
    if words[-1] in _COUNT_WORDS and _STRONG_WORDS.intersection(words[:-2]):
        return False  # a register may hold a count: REG_FIFO_COUNT, but not REG_COUNT
    return not _FIELD_WORDS.isdisjoint(words) or words[-1] in _AMOUNT_WORDS


def _goes_on(last: Symbol, symbol: Symbol) -> bool:
    return (
        (last.form, last.scope) == (symbol.form, symbol.scope)
        and 0 < symbol.line - last.end_line <= MAX_LINES_APART
        and 0 < (symbol.value or 0) - (last.value or 0) <= MAX_RUN_STEP
    )


def _is_register_run(symbols: Sequence[Symbol], run: Sequence[int]) -> bool:
    """Return whether a run is long enough and reaches beyond what a bit field's values or bit numbers would."""
    return len(run) >= MIN_RUN and (symbols[run[-1]].value or 0) >= 0x10


def _with_blocks(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Return the symbols, members of register blocks with kind "register" and their offset as value."""
    members: dict[tuple[str | None, str], list[int]] = {}
    for index, symbol in enumerate(symbols):
        if symbol.form == "member":
            members.setdefault((symbol.scope, symbol.path), []).append(index)
    out = list(symbols)
    for indexes in members.values():
        num_volatile = sum(1 for index in indexes if _VOLATILE.search(symbols[index].declaration))
        if num_volatile < MIN_VOLATILE_MEMBERS or 2 * num_volatile < len(indexes):
            continue
        for index in indexes:
            if not _FILLER.match(symbols[index].name):
                out[index] = _register(symbols[index], symbols[index].offset)
    return out
