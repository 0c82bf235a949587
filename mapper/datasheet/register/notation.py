"""How datasheets write addresses, bit ranges, reset values, access rights and names, as values.

Each function takes the text of a cell or a part of a heading and returns None when it is not written that way.
"""

import re
from collections.abc import Sequence

MAX_ADDRESS = 0xFFFF_FFFF_FFFF
MAX_BIT = 127
MAX_CODE = 0xFFFF
MAX_CODES = 4

HEX = (
    r"(?:0[xX][0-9A-Fa-f_]+|[0-9A-Fa-f]*[0-9][0-9A-Fa-f]*[hH]\b|[A-Fa-f][0-9A-Fa-f]?[hH]\b|\$[0-9A-Fa-f]+"
    r"|[hH]'[0-9A-Fa-f]+)"
)
"""A hexadecimal number that says so by its prefix or suffix."""

RESERVED = re.compile(
    r"^(?:\W*|reserved.*|rsvd.*|rsv|res\.?|resv.*|rfu|unused.*|not used.*|n/?a|none|unimplemented.*|undefined|[01xX]+"
    r"|don.?t care|do not .*|tbd|factory .*|not implemented|[01]\s*\(reserved\)|should be .*)$",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_/][A-Za-z0-9]+)*$")

_NUMBER = re.compile(
    r"^(?:0[xX](?P<prefixed>[0-9A-Fa-f_ ]+)|(?P<suffixed>[0-9A-Fa-f][0-9A-Fa-f _]*)[hH]|\$(?P<dollar>[0-9A-Fa-f]+)"
    r"|[hH]'(?P<quoted>[0-9A-Fa-f]+)|0[bB](?P<binary>[01_ ]+)|[bB]['\"](?P<bquoted>[01 ]+)['\"]?"
    r"|(?P<bsuffixed>[01][01 ]*)[bB]|\d+['\u2018\u2019](?:[bB](?P<bsized>[01_]+)|[hH](?P<hsized>[0-9A-Fa-f_]+)))$"
)
_NUMBERED = re.compile(r"^R(?P<number>\d{1,3})\b\s*(?:\(\s*(?P<hex>[0-9A-Fa-f]{1,3})h\s*\))?\s*(?P<name>.*)$")
_RANGE_WORD = re.compile(r"\s*(?:to|through|thru|\.\.+|\u2026|-|\u2013|\u2014|~|,|/|;|and|&)\s*", re.IGNORECASE)
_ANY_NIBBLE = re.compile(r"^0x[xX]+(?=[0-9A-Fa-f])")  # "0xX1": the first digit does not matter
_POINTER = re.compile(r"^[A-Za-z]+\s*(?:\[\d+:\d+\])?\s*=\s*(.+)$")
_BIT_PREFIX = r"(?:bits?|[A-Z]{1,4})?\s*[\[<(]?\s*"
_BITS = re.compile(
    rf"^{_BIT_PREFIX}(\d{{1,3}})\s*[\]>)]?\s*(?::|\.\.+|\u2026|-|\u2013|\u2212|\u2014|~|to|through|downto)\s*"
    rf"{_BIT_PREFIX}(\d{{1,3}})\s*[\]>)]?$",
    re.IGNORECASE,
)
_BIT = re.compile(rf"^{_BIT_PREFIX}(\d{{1,3}})\s*[\]>)]?$", re.IGNORECASE)
_INDEX = re.compile(r"\s*[\[<(]\s*(\d{1,3})\s*(?:[:\-\u2013]|\.\.)\s*(\d{1,3})\s*[\]>)]\s*$")
_SINGLE_INDEX = re.compile(r"(?<=\w)\s*[\[<]\s*(\d{1,3})\s*[\]>]\s*$")
_FOOTNOTE = re.compile(r"\s*(?:\(\s*\d{1,2}\s*\)|\[\s*note\s*\d+\s*\]|\*+|\u2020+)$", re.IGNORECASE)
_ACCESS_WORDS = {
    "r": "r", "ro": "r", "rd": "r", "read": "r", "readonly": "r", "readable": "r", "rhw": "r",
    "w": "w", "wo": "w", "wr": "w", "write": "w", "writeonly": "w", "wos": "w",
    "rw": "rw", "readwrite": "rw", "rwh": "rw", "writeread": "rw", "rdwr": "rw", "wrrd": "rw",
    "rc": "rc", "cor": "rc", "readclear": "rc", "rclr": "rc", "rcr": "rc", "roc": "rc", "rtoc": "rc",
    "w1c": "w1c", "rw1c": "w1c", "r1c": "w1c", "rc1": "w1c", "rcw1": "w1c", "rw1": "w1c", "write1toclear": "w1c",
    "wc": "w1c", "rwc": "w1c",
}  # fmt: skip


def number(text: str, base: int | None = None) -> int | None:
    """Return the number that text is, in base when nothing in the text tells it; digits may be grouped."""
    text = _FOOTNOTE.sub("", text.strip()).strip("'\"\u2018\u2019\u201c\u201d ")
    match = _NUMBER.match(text)
    if match and not (base == 16 and match["bsuffixed"]):
        digits = next(value for value in match.groups() if value is not None)
        is_binary = any(match[name] for name in ("binary", "bquoted", "bsuffixed", "bsized"))
        digits = re.sub(r"[_ ]", "", digits)
        return int(digits, 2 if is_binary else 16) if 0 < len(digits) <= 32 else None
    digits = text.replace("_", "") if base != 2 else re.sub(r"[_ ]", "", text)
    if base is None or not 0 < len(digits) <= 32:
        return None
    try:
        return int(digits, base) if digits[0].isalnum() else None
    except ValueError:
        return None


def address(text: str, base: int | None = None) -> int | None:
    """Return the (first) address that text is: "0x1F", "1Fh", "6Dh...64h", "0x00 to 0x02", "P[1:0] = 1h"."""
    text = _ANY_NIBBLE.sub("0x", text.strip().strip("()[]@#"))
    pointer = _POINTER.match(text)
    if pointer:
        text = pointer[1]
    whole = number(text, base)
    if whole is None:
        first = _RANGE_WORD.split(text)[0]
        words = first.split("(")[0].split()
        first = words[0] if words else ""
        rest = text[len(first) :]
        if rest and re.search(r"[A-Za-z]{3,}", _RANGE_WORD.sub(" ", rest)):
            return None
        if base is None and _RANGE_WORD.search(rest) and re.search(HEX, rest) and re.fullmatch(r"[0-9A-Fa-f]+", first):
            base = 16
        whole = number(first, base)
    return whole if whole is not None and 0 <= whole <= MAX_ADDRESS else None


def codes(text: str, base: int | None = None) -> tuple[int, ...]:
    """Return the alternative codes that text lists: "A4h/A5h", "26/27", "AE AF", "00100011"; of a wide range its first.

    What follows the codes (parameters, as in "81 A[7:0]") is passed over; a binary code with letters in it is none.
    """
    plain = _FOOTNOTE.sub("", text.strip()).strip("()[] ")
    digits = "".join(plain.split())
    if re.fullmatch(r"[01]{8}", digits):
        return (int(digits, 2),)
    found: list[int] = []
    for piece in re.split(r"\s*(?:[/,;]|\bor\b)\s*|\s+", plain)[:MAX_CODES]:
        ends = [number(end, base) for end in re.split(r"[~\u2013-]", piece, maxsplit=1)]
        values = [value for value in ends if value is not None and value <= MAX_CODE]
        if ends[0] is None or not values:
            break
        found += values if len(values) == 2 and values[1] == values[0] + 1 else values[:1]
    return tuple(dict.fromkeys(found))


def numbered_register(text: str) -> tuple[int, str] | None:
    """Return number and name of a register numbered in decimal: "R44 Input control", "R44 (2Ch) Input control"."""
    match = _NUMBERED.match(text)
    if not match:
        return None
    return int(match["hex"], 16) if match["hex"] else int(match["number"]), match["name"].strip(" :-\u2013")


def address_base(texts: Sequence[str], header: str = "") -> int | None:
    """Return the base of bare numbers in an address column, or None when its cells say it themselves or hold none."""
    if _counts_in_binary(texts, header):
        return 2
    bare = [text for text in (text.strip() for text in texts) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text)]
    if re.search(r"dec", header, re.IGNORECASE):
        return 10
    if re.search(r"hex|0x|\bh\b", header, re.IGNORECASE):
        return 16
    if not bare:
        return None
    if all(re.fullmatch(r"[01]{4,}", text) for text in bare):
        return 2
    if any(re.search(r"[A-Fa-f]", text) for text in bare):
        return 16 if any(re.search(r"\d", text) for text in bare) else None
    if any(re.match(rf"^{HEX}", text.strip()) for text in texts):
        return 16
    zero_padded = any(len(text) > 1 and text.startswith("0") for text in bare)
    return 16 if zero_padded and len({len(text) for text in bare}) == 1 and len(bare[0]) > 1 else 10


def _counts_in_binary(texts: Sequence[str], header: str) -> bool:
    """Say whether cells are pointer values in binary: 00b, 01b, or bare digits as many as the header has bits."""
    digits = ["".join(text.split()) for text in texts]
    if len(digits) < 2 or not all(re.fullmatch(r"[01]{1,8}b?", text) for text in digits):
        return False
    if re.search(r"\bbin", header, re.IGNORECASE) or all(re.fullmatch(r"[01]{2,}b", text) for text in digits):
        return True
    if re.search(r"hex|dec", header, re.IGNORECASE):
        return False
    _, bits = split_index(header)
    width = bits[0] - bits[1] + 1 if bits else 2 if re.search(r"pointer", header, re.IGNORECASE) else 0
    return width > 1 and all(len(text) == width for text in digits)


def reset_value(text: str, base: int | None = None) -> int | None:
    """Return the value after reset; eight or more zeros and ones are binary, so are any for a bit field."""
    text = _FOOTNOTE.sub("", text.strip())
    value = number(text)
    if value is not None:
        return value
    digits = re.sub(r"[_ ]", "", text.strip("'\"\u2018\u2019"))
    if re.fullmatch(r"[01]{8,64}", digits):
        return int(digits, 2)
    if base is not None:
        return number(text, base)
    if re.fullmatch(r"[01]{1,7}", digits):
        return int(digits, 2)
    if re.fullmatch(r"\d{1,9}", digits):
        return int(digits)
    found = re.match(rf"^({HEX})\s*\(", text)
    return number(found[1]) if found else None


def bit_range(text: str) -> tuple[int, int] | None:
    """Return (high, low) for "7:6", "[7:6]", "D7-D6", "bit 3", "7 to 6", "5"."""
    text = _FOOTNOTE.sub("", text.strip())
    match = _BITS.match(text)
    if match:
        high, low = int(match[1]), int(match[2])
    else:
        match = _BIT.match(text)
        if not match:
            return None
        high = low = int(match[1])
    high, low = max(high, low), min(high, low)
    return (high, low) if high <= MAX_BIT else None


def access_mode(text: str) -> str | None:
    """Return "r", "w", "rw", "rc" or "w1c", or None when text does not say."""
    word = re.sub(r"[\s/_\-\u2013.,()]", "", _FOOTNOTE.sub("", text.strip())).lower()
    return _ACCESS_WORDS.get(word)


def split_index(name: str) -> tuple[str, tuple[int, int] | None]:
    """Return a name without the bit range written behind it, and that range: "MUX[2:0]" gives ("MUX", (2, 0))."""
    match = _INDEX.search(name)
    if match:
        high, low = int(match[1]), int(match[2])
        return name[: match.start()].strip(), (max(high, low), min(high, low))
    match = _SINGLE_INDEX.search(name)
    if match:
        return name[: match.start()].strip(), (int(match[1]), int(match[1]))
    return name.strip(), None


def clean_name(text: str) -> str:
    """Return a name without footnote marks, quotes and a bit range behind it."""
    whole = " ".join(text.split()).replace(" _", "_")  # a name broken before an underscore
    text = _FOOTNOTE.sub("", whole).strip("\u201c\u201d\u2018\u2019'\"` :;,")
    name, _ = split_index(text)
    return _FOOTNOTE.sub("", name)


def is_reserved(name: str) -> bool:
    """Say whether a cell names nothing: reserved, a dash, a fixed bit."""
    return RESERVED.match(name.strip()) is not None


def is_identifier(name: str) -> bool:
    """Say whether a name is written like code: one token with underscore, digit or inner capital, or all capitals."""
    if not IDENTIFIER.match(name):
        return False
    return "_" in name or name.isupper() or any(c.isdigit() for c in name) or any(c.isupper() for c in name[1:])


def fold(name: str) -> str:
    """Return a name for comparison: letters and digits in lower case, without a trailing "register"."""
    folded = re.sub(r"[^a-z0-9]", "", name.lower())
    for suffix in ("registers", "register"):
        if folded.endswith(suffix) and len(folded) > len(suffix):
            return folded.removesuffix(suffix)
    return folded
