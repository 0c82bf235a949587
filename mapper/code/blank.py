"""Blank what is not C before parsing: extern "C" guards, attribute macros, inline assembler.

The result has the same length and the same lines, so offsets hold. One pass of a regular expression takes files with
parse errors from about half of a driver tree down to a twentieth. Macros are known by a list and by their form;
learning them from a whole tree would make a file's symbols depend on other files.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from mapper.code.wordlist import word_set

_ATTRIBUTE_WORDS = word_set(
    "__IO __I __O __IM __OM __IOM __STATIC_INLINE __STATIC_FORCEINLINE __INLINE __FORCE_INLINE __FORCEINLINE "
    "__WEAK __weak __packed __PACKED __PACKED_STRUCT __NO_RETURN __RAM_FUNC __ramfunc __irq __interrupt "
    "__init __exit __initdata __initconst __user __iomem __force __always_inline __maybe_unused __must_check "
    "__noreturn __unused __used __init_or_module __read_mostly __ro_after_init __percpu __rcu __cold __hot __pure "
    "__extension__ __BEGIN_DECLS __END_DECLS G_BEGIN_DECLS G_END_DECLS _Noreturn PROGMEM"
)
"""Macros of compilers, of the C library's neighbourhood and of common frameworks that only qualify a declaration."""

_GUARD_WORD = b"__cplusplus"
_GUARD = re.compile(
    rb"[ \t]*#[ \t]*(?:ifdef[ \t]+__cplusplus|if[ \t]+defined[ \t]*\(?[ \t]*__cplusplus[ \t]*\)?)[^\n]*\n"
    rb"(?:[ \t\r]*(?://[^\n]*)?\n)*[ \t]*(?:extern[ \t]+\"C\"\s*\{|\})[^\n]*\n"
    rb"(?:[ \t\r]*\n)*[ \t]*#[ \t]*endif[^\n]*"
)

_SKIP = rb"(?P<skip>^[ \t]*#(?:[^\n\\/]|/(?!\*)|\\\r?\n|\\.)*|//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\")"
_TEXT = rb"[^()\"]|\"(?:[^\"\\\n]|\\.)*\""
_PARENTHESES = rb"\((?:" + _TEXT + rb"|\((?:" + _TEXT + rb"|\((?:" + _TEXT + rb"){0,400}\)){0,400}\)){0,2000}\)"
"""Up to three deep, literals as wholes; the counts bound the search where a bracket never closes."""
_ARGUMENTS = rb"\((?:[^(){};=#\"/]|\([^(){};=#\"/]{0,200}\)){0,2000}\)"
_FUNCTION_WORDS = "__attribute__ __attribute __declspec __aligned __section __printf __alignas _Alignas __must_hold"


@dataclass(frozen=True, slots=True)
class _Rule:
    """What to blank, and the bytes without which a file cannot hold it: most files need only one or two rules."""

    pattern: bytes
    hints: tuple[bytes, ...]

    def may_match(self, data: bytes) -> bool:
        return any(hint in data for hint in self.hints)


_PROTOTYPE_END = re.compile(rb"\)\s+[A-Z][A-Z0-9_]{3,}[ \t]*;")
_PROTOTYPE = rb"(?P<prototype>^[A-Za-z_][\w \t*]*?[\w*][ \t]*" + _ARGUMENTS + rb")\s+(?:[A-Z][A-Z0-9_]{3,}[ \t]*)(?=;)"
_RULES = (
    _Rule(rb"\b(?:__ASM|__asm__|__asm|asm)\s+(?:volatile|__volatile__)?\s*" + _PARENTHESES, (b"__ASM", b"asm")),
    _Rule(
        rb"\b(?:" + "|".join(_FUNCTION_WORDS.split()).encode() + rb")\s*" + _PARENTHESES,
        tuple(_FUNCTION_WORDS.encode().split()),
    ),
    _Rule(
        rb"\b(?:" + "|".join(sorted(_ATTRIBUTE_WORDS)).encode() + rb")\b(?=\s*[A-Za-z_*;{}]|\s*\[)",
        tuple(word.encode() for word in sorted(_ATTRIBUTE_WORDS)),
    ),
    _Rule(
        rb"\b(?:[A-Z][A-Z0-9_]*_)?(?:ATTR|PACKED|WEAK|INLINE|FORCEINLINE)\b(?=\s+[A-Za-z_*])",
        (b"ATTR", b"PACKED", b"WEAK", b"INLINE"),
    ),
)
_CONDITION = re.compile(
    rb"^[ \t]*#[ \t]*(?P<word>ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b"
    rb"(?P<argument>(?:[^\n\\]|\\\r?\n|\\.)*)",
    re.MULTILINE | re.DOTALL,
)
_NEVER = re.compile(rb"if 0\b|if defined\s*\(?\s*__cplusplus|ifdef __cplusplus")
_VISIBLE = re.compile(rb"[^\r\n]")


def blank(data: bytes) -> bytes:
    """Return data with guards, attribute macros and inline assembler as spaces; length and line ends stay."""
    data = _without_guards(data)
    patterns = [rule.pattern for rule in _RULES if rule.may_match(data)]
    if _PROTOTYPE_END.search(data):
        patterns.insert(0, _PROTOTYPE)
    if not patterns and data.rfind(b"/*") <= data.rfind(b"*/"):
        return data
    return _compiled(b"|".join([*patterns, _SKIP])).sub(_overwrite, data)


def first_branches(data: bytes) -> bytes:
    """Return data with every condition resolved to its first branch: directive lines and other branches as spaces.

    "#if 0" and "#ifdef __cplusplus" resolve to their other branch. Offsets and lines hold.
    """
    pieces: list[bytes] = []
    at = 0
    stack: list[bool] = []  # for each open condition: is this branch the one that is kept
    taken: list[bool] = []  # for each open condition: has a branch been kept already
    for match in _CONDITION.finditer(data):
        before = data[at : match.start()]
        pieces.append(before if all(stack) else spaces(before))
        word, argument = match["word"], match["argument"].strip()
        if word in (b"if", b"ifdef", b"ifndef"):
            kept = not _NEVER.match(word + b" " + argument)
            stack.append(kept)
            taken.append(kept)
        elif word == b"endif":
            if stack:
                stack.pop()
                taken.pop()
        elif stack:
            stack[-1] = not taken[-1]
            taken[-1] = True
        pieces.append(spaces(match.group()))
        at = match.end()
    rest = data[at:]
    return b"".join([*pieces, rest if all(stack) else spaces(rest)])


def spaces(data: bytes) -> bytes:
    """Return as many spaces as data has bytes, keeping its line ends."""
    return _VISIBLE.sub(b" ", data)


def _without_guards(data: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    found = data.find(_GUARD_WORD)
    while found >= 0:
        match = _GUARD.match(data, data.rfind(b"\n", 0, found) + 1)
        if match is not None and match.start() >= at:
            pieces += [data[at : match.start()], spaces(match.group())]
            at = match.end()
        found = data.find(_GUARD_WORD, max(at, found + 1))
    return b"".join([*pieces, data[at:]])


@lru_cache(maxsize=64)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.MULTILINE | re.DOTALL)


def _overwrite(match: re.Match[bytes]) -> bytes:
    """Return the replacement of one match; of a prototype only the macro after it goes."""
    if match.lastgroup == "skip":
        skipped = match.group()
        is_open = skipped.startswith(b"/*") and not skipped.endswith(b"*/")
        # The parser's time is quadratic in the number of openings of a comment that never closes.
        return spaces(skipped) if is_open else skipped
    if match.lastgroup == "prototype":
        return match["prototype"] + spaces(match.group()[len(match["prototype"]) :])
    return spaces(match.group())
