"""Parse what no grammar can follow as it stands: try it with less, and keep what reads better.

A condition may cut through a construct, and a macro may stand where the grammar has no place for one. Both are tried
only around the places where the parser was lost, and a trial counts only if it is lost less afterwards. So what a file
says depends on this file alone (docs/decisions, "Macros are learned file by file").
"""

import re
from collections.abc import Callable

from mapper.code.c.blank import CONDITION, Span, first_branches, overwritten
from mapper.code.c.bodies import without_bodies
from mapper.code.c.symbols import Parsed, find_declarations

BYTES_AROUND = 240
MAX_WINDOW_BYTES = 20_000

_MACRO = rb"(?P<macro>(?:_*[A-Z][A-Z0-9_]{2,}|__[a-z]\w*|[A-Z]\w*_[A-Z]\w*)\b"
_CALLED = rb"(?:[ \t]*+\((?:[^(){};]++|\([^(){};]*+\)){0,300}\))?)"
_KEYWORD = (
    rb"(?:struct|union|enum|class|typedef|static|extern|const|volatile|inline|void|unsigned|signed|int|char|bool)"
)
_BEFORE_DECLARATION = rb"(?=\s++(?:" + _KEYWORD + rb"\b|\w++[\s*]++\w*+[\s*]*+[\w(\[;=]))"
_STATEMENT_END = rb"[;})](?:\s++|#[^\n]*+)*(?<=[\s])"
_PLACES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rb"(?<=\))\s*+" + _MACRO + _CALLED + rb"(?=\s*+(?:[;{=,]|[A-Z_]{2,}))",
        rb"\}\s*+" + _MACRO + _CALLED + rb"(?=\s*+[A-Za-z_])",
        rb"(?:\}\s*+\w++|\])\s++" + _MACRO + _CALLED + rb"(?=\s*+[;={])",
        rb"(?:^|[;{}])\s*+(?!" + _KEYWORD + rb"\b)\w++[\s*]++\w++\s++" + _MACRO + _CALLED + rb"(?=\s*+[;={])",
        rb"(?:^|[;{}(,])\s*+(?:(?:static|extern|inline|const)\s++)*" + _MACRO + _CALLED + _BEFORE_DECLARATION,
        rb"\*\s*+(?!(?:const|volatile|restrict)\b)(?P<macro>[A-Za-z_]\w*+)\s++(?=[A-Za-z_]\w*+\s*+[;,\[=])",
        _STATEMENT_END + rb"(?P<macro>[A-Za-z_]\w*+[ \t]*+\([^(){};\n]*+\))(?=[ \t\r]*+$(?!\s*+\{))",
        _STATEMENT_END + rb"(?P<macro>_*[A-Z][A-Z0-9_]{2,})(?=[ \t\r]*+\n\s*+[A-Za-z_])",
        rb"(?<=\")\s*+(?P<macro>[A-Za-z_]\w*+)(?=\s*+[\",)}])",
        rb"(?:^|[{(,=])\s*+(?P<macro>[A-Z]\w*+)(?=\s*+\")",
    )
)
"""Where a macro may stand that only qualifies, or that declares nothing: after ")" and "}", before a declaration, on a
line of its own, between literals."""


def parse_recovered(code: bytes, language: str) -> Parsed:
    """Return the best reading of blanked code: as it is, without macros, with only the first branches of conditions.

    What only the reading with all branches saw is added.
    """
    parsed = find_declarations(without_bodies(code), language)
    tries: tuple[Callable[[bytes, Parsed], bytes], ...] = (
        _without_macros,
        _without_macros,
        _with_near_branches,
        _without_macros,
        _with_first_branches,
        _without_macros,
    )
    for attempt in tries:
        if not parsed.damage:
            break
        other_code = attempt(code, parsed)
        if other_code == code:
            continue
        other = find_declarations(without_bodies(other_code), language)
        if other.damage < parsed.damage:
            parsed = other if attempt is _without_macros else _merged(other, parsed)
            code = other_code
    return parsed


def _without_macros(code: bytes, parsed: Parsed) -> bytes:
    """Return code without what may be a macro beside the places where the parser was lost."""
    spans: list[Span] = []
    for start, end in _windows(code, parsed):
        for place in _PLACES:
            spans += [match.span("macro") for match in place.finditer(code, start, end)]
    return overwritten(code, spans)


def _with_near_branches(code: bytes, parsed: Parsed) -> bytes:
    """Return code with those conditions resolved to their first branch that stand where the parser was lost."""
    windows = _windows(code, parsed)
    near = [group for group in _groups(code) if any(group[0] < end and start < group[1] for start, end in windows)]
    innermost = [group for group in near if not any(group[0] < other[0] and other[1] < group[1] for other in near)]
    pieces: list[bytes] = []
    at = 0
    for start, end in sorted(innermost):
        pieces += (code[at:start], first_branches(code[start:end]))
        at = end
    return b"".join([*pieces, code[at:]])


def _with_first_branches(code: bytes, _: Parsed) -> bytes:
    return first_branches(code)


def _windows(code: bytes, parsed: Parsed) -> list[Span]:
    """Return where to look around the places at which the parser was lost, in order and apart."""
    windows: list[Span] = []
    for start, end in parsed.errors:
        window = max(0, start - BYTES_AROUND), min(len(code), end + BYTES_AROUND, start + MAX_WINDOW_BYTES)
        if windows and window[0] <= windows[-1][1]:
            windows[-1] = windows[-1][0], max(windows[-1][1], window[1])
        else:
            windows.append(window)
    return windows


def _groups(code: bytes) -> list[Span]:
    """Return from where to where each condition reaches, its directives with it."""
    groups: list[Span] = []
    opened: list[int] = []
    for match in CONDITION.finditer(code):
        if match["word"] in (b"if", b"ifdef", b"ifndef"):
            opened.append(match.start())
        elif match["word"] == b"endif" and opened:
            groups.append((opened.pop(), match.end()))
    return groups


def _merged(better: Parsed, other: Parsed) -> Parsed:
    """Return a reading with the declarations that only another one saw."""
    seen = {(each.form, each.name, each.name_at) for each in better.declarations}
    scopes = {each.scope for each in better.declarations if each.form == "member"}
    added = [each for each in other.declarations if each.form != "member" or each.scope not in scopes]
    added = [each for each in added if (each.form, each.name, each.name_at) not in seen]
    starts = {each.start for each in better.aggregates}
    return Parsed(
        tuple(sorted([*better.declarations, *added], key=lambda each: (each.start, -each.end))),
        (*better.aggregates, *(each for each in other.aggregates if each.start not in starts)),
        better.errors,
    )
