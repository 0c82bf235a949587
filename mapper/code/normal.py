"""The normal form of code: what stays the same when comments, white space and line breaks change."""

import hashlib
import re
from collections.abc import Iterable, Sequence

from mapper.code.wordlist import word_set

MAX_DECLARATION_CHARS = 300
MAX_REFERENCES = 1000

_TOKEN = re.compile(
    r"""\w+|//(?:[^\n\\]|\\\r?\n|\\.)*|/\*.*?(?:\*/|\Z)|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"?|'(?:[^'\\\n]|\\.)*'|\S""",
    re.DOTALL,
)

KEYWORDS = word_set(
    "auto bool break case catch char class const constexpr const_cast continue default delete do double "
    "dynamic_cast else enum explicit extern false float for friend goto if inline int long mutable namespace new "
    "noexcept nullptr operator private protected public register reinterpret_cast restrict return short signed "
    "sizeof static static_cast struct switch template this throw true try typedef typename union unsigned using "
    "virtual void volatile while NULL uint8_t uint16_t uint32_t uint64_t int8_t int16_t int32_t int64_t size_t "
    "defined"
)
"""Words that say nothing about what a piece of code is for."""


def code_tokens(text: str) -> list[str]:
    """Return the tokens of a text without its comments."""
    tokens: list[str] = _TOKEN.findall(text)
    if "/*" in text or "//" in text:
        return [token for token in tokens if not token.startswith(("//", "/*"))]
    return tokens


def references_in(tokens: Iterable[str], *own: str) -> tuple[str, ...]:
    """Return the identifiers among tokens in order of first use, each once, without keywords and the names in own."""
    words = dict.fromkeys(tokens)
    for name in own:
        words.pop(name, None)
    return tuple(
        [word for word in words if word not in KEYWORDS and (word[0].isalpha() or word[0] == "_")][:MAX_REFERENCES]
    )


def revision_of(tokens: Sequence[str]) -> str:
    """Return the sha256 over tokens; a line continuation is none."""
    if "\\" in tokens:
        tokens = [word for word in tokens if word != "\\"]
    return hashlib.sha256(" ".join(tokens).encode()).hexdigest()


def shortened(text: str) -> str:
    """Return a text cut to the length of a declaration worth showing."""
    return text if len(text) <= MAX_DECLARATION_CHARS else text[: MAX_DECLARATION_CHARS - 1] + "…"
