"""Names as words: how an identifier and a printed register name are made comparable.

Code writes BIT_FRAMING where the datasheet prints BitFramingReg; both become ("bit", "framing"). Three things are
compared: the plain words joined (survives other word borders), the canonical words (one spelling for cfg, conf and
configuration), and the numbers and end letters that tell siblings apart (INT1 from INT2, OUT_H from OUT_L).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from mapper.linking.vocabulary import CANONICAL, EXCLUSIVE, ROLE_WORDS

_EXCLUSIVE_SETS = tuple(frozenset(group) for group in EXCLUSIVE)
VOWELS = re.compile(r"[aeiou]")
CHUNK = re.compile(r"[A-Za-z0-9]+")
WORD = re.compile(r"[Ii][23][CcSs](?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True, slots=True)
class Name:
    """A name taken apart. words: plain lower case; tokens: canonical, no role words; compact: those words joined."""

    words: tuple[str, ...]
    tokens: tuple[str, ...]
    compact: str


def split_words(text: str) -> tuple[str, ...]:
    """Return the lower-case words of an identifier or a title, numbers apart: "TxASKReg2" gives tx, ask, reg, 2."""
    return tuple(word.lower() for word in WORD.findall(text))


def canonical(word: str) -> str:
    """Return the one spelling that all abbreviations of a word share."""
    if word.isdigit():
        return str(int(word))
    return CANONICAL.get(word, word)


@lru_cache(maxsize=200_000)
def name_of(text: str, drop: frozenset[str] = frozenset()) -> Name:
    """Return a name without the words in drop (part numbers, prefixes) and without role words, if any others stay."""
    words: list[str] = []
    for chunk in CHUNK.findall(text):
        low = chunk.lower()
        if low in drop:
            continue
        for part in drop:
            if len(part) >= 4 and low.startswith(part):
                chunk = chunk[len(part) :]
                break
        words += [word for word in split_words(chunk) if word not in drop]
    kept = [word for word in words if word not in ROLE_WORDS] or words
    return Name(tuple(words), tuple(canonical(word) for word in kept), "".join(kept))


def plain_weight(token: str) -> float:
    """Return the weight of a token when no rarity is known: numbers and single letters say little alone.

    A lone x or n stands for any instance, and "address" is what every register has: both say nearly nothing.
    """
    if token in {"x", "n"}:
        return 0.15
    return 0.4 if len(token) <= 1 or token.isdigit() or token in {"address"} else 1.0


def similarity(left: Name, right: Name, weight: Callable[[str], float] = plain_weight) -> float:
    """Return how alike two names are, 0 to 1: the harmonic mean of the weighted shares of matched tokens on both sides.

    Names whose numbers, axes or halves contradict each other (INT1 and INT2, OUT_H and OUT_L) get a third of it.
    """
    if not left.tokens or not right.tokens:
        return 0.0
    if left.compact == right.compact:
        return 1.0
    matched_left, matched_right = _matches(left.tokens, right.tokens)
    share_left = _share(left.tokens, matched_left, weight)
    share_right = _share(right.tokens, matched_right, weight)
    score = 0.0 if share_left + share_right == 0 else 2 * share_left * share_right / (share_left + share_right)
    short, long = sorted((left.compact, right.compact), key=len)
    if len(short) >= 4 and short in long:
        score = max(score, 0.95 * len(short) / len(long))
    return score * (0.33 if contradict(left.tokens, right.tokens) else 1.0)


def containment(inner: Name, outer: Name, weight: Callable[[str], float] = plain_weight) -> float:
    """Return the weighted share of inner's tokens that outer has, 0 to 1, zero if the two contradict each other."""
    if not inner.tokens or not outer.tokens:
        return 0.0
    if len(inner.compact) >= 4 and inner.compact in outer.compact:
        return 0.0 if contradict(inner.tokens, outer.tokens) else 1.0
    if contradict(inner.tokens, outer.tokens):
        return 0.0
    return _share(inner.tokens, _matches(inner.tokens, outer.tokens)[0], weight)


@lru_cache(maxsize=200_000)
def contradict(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Say whether two token lists name siblings: other numbers, other axis, other half, other direction."""
    ours, theirs = _marks(left), _marks(right)
    return any(group in theirs and not words & theirs[group] for group, words in ours.items())


@lru_cache(maxsize=100_000)
def _marks(tokens: tuple[str, ...]) -> dict[int, frozenset[str]]:
    """Return what tells a name from its siblings: its numbers (-1), and its words of each exclusive group."""
    said = frozenset(tokens)
    marks = {position: said & group for position, group in enumerate(_EXCLUSIVE_SETS) if said & group}
    numbers = frozenset(token for token in said if token.isdigit())
    return marks | ({-1: numbers} if numbers else {})


@lru_cache(maxsize=200_000)
def _matches(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[dict[int, float], dict[int, float]]:
    """Return for both sides which token positions find a partner, and how well (1, or 0.8 for a prefix)."""
    matched_left: dict[int, float] = {}
    matched_right: dict[int, float] = {}
    for position, token in enumerate(left):
        best, partner = 0.0, -1
        for other_position, other in enumerate(right):
            if other_position in matched_right:
                continue
            value = 1.0 if token == other else 0.8 if _is_short_for(token, other) else 0.0
            if value > best:
                best, partner = value, other_position
        if partner >= 0:
            matched_left[position] = matched_right[partner] = best
    _match_joined(left, right, matched_left, matched_right)
    _match_joined(right, left, matched_right, matched_left)
    _match_initials(left, right, matched_left, matched_right)
    _match_initials(right, left, matched_right, matched_left)
    return matched_left, matched_right


def _match_joined(
    spelled: tuple[str, ...], short: tuple[str, ...], matched: dict[int, float], matched_short: dict[int, float]
) -> None:
    """Match two neighbouring words with the one token that is both of them written together: act z and actz."""
    if len(spelled) < 2:
        return
    for position, token in enumerate(short):
        if position in matched_short or len(token) < 4:
            continue
        for start in range(len(spelled) - 1):
            first, second = spelled[start], spelled[start + 1]
            if token.startswith(first) and second.startswith(token[len(first) :] or "-"):
                value = 1.0 if token == first + second else 0.9
                matched_short[position] = value
                matched.update({start: value, start + 1: value})
                break


def _match_initials(
    spelled: tuple[str, ...], short: tuple[str, ...], matched: dict[int, float], matched_short: dict[int, float]
) -> None:
    """Match runs of two to four words with a token that ends in their initials: low pass filter and dlpf."""
    if len(spelled) < 2:
        return
    initials = "".join(word[0] for word in spelled)
    for position, token in enumerate(short):
        if position in matched_short or not 2 <= len(token) <= 5 or token[-1] not in initials:
            continue
        for size in (len(token), len(token) - 1):
            if not 2 <= size <= 4:
                continue
            start = initials.find(token[-size:])
            if start >= 0 and not token.isdigit():
                matched_short[position] = 0.8
                matched.update({index: max(0.8, matched.get(index, 0.0)) for index in range(start, start + size)})
                break


def _is_short_for(one: str, other: str) -> bool:
    """Say whether one word is the other's beginning, or the other without its vowels."""
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) < 3 or short[0] != long[0] or short.isdigit():
        return False
    return long.startswith(short) or (short[1:] == VOWELS.sub("", long[1:]) and len(short) >= 3)


def _share(tokens: tuple[str, ...], matched: dict[int, float], weight: Callable[[str], float]) -> float:
    total = sum(weight(token) for token in tokens)
    return sum(weight(tokens[position]) * value for position, value in matched.items()) / total if total else 0.0
