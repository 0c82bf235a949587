"""Functions that bring a device up: their name is plumbing, what their bodies do is printed.

An init that writes one register after another carries out the procedure that the datasheet calls initialisation, or
configuring the block it is named after. One that only checks who is there stands for the identity register it reads.
"""

import re

from mapper.code.wordlist import word_set
from mapper.linking.alignment.anchors import section_anchor
from mapper.linking.alignment.definitions import IDENTITY
from mapper.linking.alignment.functions import used_registers
from mapper.linking.alignment.matches import Ground, Match, register_matches
from mapper.linking.words import Name, split_words
from mapper.model import Evidence, Register, Section, Symbol

STARTUP_WORDS = word_set("init initialize initialise begin probe setup")
EMPTY_WORDS = word_set("hal ll driver drv device dev sensor chip hw low level a do")
PROCEDURE = re.compile(
    r"initiali[sz]|start-?up\s+(procedure|sequence|flow)|quick\s*start|getting\s+started|programming\s+(sequence|guide)",
    re.IGNORECASE,
)
CONFIGURING = re.compile(r"^(configuring|setting\s+up|initiali[sz]ing)\b", re.IGNORECASE)
"""Titles of a procedure for one block: they must say the function's own word too."""
MIN_STEPS = 3
"""Registers that a body must use before it is a procedure."""
MIN_BLOCK_STEPS = 2
METHOD = "start-up"
RAW = 0.7


def is_startup(name: Name) -> bool:
    """Say whether a function's name says that it brings the device or one of its blocks up."""
    return bool(STARTUP_WORDS & set(name.words))


def link_startup(ground: Ground, symbol: Symbol, name: Name) -> list[Match]:
    """Return what an init function stands for: the printed procedure, else the identity register it reads."""
    registers = used_registers(ground, symbol)
    said = {word for word in name.words if word not in STARTUP_WORDS | EMPTY_WORDS}
    found = [section for section in ground.index.sheet.sections if _fits(section, said, len(registers))]
    if found:
        first = min(found, key=lambda section: (section.page, section.level, section.path))
        detail = f"{symbol.name} uses {len(registers)} registers in turn"
        why = Evidence(rule="procedure", detail=detail, weight=RAW, page=first.page)
        return [Match(section_anchor(first), RAW, METHOD, (why,))]
    return [match for register in registers if not said for match in _identity(symbol, register)]


def _fits(section: Section, said: set[str], num_registers: int) -> bool:
    """Say whether a section is the procedure of a function with these words and this many registers."""
    if CONFIGURING.search(section.title) and said:
        return num_registers >= MIN_BLOCK_STEPS and said <= set(split_words(section.title))
    return not said and num_registers >= MIN_STEPS and bool(PROCEDURE.search(section.title))


def _identity(symbol: Symbol, register: Register) -> list[Match]:
    if not IDENTITY.search(register.name):
        return []
    why = Evidence(rule="uses", detail=f"{symbol.name} checks {register.name}", weight=RAW, page=register.page)
    return register_matches(register, RAW, METHOD, [why])
