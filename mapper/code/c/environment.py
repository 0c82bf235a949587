"""The names of a file that stand for integers: macros, enumerators and const objects."""

import re
from collections.abc import Iterable, Iterator, Mapping

from mapper.code.c.defines import Macro
from mapper.code.expression import Function
from mapper.code.values import evaluate_offset, evaluate_with

_WRAPPER = re.compile(r"\b((?:\w+_)?(?:REG|MMIO|HWREG)[A-Z]?(?:8|16|32)?)\s*\(")
_IDENTITY = Function(("address",), "(address)")
"""A macro of another file that makes a register of an address: the value asked for is the address."""
MAX_CHAIN = 24
MAX_BODY_CHARS = 300


class Environment(Mapping[str, int]):
    """Values by name. A macro is evaluated when it is asked for, since its body may use what is defined below it.

    Of several definitions of a name (under different conditions) the first one counts.
    """

    def __init__(self, macros: Iterable[Macro]) -> None:
        self._bodies: dict[str, str] = {}
        self._functions: dict[str, Function] = {}
        for macro in macros:
            if len(macro.body) > MAX_BODY_CHARS:
                continue
            if macro.parameters is None:
                self._bodies.setdefault(macro.name, macro.body)
            else:
                self._functions.setdefault(macro.name, Function(macro.parameters, macro.body))
        self._known: dict[str, int] = {}
        self._failed: set[str] = set()
        self._pending: set[str] = set()

    def __getitem__(self, name: str) -> int:
        value = self._resolve(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._resolve(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in {**self._bodies, **self._known} if name in self])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def define(self, name: str, value: int) -> None:
        """Add the value of a definition, and forget which names could not be resolved without it."""
        if name not in self._known:
            self._known[name] = value
            self._failed.clear()

    def value_of(self, expression: str) -> int | None:
        """Return what an expression of this file evaluates to; base + offset with a foreign base gives the offset."""
        if not expression or len(expression) > MAX_BODY_CHARS:
            return None
        value = evaluate_with(expression, self, self._functions)
        if value is not None:
            return value
        wrappers = {name: _IDENTITY for name in _WRAPPER.findall(expression) if name not in self._functions}
        functions = {**self._functions, **wrappers} if wrappers else self._functions
        value = evaluate_with(expression, self, functions) if wrappers else None
        return value if value is not None else evaluate_offset(expression, self, functions)

    def _resolve(self, name: str) -> int | None:
        if name in self._known:
            return self._known[name]
        body = self._bodies.get(name)
        if body is None or name in self._failed or name in self._pending or len(self._pending) >= MAX_CHAIN:
            return None
        self._pending.add(name)
        value = evaluate_with(body, self, self._functions)
        self._pending.discard(name)
        if value is None:
            self._failed.add(name)
        else:
            self._known[name] = value
        return value
