"""Level 2 where no file names the part: which unit shows most of what the datasheet says, by registers and words.

Registers count by how rare their address and name together are among the tree's files, and by the share of all that
the unit defines: a large file agrees with something in everything. Words are compared with what code names things by
(registers, fields, titles) and with the opening pages; never with all pages, where packaging and legal text win.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.confidence import ACCEPT_FILE
from mapper.linking.index.structure import FIRST_ROLES, LARGE_UNIT
from mapper.linking.index.tree import TreeIndex
from mapper.linking.parts import SIBLING, grade_name
from mapper.linking.relevance.candidates import MIN_PAIRS, SCORE_STEP, Candidate, Units, addressed

LOG_SHOWN = 0.72
SHOWN_OF_DEFINED = 2.4
PRINTED_OF_DEFINED = 1.9
TOPICS = 3.05
OPENING = 2.5
"""Weights of what is seen, fitted so that a datasheet's own unit is the first of its tree; see strength_of."""
STRONG = 4.1
"""From here on a unit is the part's own, whatever it calls itself; printed values apart, which siblings share."""
SHARE_SHOWN = 0.55
SHARE_EXPLAINED = 0.025
MIN_SHOWN = 4
"""A small register map is strong evidence too: so much of it is shown, being so much of what the unit defines."""
MAX_COUNTED = 24
"""Of a larger register map so many registers count as all of it."""
MIN_AHEAD = 0.3
"""Of two units about as strong under different names neither is the answer."""
BELOW = ACCEPT_FILE - 0.01
AHEAD = 0.0005
MIN_ABOVE = 0.02
CONTENT_STEP = 0.0001
"""Scores closer than this rank files no further; of ports the main one is chosen before."""
HALF_STRENGTH = 3.5
"""The strength that scores one half."""
Key = TypeVar("Key")
_LETTERS = re.compile(r"[a-z]{2,}(?=\d)")


@dataclass(frozen=True, slots=True)
class Strength:
    """How much a unit shows of a datasheet. is_strong: enough to be the answer without a name."""

    value: float
    is_strong: bool

    @property
    def score(self) -> float:
        """Return the strength as a score from 0 to 1."""
        return self.value / (self.value + HALF_STRENGTH)


def score_content(tree: TreeIndex, index: SheetIndex, units: Units, parts: dict[str, float]) -> None:
    """Score the units of a tree that does not name the part, and mark the files that show it: of the best unit alone.

    A unit named after another member of the part's family is never marked: siblings share most of their registers.
    """
    if not units:
        return
    paths = tuple(sorted(c.path for members in units.values() for c in members if c.role in FIRST_ROLES))
    defined = dict(zip(paths, tree.num_pairs(paths), strict=True))
    num_registers = len(addressed(index))
    found = {name: strength_of(members, defined, num_registers) for name, members in units.items()}
    ranked = sorted(units, key=lambda name: (-found[name].value, name))
    main = _main_port(tree, units, found, ranked)
    is_answer = found[ranked[0]].is_strong and not _has_rival(units, found, ranked, parts)
    for name, members in units.items():
        score = BELOW * found[name].score
        if name == main:
            score = (
                max(ACCEPT_FILE + MIN_ABOVE, found[name].score) if is_answer else BELOW * found[ranked[0]].score + AHEAD
            )
        is_own = any(c.name for c in members) or all(_names(word, parts) for c in members for word in c.identity)
        own = _own_shares(members, defined)
        for candidate, part in zip(members, own, strict=True):
            share = ACCEPT_FILE + (score - ACCEPT_FILE) * part if score > ACCEPT_FILE else score * (0.9 + 0.1 * part)
            candidate.score = max(candidate.score, share) if is_own else share
    if is_answer:
        _mark(units[main])
        words = _words(units[main])
        for candidate in (c for name, members in units.items() if name != main for c in members):
            candidate.is_port = bool(candidate.identity & words)


def _main_port(tree: TreeIndex, units: Units, found: Mapping[str, Strength], ranked: Sequence[str]) -> str:
    """Return the strongest unit, or of those of its name that are about as strong the one in the largest folder."""
    first = ranked[0]
    words = _words(units[first])
    near = [name for name in ranked if found[name].score >= found[first].score - SCORE_STEP]
    ports = [name for name in near if name == first or _words(units[name]) & words]
    return max(ports, key=lambda name: (_folder_size(tree, units[name]), found[name].value, name))


def _has_rival(units: Units, found: Mapping[str, Strength], ranked: Sequence[str], parts: Mapping[str, float]) -> bool:
    """Say whether the strongest unit is a sibling's, or one of another name is about as strong."""
    words = _words(units[ranked[0]])
    if any(is_family(word, tuple(parts)) and not _names(word, parts) for word in words):
        return True
    near = [name for name in ranked[1:] if found[ranked[0]].value - found[name].value < MIN_AHEAD]
    return not all(_words(units[name]) & words for name in near)


def _words(members: Sequence[Candidate]) -> frozenset[str]:
    return frozenset(word for candidate in members for word in candidate.identity)


def _mark(members: Sequence[Candidate]) -> None:
    """Mark the files of a unit that show the part: all of a small one, those that show something of a large one."""
    text = max(c.text for c in members)
    for candidate in members:
        shows = len(members) <= LARGE_UNIT or len(candidate.shown) >= MIN_PAIRS or candidate.text >= 0.5 * text
        candidate.shows = shows and candidate.role in FIRST_ROLES


def _names(word: str, parts: Mapping[str, float]) -> bool:
    return any(grade_name(word, part) >= SIBLING or word in part or part in word for part in parts)


def _folder_size(tree: TreeIndex, members: Sequence[Candidate]) -> float:
    return max(tree.folder_size(folder) for folder in sorted({c.path.split("/")[0] for c in members}))


def _own_shares(members: Sequence[Candidate], defined: dict[str, float]) -> list[float]:
    """Return how much each file of a unit shows itself, the best one 1."""
    values = [strength_of([c], defined, 1).value for c in members]
    return [value / max(values) if max(values) else 0.0 for value in values]


def strength_of(members: Sequence[Candidate], defined: dict[str, float], num_registers: int) -> Strength:
    """Return how much the files of a unit show of a datasheet with so many registers.

    defined: how many values each of its files that may be the answer defines.
    """
    first = [c for c in members if c.path in defined]
    if not first:
        return Strength(0.0, is_strong=False)
    shown, printed = _best_of(c.shown for c in first), _best_of(c.printed for c in first)
    total = sum(shown.values())
    size = sum(defined[c.path] for c in first)
    agreement = LOG_SHOWN * math.log1p(total) + SHOWN_OF_DEFINED * total / math.sqrt(10 + size)
    agreement += TOPICS * max(c.text for c in first) + OPENING * max(c.opening for c in first)
    share_printed = sum(printed.values()) / math.sqrt(10 + size)
    value = agreement + PRINTED_OF_DEFINED * math.log1p(4 * share_printed)
    share = total / min(max(num_registers, MIN_SHOWN), MAX_COUNTED)
    explained = len(shown) / size if size else 0.0
    is_small_map = len(shown) >= MIN_SHOWN and share >= SHARE_SHOWN and explained >= SHARE_EXPLAINED
    return Strength(value, is_strong=agreement >= STRONG or is_small_map)


def _best_of(found: Iterable[Mapping[Key, float]]) -> dict[Key, float]:
    """Return what any of several files show, each with its greatest weight."""
    best: dict[Key, float] = {}
    for one in found:
        for key, weight in one.items():
            best[key] = max(best.get(key, 0.0), weight)
    return best


def is_family(word: str, parts: Sequence[str]) -> bool:
    """Say whether a part-like word begins with the letters of one of the parts: another member of its family."""
    letters = _LETTERS.match(word)
    return letters is not None and any(
        (own := _LETTERS.match(part)) is not None and own[0] == letters[0] for part in parts
    )
