"""The one evaluator of integer constants in C: literals, bit macros, shifts, casts, names, base + offset.

What is no integer constant gives None, never a guess.
"""

import re
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import cast

from mapper.code.expression import (
    MAX_EXPRESSION_CHARS,
    ExpressionParser,
    Function,
    NotConstantError,
    expression_tokens,
    shifted_left,
)

_PLAIN = re.compile(r"\(*\s*(?:0[xX]([0-9A-Fa-f]+)|(0|[1-9][0-9]*))(?:[uU]?[lL]{0,2})\s*\)*")
_OPERAND = r"([A-Za-z_]\w*|(?:0[xX][0-9A-Fa-f]+|0|[1-9][0-9]*)[uU]?[lL]{0,2})"
_SHIFT = re.compile(rf"\(\s*{_OPERAND}\s*<<\s*{_OPERAND}\s*\)")
"""The most frequent expression of register headers, worth not to be parsed: (1UL << NAME_POS)."""
_WORDS = re.compile(r"[A-Za-z_]\w*")
_NO_NAMES: Mapping[str, int] = MappingProxyType({})
_NO_FUNCTIONS: Mapping[str, Function] = MappingProxyType({})


def evaluate(expression: str, names: Mapping[str, int] = _NO_NAMES) -> int | None:
    """Return the integer that a C constant expression stands for, or None when it is none.

    `names` gives the values of macros and enumerators. The register idiom `*(volatile uint32_t *)(BASE + 4)` evaluates
    to its address, since that is what a register's definition says.
    """
    return evaluate_with(expression, names, _NO_FUNCTIONS)


def evaluate_with(expression: str, names: Mapping[str, int], functions: Mapping[str, Function]) -> int | None:
    """Return what `evaluate` does, with function-like macros as well."""
    if (plain := _PLAIN.fullmatch(expression)) and expression.count("(") == expression.count(")"):
        return int(plain[1], 16) if plain[1] else int(plain[2])
    if len(expression) > MAX_EXPRESSION_CHARS:
        return None
    if shift := _SHIFT.fullmatch(expression):
        left, right = _operand(shift[1], names), _operand(shift[2], names)
        return None if left is None or right is None else shifted_left(left, right)
    try:
        parser = ExpressionParser(expression_tokens(expression), names, functions, calls=[0], depth=0)
        value = parser.expression(0)
        parser.expect_end()
    except NotConstantError:
        return None
    return value.number


def _operand(text: str, names: Mapping[str, int]) -> int | None:
    if not text[0].isdigit():
        return names.get(text)
    return int(text.rstrip("uUlL"), 16 if text[1:2] in ("x", "X") else 10)


def evaluate_offset(expression: str, names: Mapping[str, int], functions: Mapping[str, Function]) -> int | None:
    """Return what an expression adds to a base address that this file does not define, or None.

    The datasheet prints offsets while code writes base + offset; so an unknown name with the word BASE counts as 0.
    """
    bases = {word: 0 for word in _WORDS.findall(expression) if _is_base(word) and word not in names}
    if len(bases) != 1:
        return None
    return evaluate_with(expression, ChainMap(bases, cast(MutableMapping[str, int], names)), functions)


def _is_base(name: str) -> bool:
    words = name.upper().split("_")
    return "BASE" in words or "BASEADDR" in words or words[-1].endswith("BASE")
