"""Take out of a file what declares nothing: function bodies, tables of numbers, macro calls that stand as statements.

Half of a driver is statements, and the parser is slow and easily lost there: a macro that is a loop, a condition that
cuts through an expression. Nothing of it is a symbol, so the parser never sees it. Braces are counted over the first
branch of each condition only, as a preprocessor would leave it.
"""

import re
from typing import NamedTuple

from mapper.code.c.blank import NEVER, Span, overwritten

MIN_TABLE_BYTES = 256

_MARK = re.compile(rb"[{}]|#[ \t\f]*+(ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b([^\n]*+)")
_DIRECTIVES_AHEAD = re.compile(rb"\n(?:[ \t\f]*#[^\n]*\n\s*)+\Z")
_BODY_AHEAD = re.compile(rb"\)\s*(?:(?:const|override|final|noexcept|[A-Z][A-Z0-9_]{2,})\s*)*\Z")
_TYPE_AHEAD = re.compile(rb"\b(?:struct|union|enum|class)\s+\w+\s*\([^(){};]*\)\s*\Z")
_MAX_AHEAD = 300
_TABLE = re.compile(rb"\{\s*(?:\{\s*)*[-+0-9][\s,0-9a-fA-FxXuULl+\-{}]{" + str(MIN_TABLE_BYTES).encode() + rb",}+")

_CALL = re.compile(rb"\n[ \t\f]*+(?:(?:static|extern|const|inline)[ \t]++)*([A-Z][A-Z0-9_]{2,}+)[ \t]*+(?=\()")
_CAPITAL_CLASS = re.compile(rb"\b(?:class|struct)\s+([A-Z][A-Z0-9_]+)\b")
_CALL_END = re.compile(rb"[ \t\f]*(?:;|\r?\n(?!\s*\{))")
_WRAPPED_FIELD = re.compile(rb"\(\s*(?:[A-Za-z_]\w*[\s*]+)+[A-Za-z_]\w*\s*(?:\[[^\]]*\]\s*)*\)")
_PARENTHESIS = re.compile(rb"[()]")
_STATEMENT_ENDS = b";{}"
_MAX_CALL_BYTES = 4000
_OPEN, _CLOSE = b"{}"


class _State(NamedTuple):
    depth: int
    body: int
    """Offset of the brace that opened the function body around, -1 outside of functions."""
    body_depth: int


class _Branches(NamedTuple):
    """An open condition: how it was before it, and after the branch that counts, once that is over."""

    start: int
    before: _State
    after: _State | None
    counts: bool


def without_bodies(code: bytes) -> bytes:
    """Return code (comment-free, no braces in literals) with what declares nothing as spaces.

    A body that a condition cuts through stays, and so do all behind a brace too many. Of a macro call around one field,
    `FIELD(int a);`, the field stays.
    """
    bodies = _bodies(code)
    out = bytearray(overwritten(code, [*bodies, *_tables(code)]))
    for start, end in bodies:
        if end > start:
            out[start] = 0x3B  # without a statement, the C++ grammar takes "f() { };" for an initialised member
    return _without_calls(bytes(out))


def _bodies(code: bytes) -> list[Span]:
    spans: list[Span] = []
    depth, body, body_depth = 0, -1, 0
    stack: list[_Branches] = []
    opened_under: tuple[int, bool] | None = None
    for match in _MARK.finditer(code):
        at = match.start()
        brace = code[at]
        if brace == _OPEN:
            if body < 0 and _opens_body(code, at):
                body, body_depth, opened_under = at, depth, _branch(stack)
            depth += 1
        elif brace == _CLOSE:
            depth -= 1
            if depth < 0:
                return spans
            if body >= 0 and depth == body_depth:
                if opened_under == _branch(stack):
                    spans.append((body + 1, at))
                body = -1
        else:
            state = _condition(match[1], match[2], at, stack, _State(depth, body, body_depth))
            depth, body, body_depth = state
    return spans


def _condition(word: bytes, argument: bytes, start: int, stack: list[_Branches], state: _State) -> _State:
    """Return the state behind a condition's line: each branch begins as the first did, and the first one counts."""
    if word in (b"if", b"ifdef", b"ifndef"):
        stack.append(_Branches(start, state, None, not NEVER.match(word + b" " + argument.strip())))
        return state
    if not stack:
        return state
    last = stack[-1]
    after = state if last.counts and last.after is None else last.after
    if word == b"endif":
        stack.pop()
        return last.before if after is None else after
    stack[-1] = _Branches(last.start, last.before, after, True)
    return last.before


def _branch(stack: list[_Branches]) -> tuple[int, bool]:
    """Return what tells one branch of the innermost condition from the others as far as matters here."""
    return (stack[-1].start, stack[-1].after is None) if stack else (-1, True)


def _opens_body(code: bytes, at: int) -> bool:
    if code[at - 2 : at].rstrip()[-1:] in (b"=", b",", b"("):
        return False
    ahead = _DIRECTIVES_AHEAD.sub(b"", code[max(at - _MAX_AHEAD, 0) : at])
    return _BODY_AHEAD.search(ahead) is not None and _TYPE_AHEAD.search(ahead) is None


def _tables(code: bytes) -> list[Span]:
    """Return the insides of long braced lists that hold nothing but numbers."""
    spans: list[Span] = []
    for match in _TABLE.finditer(code):
        end = code.rfind(b"}", match.start(), match.end())
        inside = code[match.start() + 1 : end]
        if end > 0 and inside.count(b"{") == inside.count(b"}"):
            spans.append((match.start() + 1, end))
    return spans


def _without_calls(code: bytes) -> bytes:
    """Return code without calls of capital macros that begin a line where a declaration could begin."""
    spans: list[Span] = []
    classes = set(_CAPITAL_CLASS.findall(code))
    last_end = 0
    ends_statement = True
    for match in _CALL.finditer(code):
        between = code[last_end : match.start()].rstrip()
        line = between.rpartition(b"\n")[2].lstrip()
        ends = between[-1] in _STATEMENT_ENDS or line.startswith(b"#") if between else ends_statement
        end = _closing(code, match.end())
        is_call = ends and end and match[1] not in classes
        tail = _CALL_END.match(code, end) if is_call else None
        last_end, ends_statement = match.end(), False
        if tail is None:
            continue
        if _WRAPPED_FIELD.fullmatch(code, match.end(), end):
            spans += [(match.start(), match.end() + 1), (end - 1, end)]
        else:
            spans.append((match.start(), tail.end()))
        last_end, ends_statement = tail.end(), True
    return overwritten(code, spans)


def _closing(code: bytes, start: int) -> int:
    """Return where the parenthesis that opens at start has closed, or 0."""
    depth, stop = 0, min(len(code), start + _MAX_CALL_BYTES)
    for match in _PARENTHESIS.finditer(code, start, stop):
        depth += 1 if match.group() == b"(" else -1
        if depth == 0:
            return match.end()
    return 0
