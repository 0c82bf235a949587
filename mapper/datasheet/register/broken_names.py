"""Mend names that a narrow cell breaks, where the rest of the datasheet tells how they go on.

"FIFO_ROLL OVER_EN" is FIFO_ROLLOVER_EN if that is printed elsewhere; "CTRL9_HandSha ke_Type" is CTRL9_HandShake_Type
if "handshake" is. A first piece that is a word of its own ("BUS VOLTAGE" beside BUSVOLTAGE) is not broken.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mapper.datasheet.register.notation import is_identifier
from mapper.model import Register

_WORD = re.compile(r"[A-Za-z]\w*")


@dataclass(frozen=True, slots=True)
class _Words:
    """How often a datasheet prints each word, and each part of a word between underscores in lower case."""

    whole: Counter[str]
    parts: Counter[str]


def join_broken_names(registers: Sequence[Register], texts: Iterable[str]) -> tuple[Register, ...]:
    """Return registers with the pieces of broken names joined; texts are the pages of their datasheet."""
    if not any(" " in name for register in registers for name in (register.name, *(f.name for f in register.fields))):
        return tuple(registers)
    whole = Counter(word for text in texts for word in _WORD.findall(text))
    parts: Counter[str] = Counter()
    for word, count in whole.items():
        for part in word.lower().split("_"):
            parts[part] += count
    words = _Words(whole, parts)
    return tuple(
        replace(
            register,
            name=_joined(register.name, words),
            fields=tuple(replace(field, name=_joined(field.name, words)) for field in register.fields),
        )
        for register in registers
    )


def _joined(name: str, words: _Words) -> str:
    """Return a name with neighbouring words joined that are the pieces of one identifier."""
    joined: list[str] = []
    for word in name.split(" "):
        if joined and is_identifier(joined[-1] + word) and _is_broken(joined[-1], word, words):
            joined[-1] += word
        else:
            joined.append(word)
    return " ".join(joined)


def _is_broken(start: str, end: str, words: _Words) -> bool:
    """Say whether two words are one: printed so elsewhere, or the word across the break is."""
    known = words.whole[start + end]
    if known and ("_" in start or words.whole[start] <= known):
        return True
    before, after = start.lower().rpartition("_")[2], end.lower().partition("_")[0]
    across = words.parts[before + after]
    return bool("_" in start and before and across and words.parts[before] < across)
