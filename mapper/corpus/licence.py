"""Which licences may be trained on. Default deny: what is not on the list is refused, with its reason."""

import re
from dataclasses import dataclass

ALLOWED: frozenset[str] = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-2-Clause-Patent",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSL-1.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "NCSA",
        "PostgreSQL",
        "SHL-0.5",
        "SHL-0.51",
        "Unlicense",
        "WTFPL",
        "X11",
        "Zlib",
        "bzip2-1.0.6",
        "libpng-2.0",
    }
)
"""SPDX identifiers of permissive licences."""

_ALLOWED_FOLDED = {licence.casefold() for licence in ALLOWED}
_WORD = re.compile(r"\(|\)|[^\s()]+")
_OWN_TERMS = re.compile(
    r"\b(?:proprietary|confidential|trade secret|non-?commercial"
    r"|not be (?:reproduced|copied|redistributed|disclosed|used)"
    r"|redistribution[^.]{0,60}(?:prohibited|not permitted|forbidden)|only be used|solely (?:with|on|for use)"
    r"|(?:prior )?written (?:permission|consent|authori[sz]ation)|licen[cs]e agreement|licen[cs]ed (?:under"
    r"|subject to)"
    r"|subject to the terms|may not (?:use|copy|modify|distribute))\b",
    re.IGNORECASE,
)
_POINTS_TO_FILE = re.compile(r"\bLICEN[CS]E\b|\bCOPYING\b|\b[Ll]icen[cs]e(?:\.txt|\.md)?\s+file\b")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a file may be trained on, under which licence, or why not."""

    allowed: bool
    licence: str | None
    detail: str
    known: bool = True
    """False: no licence, or terms that are not recognised."""


def decide(found: str | None, header: str, default: str | None) -> Verdict:
    """Return the verdict on a file from its own licence, its header comment and its repository's licence.

    The repository's licence stands in only if the header states no terms of its own: terms that nobody recognised are
    a reason to refuse, not to look elsewhere.
    """
    if found is None and _OWN_TERMS.search(header) and not _POINTS_TO_FILE.search(header):
        return Verdict(False, None, "the header states terms that are not recognised", known=False)
    licence = found if found is not None else default
    if licence is None:
        return Verdict(False, None, "no licence in the file and none of the repository", known=False)
    if is_allowed(licence):
        return Verdict(True, licence, "")
    return Verdict(False, licence, f"{licence} is not on the list of permissive licences")


def is_allowed(expression: str) -> bool:
    """Return whether an SPDX expression may be trained on: one side of OR, both of AND; exceptions only add rights."""
    tokens = _WORD.findall(expression)
    if not tokens or len(tokens) > 64:
        return False
    value, rest = _alternatives(tokens)
    return value and not rest


def _alternatives(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _conjunction(tokens)
    while rest and rest[0].upper() == "OR":
        other, rest = _conjunction(rest[1:])
        value = value or other
    return value, rest


def _conjunction(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _single(tokens)
    while rest and rest[0].upper() == "AND":
        other, rest = _single(rest[1:])
        value = value and other
    return value, rest


def _single(tokens: list[str]) -> tuple[bool, list[str]]:
    if not tokens:
        return False, []
    if tokens[0] == "(":
        value, rest = _alternatives(tokens[1:])
        return (value, rest[1:]) if rest and rest[0] == ")" else (False, [])
    value, rest = tokens[0].casefold() in _ALLOWED_FOLDED, tokens[1:]
    if rest and rest[0].upper() == "WITH":
        rest = rest[2:]
    return value, rest
