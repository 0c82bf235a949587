"""Say which pages are likely to hold register tables: the filter before the costly steps, from text alone.

A page is a candidate when its words speak of registers and one of its lines reads like the header of a register or
bit table; or when it follows a candidate and goes on with rows of addresses or bits, as a long table does.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

COMMAND = re.compile(r"\b(?:command|instruction|opcode)s?\b|\u547d\u4ee4|\u6307\u4ee4", re.IGNORECASE)
MIN_SIGNS = 3
MAX_LINE_CHARS = 130
MAX_HEADER_WORDS = 14
HEADER_SHARE = 0.45  # of a header line are header words: less is prose
MIN_ROWS = 6  # with an address or bits: so many go on with the table of the page before
MIN_RUN = 4  # numbers that count down by one are bit labels

_SIGNS = (
    re.compile(r"\bregisters?\b|\bcommands?\b|\binstructions?\b|\bmnemonic\b|\u5bc4\u5b58\u5668", re.IGNORECASE),
    re.compile(
        r"\baddr(?:ess)?\b|\badr\b|\boffset\b|\bpointer\b|\bp\[\d:0\]|\bhex\b|\bopcode\b|0x[0-9a-f]|\b[01]{8}\b"
        r"|\b[0-9a-f]{1,3}h\b|\u5730\u5740",
        re.IGNORECASE,
    ),
    re.compile(r"\bbits?\b|\bb7\b|\bd7\b|\b7:\d\b|\bfields?\b|\b7 6 5 4\b|\u4f4d", re.IGNORECASE),
    re.compile(
        r"\br/?w\b|\breset\b|\bdefault\b|\baccess\b|\bpor\b|\bread.?only\b|\bro\b|\u9ed8\u8ba4|\u590d\u4f4d|\u8bfb",
        re.IGNORECASE,
    ),
)
_WORD = re.compile(r"[A-Za-z]{2,}|[\u4e00-\u9fff]{2}")
_TITLE = re.compile(r"(?:fig|table|figure|note)\b|\d+(?:\.\d+)+\s", re.IGNORECASE)
_PLACE = re.compile(
    r"(?<![a-z])(?:addr|adr|offset|pointer|hex|opcode|code|reg(?:ister)?s?\b|byte ?1\b)|\u5730\u5740", re.IGNORECASE
)
_HEADER_WORDS = (
    _PLACE,
    re.compile(
        r"(?<![a-z])(?:name|mnemonic|symbol|field|variable|function|command|instruction|parameter|content|acronym)"
        r"|\u540d\u79f0|\u547d\u4ee4",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![a-z])(?:bits?\b|b7|d7|7:0|position)|\u4f4d", re.IGNORECASE),
    re.compile(r"(?<![a-z])(?:r/w|access|type|read|rw\b)|\u8bfb", re.IGNORECASE),
    re.compile(r"(?<![a-z])(?:reset|default|por\b|initial|value)|\u9ed8\u8ba4|\u590d\u4f4d", re.IGNORECASE),
    re.compile(r"(?<![a-z])(?:descri|meaning|comment|setting|definition)|\u63cf\u8ff0|\u8bf4\u660e", re.IGNORECASE),
)
_LIMITS = re.compile(r"\b(min|typ|max|nom)(?:imum|ical|inal)?\b", re.IGNORECASE)
_SURE = re.compile(
    r"\b(?:p|bit ?)1\s+(?:p|bit ?)0\b|^.{0,12}\b(?:command|instruction)s?\s+(?:set|table|list|summary|codes?)\b",
    re.IGNORECASE,
)
"""Bits of an address pointer side by side; the title of a command table, whose header may name nothing else."""
_RUN = re.compile(r"(?:(?:bit ?|[a-z]{0,3})\d{1,2}\s+){3,}(?:bit ?|[a-z]{0,3})\d{1,2}\b", re.IGNORECASE)
_ROW = re.compile(
    r"0x[0-9a-f]{1,8}\b|\b[0-9a-f]{2,4}h\b|\b[01]{8}\b|^[\[<(]?\d{1,2}\s*[:\-\u2013]\s*\d{1,2}[\])>]?\s"
    r"|^(?:bits? )?[\[(<]?\d{1,2}[\])>]?\s+[A-Z][A-Za-z]*[_A-Z0-9\[]",
    re.IGNORECASE,
)


class Signs(NamedTuple):
    """What kinds of table a page is likely to hold."""

    registers: bool = False
    parameters: bool = False


NO_SIGNS = Signs()


class PageFilter:
    """Tells of one page after the other, in order, what tables it is likely to hold."""

    def __init__(self) -> None:
        self._was_candidate = False

    def __call__(self, text: str) -> Signs:
        """Return what tables a page with this text is likely to hold."""
        lines = [line for line in text.split("\n") if len(line) <= MAX_LINE_CHARS]
        is_candidate = has_register_signs(text) and any(map(_is_header, lines))
        self._was_candidate = is_candidate or (self._was_candidate and _num_rows(lines) >= MIN_ROWS)
        return Signs(self._was_candidate, any(map(_is_limits_header, lines)))


def has_register_signs(text: str) -> bool:
    """Say whether a page's words speak of registers."""
    signs = [sign.search(text) is not None for sign in _SIGNS]
    return sum(signs) >= MIN_SIGNS or (signs[1] and COMMAND.search(text) is not None)


def _is_header(line: str) -> bool:
    """Say whether a line reads like a table's header: mostly header words, of two kinds or more, or bit labels."""
    words = _WORD.findall(line)
    if 1 < len(words) <= MAX_HEADER_WORDS and line[-1] not in ".," and not _TITLE.match(line):
        found = [pattern.findall(line) for pattern in _HEADER_WORDS]
        kinds = sum(map(bool, found))
        if sum(map(len, found)) >= HEADER_SHARE * len(words) and (kinds > 2 or (kinds == 2 and found[0])):
            return True
    return _counts_down(line) or _SURE.search(line) is not None


def _is_limits_header(line: str) -> bool:
    """Say whether a line has two of the words min, typ, max and little besides."""
    return line.count(" ") < MAX_HEADER_WORDS and len({word.lower() for word in _LIMITS.findall(line)}) > 1


def _counts_down(line: str) -> bool:
    for match in _RUN.finditer(line):
        numbers = [int(digits) for digits in re.findall(r"\d+", match[0])]
        if sum(before - after == 1 for before, after in pairwise(numbers)) >= MIN_RUN - 1:
            return True
    return False


def _num_rows(lines: Iterable[str]) -> int:
    return sum(_ROW.search(line) is not None for line in lines)
