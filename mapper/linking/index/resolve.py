"""Values of definitions over another file's definitions, found by look-up: base + offset, one name for another."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mapper.code.values import evaluate
from mapper.linking.index.bases import block_addresses, is_base_name
from mapper.linking.index.facts import VALUE_KINDS
from mapper.model import SourceFile, Symbol

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
MAX_DEPTH = 3
"""Definitions over definitions over definitions of other files are followed so far."""
MAX_NAMES = 12
"""An expression with more names is no address."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a tree says about a name: its one value if it has just one, else the files that define it over others."""

    value: int | None
    definers: tuple[str, ...] = ()


class Names(Protocol):
    """A tree, as far as values need it."""

    def known(self, name: str) -> Known:
        """Return what the tree says about a name."""

    def file(self, path: str) -> SourceFile:
        """Return a file as parsed."""


class Resolver:
    """Resolves definitions of one tree and remembers what it found."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._values: dict[tuple[str, int], int | None] = {}
        self._expressions: dict[str, dict[str, str]] = {}
        self._symbols: dict[tuple[str, str], int | None] = {}

    def value(self, symbol: Symbol) -> int | None:
        """Return the value of a definition whose own file does not tell it, where the tree agrees on it."""
        if symbol.kind not in VALUE_KINDS or symbol.form == "enumerator":
            return None
        key = symbol.path, symbol.name
        if key not in self._symbols:
            self._symbols[key] = self._evaluated(replacement(symbol), MAX_DEPTH)
        return self._symbols[key]

    def addresses(self, symbol: Symbol, value: int) -> tuple[int, ...]:
        """Return a definition's value; of a base + offset the absolute address and the offset."""
        named = [name for name in symbol.references if is_base_name(name)]
        bases = {name: base for name in named if (base := self._value_of(name, MAX_DEPTH)) is not None}
        in_block = block_addresses(symbol.references, value, bases)
        return (value,) if in_block is None else tuple(sorted(set(in_block), reverse=True))

    def _value_of(self, name: str, depth: int) -> int | None:
        key = name, depth
        if key not in self._values:
            known = self._names.known(name)
            value = known.value
            if value is None and depth > 0 and known.definers:
                said = {self._evaluated(self._expression(path, name), depth - 1) for path in known.definers}
                value = said.pop() if len(said) == 1 else None
            self._values[key] = value
        return self._values[key]

    def _evaluated(self, expression: str, depth: int) -> int | None:
        names = list(dict.fromkeys(IDENTIFIER.findall(expression)))
        if not names or len(names) > MAX_NAMES:
            return None
        values = {name: value for name in names if (value := self._value_of(name, depth)) is not None}
        return evaluate(expression, values) if values else None

    def _expression(self, path: str, name: str) -> str:
        if path not in self._expressions:
            self._expressions[path] = _expressions(self._names.file(path).symbols)
        return self._expressions[path].get(name, "")


def replacement(symbol: Symbol) -> str:
    """Return the expression a definition stands for: after #define NAME, or after the equals sign."""
    text = symbol.declaration
    match = re.match(rf"\s*#\s*define\s+{re.escape(symbol.name)}(?!\()\s+(.*)", text, re.DOTALL)
    if match is not None:
        return match[1]
    return text.partition("=")[2].rstrip("; ") if "=" in text else ""


def _expressions(symbols: Iterable[Symbol]) -> dict[str, str]:
    found: dict[str, str] = {}
    for symbol in symbols:
        if symbol.kind in VALUE_KINDS and symbol.form != "enumerator" and symbol.value is None:
            found.setdefault(symbol.name, replacement(symbol))
    return found
