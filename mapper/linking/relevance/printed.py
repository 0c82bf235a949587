"""What a datasheet prints beside its numbers: a value and a word of the same line, as code would define a name.

It needs no register table to have been read: commands, identity codes and bit patterns stand in running text too
("Contrast control 81h", "0010 0011 measure at high resolution").
"""

from mapper.linking.alignment.targets import BINARY, HEX, LEADERS
from mapper.linking.index.facts import telling_tokens
from mapper.linking.words import canonical, split_words
from mapper.model import Datasheet

MAX_PRINTED = 3000
"""Pairs that are looked up, those printed first."""
MAX_VALUES = 4
"""A line of more numbers is a row of a table of measurements."""
MAX_CONTENTS_ROWS = 5


def printed_pairs(sheet: Datasheet) -> tuple[tuple[int, str], ...]:
    """Return (value, canonical word) of lines that print hexadecimal or binary numbers, contents pages left out."""
    pairs: dict[tuple[int, str], None] = {}
    for page in sheet.pages:
        rows = page.splitlines()
        if sum(LEADERS.search(row) is not None for row in rows) >= MAX_CONTENTS_ROWS:
            continue
        for row in rows:
            values = {int(a or b, 16) for a, b in HEX.findall(row)} | {int(a + b, 2) for a, b in BINARY.findall(row)}
            values = {value for value in values if 1 < value <= 0xFFFF}
            if not 0 < len(values) <= MAX_VALUES:
                continue
            words = telling_tokens(sorted({canonical(word) for word in split_words(row) if len(word) > 2}))
            pairs.update(dict.fromkeys((value, word) for value in sorted(values) for word in words))
            if len(pairs) >= MAX_PRINTED:
                return tuple(pairs)[:MAX_PRINTED]
    return tuple(pairs)
