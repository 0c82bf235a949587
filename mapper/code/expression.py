"""C constant expressions: tokens, and a precedence climber over them.

Not C's semantics in full: integers are unbounded, except that a cast to a fixed width and the complement of an unsigned
operand cut to that width. The cast rule is narrow on purpose: a too greedy one reads `(uint8_t)0x33` as 3.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mapper.code.wordlist import word_set

MAX_EXPRESSION_CHARS = 1000
MAX_DEPTH = 48
MAX_MACRO_CALLS = 64
MAX_BITS = 128

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9A-Fa-f']+|0[bB][01']+|[0-9][0-9']*)(?P<suffix>[uUlLzZ]*)(?![\w.])"
    r"|(?P<name>[A-Za-z_]\w*(?:::\w+)*)|(?P<char>'(?:[^'\\]|\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.))')"
    r"|(?P<op><<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!()<>?:,]))"
)
_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92, "'": 39, '"': 34}
_PRECEDENCE = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
_TYPE_WORDS = word_set(
    "void bool char short int long float double unsigned signed const volatile static struct union enum"
)
_TYPE_NAME = re.compile(
    r"^(?:u?int(?:_fast|_least)?\d*_t|[us](?:8|16|32|64)|u?int\d*|uchar|ushort|uint|ulong|byte|word)$", re.I
)
_WIDTH = re.compile(r"^(?:__|v|std::)?u(?:int)?(?:_fast|_least)?(8|16|32|64)(?:_t)?$", re.I)


class Function(NamedTuple):
    """A function-like macro: its parameters and the text it stands for."""

    parameters: tuple[str, ...]
    body: str


BIT_MACROS: Mapping[str, Function] = MappingProxyType(
    {
        **dict.fromkeys(("BIT", "_BV", "BIT_MASK", "_BITUL", "BIT_ULL", "_BITULL"), Function(("n",), "(1UL << (n))")),
        **dict.fromkeys(("GENMASK", "GENMASK_ULL", "BIT_RANGE"), Function(("h", "l"), "((1 << (h) + 1) - (1 << (l)))")),
        **dict.fromkeys(
            [f"{sign}INT{bits}_C" for sign in ("", "U") for bits in (8, 16, 32, 64)]
            + ["UL", "ULL", "_UL", "_ULL", "_AC", "_U_", "_UINT32_", "UINTMAX_C"],
            Function(("n", "suffix"), "(n)"),
        ),
    }
)


class NotConstantError(Exception):
    """The expression is no integer constant."""


class ExpressionToken(NamedTuple):
    kind: str
    text: str
    suffix: str


class _Value(NamedTuple):
    number: int
    bits: int | None = None
    """Width of an unsigned operand, when it is known to be one."""
    is_address: bool = False
    """It was cast to a pointer."""


_END = ExpressionToken("end", "", "")


def expression_tokens(expression: str) -> list[ExpressionToken]:
    tokens, at, text = [], 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotConstantError
        kind = match.lastgroup if match.lastgroup != "suffix" else "number"
        assert kind is not None
        tokens.append(ExpressionToken(kind, match[kind], match["suffix"] or ""))
        at = match.end()
    return tokens


class ExpressionParser:
    """Precedence climbing over one expression.

    `depth` bounds the nesting of parentheses and macro calls together; `calls` counts all macro calls of an evaluation,
    since macros that call macros twice grow without bound.
    """

    def __init__(
        self,
        tokens: list[ExpressionToken],
        names: Mapping[str, int],
        functions: Mapping[str, Function],
        *,
        calls: list[int],
        depth: int,
    ) -> None:
        self._tokens = tokens
        self._calls = calls
        self._at = 0
        self._names = names
        self._functions = functions
        self._depth = depth

    def expect_end(self) -> None:
        if self._peek() is not _END:
            raise NotConstantError

    def expression(self, lowest: int) -> _Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotConstantError
        left = self._unary()
        while (token := self._peek()).kind == "op" and _PRECEDENCE.get(token.text, -1) > lowest:
            self._at += 1
            left = _apply(token.text, left, self.expression(_PRECEDENCE[token.text]))
        if lowest == 0 and self._take("?"):
            chosen = self.expression(0)
            self._need(":")
            other = self.expression(0)
            left = chosen if left.number else other
        self._depth -= 1
        return left

    def _unary(self) -> _Value:
        token = self._next()
        if token.kind == "number":
            return _literal(token)
        if token.kind == "char":
            return _Value(_character(token.text[1:-1]))
        if token.kind == "name":
            return self._name(token.text)
        if token.text == "(":
            return self._parenthesis()
        if token.text in ("+", "-", "~", "!", "*", "&"):
            return self._prefixed(token.text)
        raise NotConstantError

    def _prefixed(self, operator: str) -> _Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotConstantError
        operand = self._unary()
        self._depth -= 1
        if operator in ("*", "&"):
            if not operand.is_address:
                raise NotConstantError
            return operand
        if operator == "~":
            return _Value(~operand.number & _mask(operand.bits), operand.bits)
        number = {"+": operand.number, "-": -operand.number, "!": int(not operand.number)}[operator]
        return _Value(number & _mask(operand.bits), operand.bits)

    def _parenthesis(self) -> _Value:
        end = self._cast_end(self._at)
        if end is None:
            value = self.expression(0)
            self._need(")")
            return value
        words = [token.text for token in self._tokens[self._at : end]]
        self._at = end + 1
        value = self._unary()
        if words[-1] == "*":
            return _Value(value.number, is_address=True)
        bits = next((int(match[1]) for match in map(_WIDTH.match, words) if match), None)
        return _Value(value.number & _mask(bits), bits)

    def _cast_end(self, start: int) -> int | None:
        """Return the index of the ")" that closes a type at `start`, or None if it is no cast."""
        end, stars = start, 0
        while end < len(self._tokens) and (self._tokens[end].kind == "name" or self._tokens[end].text == "*"):
            stars += self._tokens[end].text == "*"
            end += 1
        if end == start or end + 1 >= len(self._tokens) or self._tokens[end].text != ")":
            return None
        words = [token.text for token in self._tokens[start:end] if token.kind == "name"]
        follower = self._tokens[end + 1]
        is_type = bool(words) and all(
            word in _TYPE_WORDS or _TYPE_NAME.match(word) or word.endswith("_t") for word in words
        )
        if is_type or (stars and self._tokens[end - 1].text == "*"):
            return end
        starts_operand = follower.kind in ("number", "name", "char") or follower.text in ("(", "~")
        return end if len(words) == 1 and words[0] not in self._names and starts_operand else None

    def _name(self, name: str) -> _Value:
        if self._peek().text == "(" and (function := self._functions.get(name) or BIT_MACROS.get(name)):
            return self._call(function)
        if name == "sizeof" or name not in self._names:
            raise NotConstantError
        return _Value(self._names[name])

    def _call(self, function: Function) -> _Value:
        """Return the value of a macro call: its body with the arguments' tokens in place of the parameters."""
        arguments = dict(zip(function.parameters, self._arguments(), strict=False))
        tokens: list[ExpressionToken] = []
        for token in expression_tokens(function.body):
            tokens.extend(arguments.get(token.text, [token]) if token.kind == "name" else [token])
        self._calls[0] += 1
        if len(tokens) > MAX_EXPRESSION_CHARS or self._calls[0] > MAX_MACRO_CALLS:
            raise NotConstantError
        parser = ExpressionParser(tokens, self._names, self._functions, calls=self._calls, depth=self._depth + 1)
        value = parser.expression(0)
        parser.expect_end()
        return value

    def _arguments(self) -> list[list[ExpressionToken]]:
        self._need("(")
        arguments: list[list[ExpressionToken]] = [[]]
        nesting = 0
        while (token := self._next()).text != ")" or nesting:
            nesting += (token.text == "(") - (token.text == ")")
            if token.text == "," and not nesting:
                arguments.append([])
            else:
                arguments[-1].append(token)
        return arguments

    def _peek(self) -> ExpressionToken:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _next(self) -> ExpressionToken:
        token = self._peek()
        if token is _END:
            raise NotConstantError
        self._at += 1
        return token

    def _take(self, text: str) -> bool:
        taken = self._peek().text == text
        self._at += taken
        return taken

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise NotConstantError


def _literal(token: ExpressionToken) -> _Value:
    digits, suffix = token.text.replace("'", ""), token.suffix.upper()
    try:
        if digits[:2] in ("0x", "0X"):
            number = int(digits, 16)
        elif digits[:2] in ("0b", "0B"):
            number = int(digits, 2)
        else:
            number = int(digits, 8) if len(digits) > 1 and digits[0] == "0" else int(digits)
    except ValueError:
        raise NotConstantError from None
    return _Value(number, (64 if "LL" in suffix else 32) if "U" in suffix else None)


def _character(text: str) -> int:
    if not text.startswith("\\"):
        return ord(text)
    if text[1] == "x":
        return int(text[2:], 16)
    return int(text[1:], 8) if text[1].isdigit() and text[1:].isdigit() else _ESCAPES.get(text[1], ord(text[1]))


def _mask(bits: int | None) -> int:
    return -1 if bits is None else (1 << bits) - 1


def _apply(operator: str, left: _Value, right: _Value) -> _Value:
    a, b = left.number, right.number
    bits = max((width for width in (left.bits, right.bits) if width is not None), default=None)
    if operator in ("<<", ">>"):
        if not 0 <= b < MAX_BITS:
            raise NotConstantError
        return _bounded(a << b if operator == "<<" else a >> b, left.bits)
    if operator in ("/", "%"):
        if b == 0:
            raise NotConstantError
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)  # C truncates towards zero
        return _Value(quotient if operator == "/" else a - b * quotient, bits)
    number = {
        "+": a + b, "-": a - b, "*": a * b, "&": a & b, "|": a | b, "^": a ^ b, "==": int(a == b), "!=": int(a != b),
        "<": int(a < b), ">": int(a > b), "<=": int(a <= b), ">=": int(a >= b),
        "&&": int(bool(a) and bool(b)), "||": int(bool(a) or bool(b)),
    }[operator]  # fmt: skip
    return _bounded(number, bits)


def shifted_left(number: int, places: int) -> int | None:
    """Return number << places, or None where no real constant is that large."""
    if not 0 <= places < MAX_BITS:
        return None
    shifted = number << places
    return shifted if shifted.bit_length() <= MAX_BITS else None


def _bounded(number: int, bits: int | None) -> _Value:
    """Return a value, unless chained macros have made it larger than any constant of real code."""
    if number.bit_length() > MAX_BITS:
        raise NotConstantError
    return _Value(number, bits)
