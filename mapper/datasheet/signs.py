"""Say which pages speak of registers enough to look for tables on them: the filter before the costly steps."""

import re

COMMAND = re.compile(r"\b(?:command|instruction|opcode)s?\b", re.IGNORECASE)
MIN_SIGNS = 3

_SIGNS = (
    re.compile(r"\bregisters?\b|\bcommands?\b|\binstructions?\b|\bmnemonic\b", re.IGNORECASE),
    re.compile(
        r"\baddr(?:ess)?\b|\badr\b|\boffset\b|\bpointer\b|\bp\[\d:0\]|\bhex\b|\bopcode\b|0x[0-9a-f]|\b[01]{8}\b|\b[0-9a-f]{1,3}h\b",
        re.IGNORECASE,
    ),
    re.compile(r"\bbits?\b|\bb7\b|\bd7\b|\b7:\d\b|\bfields?\b|\b7 6 5 4\b", re.IGNORECASE),
    re.compile(r"\br/?w\b|\breset\b|\bdefault\b|\baccess\b|\bpor\b|\bread.?only\b|\bro\b", re.IGNORECASE),
)


def has_register_signs(text: str) -> bool:
    """Say whether a page's text speaks of registers enough to look for tables on it."""
    signs = [sign.search(text) is not None for sign in _SIGNS]
    return sum(signs) >= MIN_SIGNS or (signs[1] and COMMAND.search(text) is not None)
