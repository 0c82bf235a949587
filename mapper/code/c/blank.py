"""Blank what is not C before parsing: extern "C" guards, attribute macros, inline assembler.

The result has the same length and the same lines, so offsets hold. It takes files with parse errors from about half of
a driver tree down to a twentieth. Macros are known by a list and by their form; those of one framework alone are found
by trial, file by file (recover.py).
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from mapper.code.text import SPACES
from mapper.code.wordlist import word_set

Span = tuple[int, int]

_ATTRIBUTE_WORDS = word_set(
    "__IO __I __O __IM __OM __IOM __STATIC_INLINE __STATIC_FORCEINLINE __INLINE __FORCE_INLINE __FORCEINLINE "
    "__WEAK __weak __packed __PACKED __PACKED_STRUCT __NO_RETURN __RAM_FUNC __ramfunc __irq __interrupt "
    "__init __exit __initdata __initconst __user __iomem __force __always_inline __maybe_unused __must_check "
    "__noreturn __unused __used __init_or_module __read_mostly __ro_after_init __percpu __rcu __cold __hot __pure "
    "__extension__ __BEGIN_DECLS __END_DECLS G_BEGIN_DECLS G_END_DECLS _Noreturn PROGMEM"
)
"""Macros of compilers, of the C library's neighbourhood and of common frameworks that only qualify a declaration."""
_FUNCTION_WORDS = word_set(
    "__attribute__ __attribute __declspec __aligned __section __printf __alignas _Alignas __must_hold"
)
_ASSEMBLER_WORDS = word_set("__ASM __asm__ __asm asm")
_SPEAKING_WORD = re.compile(r"(?:[A-Z][A-Z0-9_]*_)?(?:ATTR|PACKED|WEAK|INLINE|FORCEINLINE)")

_SPEAKING_ENDS = ("ATTR", "PACKED", "WEAK", "INLINE")
_LISTED_WORDS = _ATTRIBUTE_WORDS | _FUNCTION_WORDS | _ASSEMBLER_WORDS

_TEXT = rb"[^()\"]|\"(?:[^\"\\\n]|\\.)*\""
_PARENTHESES = rb"\((?:" + _TEXT + rb"|\((?:" + _TEXT + rb"|\((?:" + _TEXT + rb"){0,400}\)){0,400}\)){0,2000}\)"
"""Up to three deep, literals as wholes; the counts bound the search where a bracket never closes."""
_ARGUMENTS = rb"\((?:[^(){};=#\"/]|\([^(){};=#\"/]{0,200}\)){0,2000}\)"
_AFTER_ATTRIBUTE = rb"\b(?=\s*[A-Za-z_*;{}]|\s*\[)"
_AFTER_SPEAKING = rb"\b(?=\s+[A-Za-z_*])"

_GUARD_WORD = b"__cplusplus"
_GUARD = re.compile(
    rb"[ \t]*#[ \t]*(?:ifdef[ \t]+__cplusplus|if[ \t]+defined[ \t]*\(?[ \t]*__cplusplus[ \t]*\)?)[^\n]*\n"
    rb"(?:[ \t\r]*\n)*[ \t]*(?:extern[ \t]+\"C\"\s*\{|\})[^\n]*\n"
    rb"(?:[ \t\r]*\n)*[ \t]*#[ \t]*endif[^\n]*"
)
_PROTOTYPE_END = re.compile(rb"\)\s+[A-Z][A-Z0-9_]{3,}[ \t]*;")
_PROTOTYPE = re.compile(
    rb"^[A-Za-z_][\w \t*]*?[\w*][ \t]*" + _ARGUMENTS + rb"\s+(?P<blanked>[A-Z][A-Z0-9_]{3,}[ \t]*)(?=;)", re.MULTILINE
)
CONDITION = re.compile(
    rb"^[ \t]*#[ \t]*(?P<word>ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b"
    rb"(?P<argument>(?:[^\n\\]|\\\r?\n|\\.)*)",
    re.MULTILINE | re.DOTALL,
)
NEVER = re.compile(rb"if 0\b|if defined\s*\(?\s*__cplusplus|ifdef __cplusplus")


def blank(code: bytes, words: Iterable[str], directives: Sequence[Span], literals: Sequence[Span]) -> bytes:
    """Return comment-free code with guards, attribute macros and inline assembler as spaces.

    `words` are the identifiers of the file: most files hold none to look for. What begins within one of the directives
    or literals (ascending) stays, except guards.
    """
    code = overwritten(code, _guards(code))
    spans: list[Span] = []
    for word in sorted(word for word in words if word in _LISTED_WORDS or word.endswith(_SPEAKING_ENDS)):
        if (pattern := _pattern(word)) is not None:
            spans += [match.span() for match in pattern.finditer(code)]
    if _PROTOTYPE_END.search(code):
        spans += [match.span("blanked") for match in _PROTOTYPE.finditer(code)]
    return overwritten(code, outside(outside(spans, directives), literals))


def overwritten(code: bytes, spans: Iterable[Span]) -> bytes:
    """Return code with the spans as spaces, line ends kept."""
    out: bytearray | None = None
    for start, end in spans:
        out = bytearray(code) if out is None else out
        out[start:end] = code[start:end].translate(SPACES)
    return code if out is None else bytes(out)


def outside(spans: Iterable[Span], kept: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans that do not begin within one of `kept`."""
    starts = [start for start, _ in kept]
    for span in spans:
        at = bisect_right(starts, span[0]) - 1
        if at < 0 or kept[at][1] <= span[0]:
            yield span


def first_branches(code: bytes) -> bytes:
    """Return code with every condition resolved to its first branch: directive lines and other branches as spaces.

    "#if 0" and "#ifdef __cplusplus" resolve to their other branch. Offsets and lines hold.
    """
    pieces: list[bytes] = []
    at = 0
    stack: list[bool] = []  # for each open condition: is this branch the one that is kept
    taken: list[bool] = []  # for each open condition: has a branch been kept already
    num_left_out = 0
    for match in CONDITION.finditer(code):
        before = code[at : match.start()]
        pieces.append(before.translate(SPACES) if num_left_out else before)
        word, argument = match["word"], match["argument"].strip()
        if word in (b"if", b"ifdef", b"ifndef"):
            kept = not NEVER.match(word + b" " + argument)
            stack.append(kept)
            taken.append(kept)
            num_left_out += not kept
        elif word == b"endif":
            if stack:
                num_left_out -= not stack.pop()
                taken.pop()
        elif stack:
            num_left_out += stack[-1] - (not taken[-1])
            stack[-1] = not taken[-1]
            taken[-1] = True
        pieces.append(match.group().translate(SPACES))
        at = match.end()
    rest = code[at:]
    return b"".join([*pieces, rest.translate(SPACES) if num_left_out else rest])


def _guards(code: bytes) -> Iterator[Span]:
    at = 0
    found = code.find(_GUARD_WORD)
    while found >= 0:
        match = _GUARD.match(code, code.rfind(b"\n", 0, found) + 1)
        if match is not None and match.start() >= at:
            yield match.span()
            at = match.end()
        found = code.find(_GUARD_WORD, max(at, found + 1))


@lru_cache(maxsize=512)
def _pattern(word: str) -> re.Pattern[bytes] | None:
    """Return what to blank of an identifier. Each pattern begins with a literal, which makes the search fast."""
    if word in _ATTRIBUTE_WORDS:
        behind = _AFTER_ATTRIBUTE
    elif word in _FUNCTION_WORDS:
        behind = rb"\s*" + _PARENTHESES
    elif word in _ASSEMBLER_WORDS:
        behind = rb"\s+(?:volatile|__volatile__)?\s*" + _PARENTHESES
    elif _SPEAKING_WORD.fullmatch(word):
        behind = _AFTER_SPEAKING
    else:
        return None
    return whole_word(word, behind)


def whole_word(word: str, behind: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a word, no part of another one, with what must follow it."""
    literal = re.escape(word.encode())
    return re.compile(literal + rb"(?<!\w" + literal + rb")" + behind, re.DOTALL)
