"""Part numbers that somebody says a datasheet is about: does its text name them?"""

import re
from collections.abc import Sequence
from functools import cache

from mapper.model import Datasheet

MIN_STEM_CHARACTERS = 4
"""An order code and a part that share so much of their beginnings are one, if one ends there."""


def unconfirmed_parts(sheet: Datasheet, given: Sequence[str]) -> tuple[str, ...]:
    """Return those of the given part numbers that neither the text of a datasheet nor its own parts name.

    Case, dashes and spaces do not count, an x in either stands for any letter or digit (as in families), and an order
    code is confirmed by the part it begins with.
    """
    asked = {_plain(part) for part in given}
    own = [_plain(part) for part in sheet.parts if _plain(part) not in asked]
    return tuple(
        part
        for part in given
        if not any(_is_one(_plain(part), other) for other in own)
        and not any(_in_text(part).search(page) for page in sheet.pages)
    )


@cache
def _in_text(part: str) -> re.Pattern[str]:
    characters = [character for character in part if character.isalnum()]
    body = r"[-\s]?".join("[A-Za-z0-9]" if character in "xX" else re.escape(character) for character in characters)
    return re.compile(rf"(?<![A-Za-z0-9]){body}" if characters else r"(?!)", re.IGNORECASE)


def _is_one(part: str, other: str) -> bool:
    length = min(len(part), len(other))
    if length < MIN_STEM_CHARACTERS:
        return part == other
    return all(a == b or "x" in (a, b) for a, b in zip(part[:length], other[:length], strict=True))


def _plain(part: str) -> str:
    return re.sub(r"[^a-z0-9]", "", part.lower())
