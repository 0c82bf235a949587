"""C tokens of any text, for comparing code and for counting.

A lexer, not a preprocessor: a directive is a "#" and what follows it. Whatever cannot be a token is a punctuator of one
character, so every text has tokens.
"""

import re
from typing import Literal, NamedTuple

TokenKind = Literal["identifier", "number", "string", "punctuator", "comment"]

_TOKEN = re.compile(
    r"""(?P<identifier>[A-Za-z_$]\w*)
    |(?P<number>\.?[0-9](?:[eEpP][+-]|'(?=\w)|[\w.])*)
    |(?P<comment>//(?:[^\n\\]|\\.|\\\r?\n)*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))
    |(?P<string>"(?:[^"\\\n]|\\.|\\\r?\n)*"?|'(?:[^'\\\n]|\\.)+')
    |(?P<punctuator><<=|>>=|\.\.\.|->\*|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||\#\#|[-+*/%&|^]=|\S)""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """One lexical token."""

    kind: TokenKind
    text: str


def c_tokens(text: str) -> list[Token]:
    """Return the tokens of a text in order; white space is dropped, comments are kept as tokens."""
    return [Token(match.lastgroup, match.group()) for match in _TOKEN.finditer(text)]  # type: ignore[arg-type]
