"""Part numbers: which words look like one, and how well a word of the code names a part.

A code name may be the part itself, its beginning (the order code's tail left out), or a family name with x for any
character. Two parts that differ in a last letter are siblings: close, but not the same chip.
"""

import re
from functools import lru_cache

PART_LIKE = re.compile(r"(?=[a-z]{0,6}[a-z]?\d|[a-z]{1,4}\d)[a-z]+\d[a-z0-9]*|\d+[a-z]+\d+[a-z0-9]*", re.ASCII)
NOT_PARTS = re.compile(
    r"(u?int|float|utf|sha|md|aes|crc|base|rfc|iso|ieee|iec|armv|rv|latin|ascii|cp)\d+[a-z]{0,2}|"
    r"[a-z]{1,2}\d{1,2}[a-z]?|(cpu|port|pin|bit|led|reg|rev|ver|adc|dac|pwm|tim|usart|uart|spi|gpio|sram|bank|sector|page|slot|"
    r"lane|line|log|usb|cortex|arm|mips|risc|chan|step|mode|test|level|step|phase|group|index|array|vector|point)\d{1,2}[a-z]?|"
    r"i[23][cs].*|\d+[a-z]{1,3}|[a-z]{6,}\d{1,2}"
)
"""Words with digits that are types, standards, peripherals or plain numbering."""
MIN_PART_LENGTH = 4
ACCEPT_NAME = 0.7
SIBLING = 0.5


def normalise(part: str) -> str:
    """Return a part number as letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", part.lower())


@lru_cache(maxsize=200_000)
def is_part_like(word: str) -> bool:
    """Say whether a lower-case word looks like a part number: letters, then digits, and not a type or peripheral."""
    if not MIN_PART_LENGTH <= len(word) <= 20 or not any(c.isdigit() for c in word):
        return False
    return PART_LIKE.fullmatch(word) is not None and NOT_PARTS.fullmatch(word) is None


@lru_cache(maxsize=500_000)
def grade_name(word: str, part: str) -> float:
    """Return how well a lower-case word names a normalised part, 0 to 1.

    1 equal; 0.9 part without its order code; 0.6 to 0.85 family name with wildcards or a shortened number; 0.5 a
    sibling that differs in its last letter only; 0 another thing.
    """
    if word == part:
        return 1.0
    if len(word) < MIN_PART_LENGTH or len(part) < MIN_PART_LENGTH or word[:2] != part[:2]:
        return 0.9 if len(part) >= 6 and has_digit(part) and word.endswith(part) else 0.0
    if not has_digit(word) or not has_digit(part):
        return 0.0
    if part.startswith(word):
        rest = part[len(word) :]
        if not rest[0].isdigit():
            return 0.9 if len(re.sub(r"\D", "", word)) >= 2 and not has_digit(rest.rstrip("0123456789")) else 0.6
        return 0.0
    if word.startswith(part):
        return 0.0 if word[len(part)].isdigit() else 0.8
    return max(_wildcard(word, part), _wildcard(part, word), _sibling(word, part))


def has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _wildcard(pattern: str, word: str) -> float:
    """Return the grade of a family name in which x stands for any character (two for any two)."""
    first_digit = next((i for i, c in enumerate(pattern) if c.isdigit()), len(pattern))
    if "x" not in pattern[first_digit:]:
        return 0.0
    tail = pattern[first_digit:].rstrip("x") if pattern.endswith("xx") else pattern[first_digit:]
    regex = re.escape(pattern[:first_digit]) + tail.replace("x", "[a-z0-9]")
    fixed = len(pattern) - pattern[first_digit:].count("x")
    match = re.match(regex, word)
    if match is None or fixed < 3:
        return 0.0
    rest = word[match.end() :]
    if not rest or rest.isalpha() or pattern.endswith("xx"):
        return 0.85 if len(word) - len(pattern) <= 1 else 0.75
    return 0.0


def _sibling(word: str, part: str) -> float:
    """Return the grade of two names that share letters and all digits and differ in the letters after them."""
    left, right = re.match(r"[a-z]+\d+", word), re.match(r"[a-z]+\d+", part)
    if left is None or right is None or left[0] != right[0] or len(left[0]) < MIN_PART_LENGTH + 1:
        return 0.0
    return SIBLING if word[left.end() :].isalpha() and part[right.end() :][:1].isalpha() else 0.0
