"""Read what a heading, a caption or a property line says about a register: name, address, access, reset value.

"Register 0x1D - LEVEL_LOW (Read/Write)", "Config Register (P[1:0] = 1h) [reset = 80C3h]", "CTRL (address 01h)",
"0x74: ctrl_rate", "Set Contrast Control (81h)", "Control register (CTRL), offset 0x04", "Address: 0x1B20_1000".
"""

import re
from dataclasses import dataclass, replace

from mapper.datasheet.register.notation import (
    HEX,
    access_mode,
    address,
    clean_name,
    is_identifier,
    is_reserved,
    reset_value,
)
from mapper.datasheet.register.short_names import short_name

MAX_LINE_CHARS = 160  # longer lines are prose
MAX_NAME_WORDS = 8
MAX_NAME_CHARS = 64

_BARE = r"(?:[0-9A-Fa-f]{2}|\d{1,3})"
_CAPTION = re.compile(
    r"^(?:(?:table|figure|fig\.?|register)\s+|[\u8868\u56fe\u56f3]\s*)[A-Z]?\d+(?:[-.]\d+)*\s*[.:\-\u2013]?\s+(?=\S)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    rf"^reg(?:ister)?s?\.?\s*(?:address(?:es)?|addr\.?|offset|no\.?|#)?\s*[:#(]?\s*(?P<address>{HEX}|{_BARE})\)?\s*"
    r"(?:\(\s*(?:dec|hex|0x)?\s*[0-9A-Fa-f]+h?\s*\))?\s*(?P<mark>[-\u2012\u2013\u2014\u2212:.,]*)\s*(?P<rest>\S.*)?$",
    re.IGNORECASE,
)
_LEADING_HEX = re.compile(rf"^(?P<address>{HEX})\s*[-\u2012\u2013\u2014\u2212:.,]*\s+(?P<rest>[A-Za-z].*)$")
_LIST = re.compile(
    rf"^(?:registers?\s*)?{HEX}(?:\s*(?:,|to|and|through|-|\u2013)\s*(?:register\s*)?{HEX})+", re.IGNORECASE
)
_GROUP = re.compile(r"[(\[\u201c{]\s*([^()\[\]]*(?:\[[^\]]*\][^()\[\]]*)?)\s*[)\]\u201d}]")
_ADDRESS_WORDS = re.compile(
    rf"^(?:\u5bc4\u5b58\u5668)?(?:\u5730\u5740)?\s*[:=]?\s*(?:(?:register|reg|pointer|command|memory|sub)?\s*(?:addr(?:ess)?|offset|pointer|reg(?:ister)?|code|command|hex|cmd)"
    rf"(?:\s*\(?hex\)?)?(?:\s*[:=]|\s)?\s*)?(?:[A-Za-z]+\s*(?:\[\d+:\d+\])?\s*=\s*)?(?P<address>{HEX})(?P<rest>.*)$",
    re.IGNORECASE,
)
_OTHER_CODES = re.compile(rf"^(?:\s*(?:/|or)\s*{HEX})+$")
_CODES = re.compile(rf"\(\s*{HEX}(?P<others>(?:\s*(?:/|or)\s*{HEX})+)\s*\)")
_BINARY_ADDRESS = re.compile(
    r"addr(?:ess)?\s*[:=]?\s*['\"\u2018\u2019]?(?P<digits>[01]{4}(?:\s?[01]{4})*)['\"\u2018\u2019]?\s*b", re.IGNORECASE
)
_TRAILING = re.compile(
    rf"^(?P<name>.+?)\s*(?:[-\u2012\u2013\u2014:,]\s*|\s)(?:register\s*)?(?:(?:at\s*)?(?:register\s*)?(?:addr(?:ess)?|offset)"
    rf"\s*[:=]?\s*)(?:\d+\s*\()?(?P<address>{HEX})\b",
    re.IGNORECASE,
)
_PROPERTY = re.compile(
    rf"^(?:(?:register|reg|base|pointer)\s*)?(?P<key>addr(?:ess)?(?:\s*offset)?|offset|index\s*\(in\s*(?P<base>decimal|hex\w*)\)|reset(?:\s*(?:value|state))?"
    rf"|default(?:\s*value)?|access|type)\s*[:=]\s*(?P<value>{HEX}(?![\w?])|\d+\b(?!\?)|[A-Za-z/ -]+$)",
    re.IGNORECASE,
)
_RESET = re.compile(
    rf"(?:reset|default|por)(?:\s*(?:value|state))?\s*[:=]?\s*(?P<value>{HEX}|[01]{{8,32}}\b)", re.IGNORECASE
)
_ACCESS = re.compile(
    r"\b(?P<value>read\s*/\s*write|read[- ]?only|write[- ]?only|read and write|R/W1C|R/W|RW|RO|WO)\b", re.IGNORECASE
)
_NOT_A_REGISTER = re.compile(
    r"\b(?:slave|device|i2c|i²c|bus|spi|chip|7-bit|8-bit|hardware)\s+addr|\baddress(?:es|ing)?\b(?!\s*(?:pointer|register|counter))"
    r"|\b(?:example|figure|table|version|revision|note)\b|\bregister\s+(?:address\s+)?map\b",
    re.IGNORECASE,
)
_JOINT = re.compile(r"(?<=[)\]])\s*(?:,|/|&|\band\b)\s*(?:and\s+)?", re.IGNORECASE)
_MARKS = " :-\u2013\u2014\u2212.,;'\"\u201c\u201d\u2018\u2019\u2026"
_TAIL_WORDS = re.compile(
    r"(?:bit|field|format|description|allocation|definition|detail|layout|map|summary|content|function|designation"
    r"|assignment|continued|setting|table|overview)s?|"
)
_CONTINUED = re.compile(r"(?:\.\.\.|\u2026|\s)\s?\(?continued\)?\.?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """What a line says; name may be empty when only an address is given."""

    name: str
    address: int | None = None
    access: str | None = None
    reset: int | None = None
    is_command: bool = False
    long_name: str = ""
    """What stands beside a short name: "Control register" in "Control register (CTRL)"."""


def strip_caption(text: str) -> tuple[str, bool]:
    """Return a line without "Table 23." before it and "continued" behind, and whether it is a caption."""
    text = _CONTINUED.sub("", text.strip())
    match = _CAPTION.match(text)
    if match and not re.match(rf"^register\s+(?:{HEX}|\d+)\s*[-\u2013\u2014:]\s*(?!\d)", text, re.IGNORECASE):
        return text[match.end() :].strip(), True
    return text, False


def read_head(title: str) -> Head | None:
    """Return what a heading or caption (without its number) says about one register or command, with an address."""
    if len(title) > MAX_LINE_CHARS:
        return None
    access = _ACCESS.search(title)
    reset = _RESET.search(title)
    found = _leading(title) or _trailing(title) or _grouped(title)
    if found is None:
        return None
    name, where = found
    both = short_name(title)
    name = both[0] if both else register_name(name)
    long_name = both[1] if both else ""
    if name and (not _is_name(name) or _NOT_A_REGISTER.search(long_name or name)):
        return None
    command = bool(re.search(r"\bcommand\b|\binstruction\b", title, re.IGNORECASE)) and "register" not in title.lower()
    return Head(
        name,
        where,
        access_mode(access["value"].replace(" and ", "/")) if access else None,
        reset_value(reset["value"]) if reset else None,
        command,
        long_name,
    )


def further_heads(title: str) -> list[Head]:
    """Return what a title names after the first: "LO (2h) and HI (3h)", or other codes: "Chip erase (C7h / 60h)"."""
    first = read_head(title)
    if first is not None and first.address is not None:
        others = [address(code) for code in re.findall(HEX, _codes_beside(title))]
        if others:
            return [replace(first, address=code) for code in others if code not in (None, first.address)]
    heads = [read_head(piece) for piece in _JOINT.split(title)]
    named = [head for head in heads if head is not None and head.address is not None and is_identifier(head.name)]
    is_list = len(named) == len(heads) == len({head.address for head in named})
    return named[1:] if is_list else []


def read_property(text: str) -> tuple[str, int | str] | None:
    """Return ("address" or "reset", number) or ("access", mode) for a line like "Address: 0x04"."""
    match = _PROPERTY.match(text[:MAX_LINE_CHARS].strip())
    if not match:
        return None
    key = match["key"].lower()
    if key.startswith(("addr", "offset", "index")):
        base = {"d": 10, "h": 16}.get((match["base"] or " ")[0].lower())
        where = address(match["value"].split()[0] if base else match["value"], base)
        return ("address", where) if where is not None else None
    if key in ("access", "type"):
        mode = access_mode(match["value"])
        return ("access", mode) if mode else None
    value = reset_value(match["value"])
    return ("reset", value) if value is not None else None


def named_head(title: str) -> Head | None:
    """Return what a heading or caption without address says: the name of the register it is about."""
    name = subject(title)
    both = short_name(title)
    return Head(name, long_name=both[1] if both else "") if name else None


def subject(title: str) -> str:
    """Return the register name a heading or caption without address is about, or an empty string."""
    if len(title) > MAX_LINE_CHARS:
        return ""
    both = short_name(title)
    if both:
        return both[0]
    name = _without_tail(_GROUP.sub(" ", _without_tail(title)))
    first = name.split()[0] if name.split() else ""
    says_register = bool(re.search(r"\bregisters?\b", name, re.IGNORECASE))
    rest = name[len(first) :].strip(" :-\u2013\u2014")
    is_code = "_" in first or any(map(str.isdigit, first)) or not rest or title.split()[1:2][0].startswith("(")
    if is_identifier(first) and len(first) > 1 and (says_register or is_code):
        if says_register and not re.match(r"^(?:[\w/]+\s*)?registers?\b", rest, re.IGNORECASE):
            return register_name(name) if _is_name(register_name(name)) else ""
        return first
    if says_register and _is_name(name) and not re.search(r"\bregisters\b", name, re.IGNORECASE):
        return register_name(name)
    return ""


def register_name(text: str) -> str:
    """Return a register's name: the short one, without bracketed remarks and "register" behind an identifier."""
    text = _without_tail(text)
    both = short_name(text)
    if both:
        return both[0]
    name = clean_name(re.sub(r"\s*[(\[].*$", "", text) or text)
    before = re.split(r"\s*(?::|\s[-\u2013\u2014])\s+", name)[0]
    if before != name and is_identifier(before) and len(before) > 1:
        return before
    words = name.split()
    if name.lower() in ("register", "registers"):
        return ""
    if len(words) > 1 and "_" in words[0] and is_identifier(words[0]) and not any(map(is_identifier, words[1:2])):
        return words[0]
    if len(words) == 2 and words[1].lower() in ("register", "registers") and is_identifier(words[0]):
        return words[0]
    return name


def _without_tail(text: str) -> str:
    """Return a title without words like "bit descriptions" at its end."""
    words = text.split()
    while len(words) > 1 and _TAIL_WORDS.fullmatch(words[-1].lower().strip(_MARKS)):
        words.pop()
    return " ".join(words).strip(_MARKS)


def _leading(title: str) -> tuple[str, int | None] | None:
    match = _LEADING.match(title)
    if match and (match["mark"] or re.match(HEX, match["address"])):
        where = address(match["address"], 16 if re.search("[A-Fa-f]", match["address"]) else 10)
        rest = match["rest"] or ""
        if _LIST.match(title) or re.match(r"^(?:to|and|through)\b", rest):
            return None
        return (rest, where) if where is not None else None
    match = _LEADING_HEX.match(title)
    if match:
        return match["rest"], address(match["address"])
    return None


def _grouped(title: str) -> tuple[str, int | None] | None:
    both = short_name(title)
    for group in _GROUP.finditer(title):
        inner = group[1].strip()
        if both and inner.startswith(f"{both[0]},"):
            inner = inner.removeprefix(f"{both[0]},").strip()
        binary = _BINARY_ADDRESS.search(inner)
        match = _ADDRESS_WORDS.match(inner)
        if not match and not binary:
            continue
        name = _GROUP.sub(" ", title[: group.start()]).strip()
        if re.search(r"\b(?:reset|default)\b", inner[:8], re.IGNORECASE):
            continue
        if not name and not re.match(r"(?:register\s+)?(?:addr|offset)", inner, re.IGNORECASE):
            continue
        if binary:
            return name, int(binary["digits"].replace(" ", ""), 2)
        assert match
        rest = _OTHER_CODES.sub("", match["rest"])
        if re.search(HEX, rest) and not re.search(r"reset|default|por|w|-|to", rest, re.IGNORECASE):
            return None
        return name, address(match["address"])
    return None


def _trailing(title: str) -> tuple[str, int | None] | None:
    match = _TRAILING.match(title)
    if match:
        return match["name"], address(match["address"])
    return None


def _codes_beside(title: str) -> str:
    """Return the codes after the first in brackets that hold nothing but codes."""
    match = _CODES.search(title)
    return match["others"] if match else ""


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= MAX_NAME_CHARS
        and len(name.split()) <= MAX_NAME_WORDS
        and bool(re.match(r"(?:\d{1,3}[A-Z]{1,2} )?[A-Za-z\u3041-\u9fff]", name))
        and not is_reserved(name)
    )
