"""Symbols that no datasheet specifies: the plumbing of a driver.

A symbol is plumbing when its name without part and role words is made of plumbing words only, or when its form says so
(include guards, handles full of callbacks). Plumbing gets no link, however well a word of it matches.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from mapper.code.wordlist import word_set
from mapper.linking.words import Name, split_words
from mapper.model import Symbol

PLUMBING = word_set(
    "init deinit initialize initialise deinitialize begin end open close debug print printf log tag trace "
    "delay sleep wait interface version info name manufacturer driver link linux handle descriptor desc "
    "context ctx callback cb irq handler bool false true ok error err fail failed success result ret "
    "return timeout retry create destroy new delete free alloc malloc assert check mutex lock unlock "
    "semaphore task main test example demo self user private priv obj instance this inited initialized "
    "started running finished pointer next prev list head tail tmp buf buffer size max min str string "
    "char text message msg format null none unknown default library lib api func function param params "
    "parameter parameters arg args setup loop usage help license author date build guard included log2 "
    "macro bus dev device i2c iic spi uart gpio wire port pin pins cs ms us hal platform driver_name chip "
    "type model family"
)
HARD = word_set(
    "debug tag deinit callback cb mutex semaphore malloc log trace linked usage author license "
    "finished inited manufacturer assert"
)
"""One of these is enough: what they name is never in a datasheet's register part."""
WENT_WELL = frozenset({"ok", "success", "none"})
WENT_WRONG = word_set("error err fail failed failure timeout invalid")
HANDLES = frozenset({"handle", "context", "ctx"})
RESULT_NAMES = word_set("status result error err ret return code")
TYPE_WORDS = frozenset({"t", "s", "e", "type", "struct", "def", "typedef"})
SOFT_LAST = word_set("handle descriptor desc interface version name info bool context callback cb")
DEVICE_TABLE = re.compile(r"\b\w*device_id\s+\w+\s*\[")
"""A table of the names that a driver is bound by."""


def is_plumbing(symbol: Symbol, name: Name) -> bool:
    """Say whether a symbol is a driver's own matter by its name and form alone."""
    if symbol.form == "const" and DEVICE_TABLE.search(symbol.declaration):
        return True
    words = [word for word in name.words if not word.isdigit()]
    if not words or all(len(word) <= 1 for word in words):
        return True
    if symbol.form in {"guard", "include_guard"} or (symbol.name.startswith("_") and symbol.name.endswith("_H")):
        return True
    if words[-1] == "h" and symbol.value is None and symbol.form == "macro" and not symbol.references:
        return True
    if symbol.kind != "register" and any(word in HARD for word in words):
        return True
    return all(word in PLUMBING for word in words) and not is_exempt(words)


def result_types(symbols: Iterable[Symbol]) -> frozenset[tuple[str, str]]:
    """Return path and name of the enums that say how a call went: one enumerator is OK, another an error."""
    members: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for symbol in symbols:
        if symbol.form == "enumerator" and symbol.scope is not None:
            members[symbol.path, symbol.scope.replace("::", ".")].append(split_words(symbol.name))
    return frozenset(
        key
        for key, names in members.items()
        if any(words[-1] in WENT_WELL for words in names) and any(WENT_WRONG & set(words) for words in names)
        if RESULT_NAMES & set(split_words(key[1]))
    )


def is_handle_state(symbol: Symbol, name: Name) -> bool:
    """Say whether a symbol is a handle's member with a plain word as name: state kept by software, volatile or not."""
    return symbol.form == "member" and len(name.tokens) == 1 and bool(HANDLES & set(split_words(symbol.scope or "")))


def is_exempt(words: list[str]) -> bool:
    """Say whether plumbing words together name something a datasheet has: the bus address, a bus transaction."""
    said = set(words)
    return bool(said & {"address", "addr"}) or bool(
        said & {"i2c", "iic", "spi", "bus", "reg", "register"} and said & {"read", "write"}
    )


def is_soft_plumbing(name: Name) -> bool:
    """Say whether a name ends like plumbing: it needs more than a shared word to be linked."""
    words = [word for word in name.words if word not in TYPE_WORDS and not word.isdigit()]
    return bool(words) and (
        words[-1] in SOFT_LAST or words[0] in {"init", "begin", "interface", "driver"} or words[-1] in {"init", "probe"}
    )
