"""Find the short name that a heading gives beside a register's long one.

"Clock control register (CKC_CTRL)", "Control (CTRL) register", "Interrupt enable register - IER". The short name is
what code and the other tables call the register. Brackets also hold remarks (R/W, LSB, I2C): they are no names.
"""

import re

from mapper.datasheet.register.notation import HEX, access_mode, is_identifier, is_reserved

MAX_REST_WORDS = 4  # after the short name: more of them make a sentence, not a heading

_WORD = r"[A-Za-z][\w/]*"
_BESIDE = re.compile(
    rf"\bregister\b[^()\[\]:;]{{0,20}}\(\s*(?P<behind>{_WORD})\s*(?:[,;][^()]*)?\)"
    rf"|\(\s*(?P<inside>{_WORD})\s*\)\s*register\b"
    rf"|\bregister(?:\s+[\dA-Z])?\s+[-\u2013\u2014]\s*(?P<dashed>{_WORD})$",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_REMARK = re.compile(
    rf"(?:{HEX}|[lm]sb|low|high|hex|dec|bcd|i[23]c|smbus|spi|uart|usb|can|otp|nvm|eeprom|flash|ram|rom|por|optional"
    r"|read|write|signed|unsigned|continued|new|all)$",
    re.IGNORECASE,
)


def short_name(title: str) -> tuple[str, str] | None:
    """Return the short and the long name in a heading or a cell, None when it does not give both."""
    match = _BESIDE.search(title)
    if match is None or len(_BRACKETS.sub(" ", title[match.end() :]).split()) > MAX_REST_WORDS:
        return None
    short = match["behind"] or match["inside"] or match["dashed"]
    if not _is_name(short):
        return None
    at = match.start(match.lastgroup or 0)
    long = title[:at].rstrip("( -\u2013\u2014")
    if match["inside"]:
        long += " register"
    words = long.split()
    named_before = is_identifier(words[0]) and not short.lower().startswith(f"{words[0].lower()}_")
    if named_before and "_" not in short and ("_" in words[0] or words[1:2] == ["register"]):
        return None
    if "_" not in short and not _abbreviates(short, long):
        return None
    return short, long


def _is_name(text: str) -> bool:
    is_remark = _REMARK.match(text) or access_mode(text) or is_reserved(text)
    return len(text) > 1 and is_identifier(text) and not is_remark


def _abbreviates(short: str, long: str) -> bool:
    """Say whether a name's letters come in this order in the long name; a small x, y or n stands for any instance."""
    rest = iter(long.lower())
    return all(letter in rest for letter in re.sub(r"[^a-z]", "", short.rstrip("xyn").lower()))
