"""The files of a tree that may be about a datasheet, and what speaks for each: names, registers, words."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mapper.linking.alignment.targets import WIDE_ADDRESS, SheetIndex, Target, opening_words, sheet_words, topic_words
from mapper.linking.index.facts import pair_keys, telling_tokens
from mapper.linking.index.lexicon import Words, main_words
from mapper.linking.index.structure import FIRST_ROLES
from mapper.linking.index.tree import LOCAL_SOURCES, TreeIndex
from mapper.linking.parts import ACCEPT_NAME, grade_name
from mapper.linking.relevance.printed import printed_pairs
from mapper.model import Datasheet

MIN_PAIRS = 2
"""Registers that must agree before a file without a name is looked at."""
SOURCE_WEIGHTS = {
    "path": 1.0,
    "prefix": 0.95,
    "string": 0.88,
    "label": 0.8,
    "symbol": 0.78,
    "header": 0.6,
    "text": 0.55,
}
EXACT = 0.9
"""A word that names a part so well is the part, not its family."""
MAX_NEAREST = 40
"""Where no file names the part, so many files become candidates by the words they share with a text."""
MAX_SHEET_WORDS = 600
MIN_PRINTED = 4
"""Values under words printed beside them before a file becomes a candidate by them."""
MAX_PRINTED_HOLDERS = 60
"""What more files have is looked at no further: printed words are many, and most are everywhere."""
SCORE_STEP = 0.03
"""Scores of files closer than this say nothing about which is the better answer."""
MIN_CONTRAST = 20
"""In a tree of fewer files nothing is rare: rarity is measured as if there were so many."""


@dataclass(slots=True)
class Candidate:
    """What speaks for one file."""

    file: int
    path: str
    role: str
    identity: frozenset[str]
    name: float = 0.0
    source: str = ""
    word: str = ""
    is_exact: bool = False
    """A word that stands for the part itself, not for its family, makes the name strong."""
    registers: float = 0.0
    num_registers: int = 0
    shown: dict[tuple[int, str], float] = field(default_factory=dict)
    """Registers that agree in address and name, each with how rare that is among the tree's files, 0 to 1."""
    printed: dict[int, float] = field(default_factory=dict)
    """Without a name: values it defines under a word that the datasheet prints beside them, each with its rarity."""
    text: float = 0.0
    """Cosine of its words and the datasheet's; without a name those of registers, fields and titles only."""
    opening: float = 0.0
    """Without a name: cosine of its words and those of the datasheet's first pages."""
    score: float = 0.0
    shows: bool = False
    """Its content is the part's, whatever its name."""
    accepted: bool = False
    via: str = ""
    is_port: bool = False
    """Another implementation of the same part, under the same name, is the answer."""


Candidates = dict[int, Candidate]
"""By file."""
Units = dict[str, list[Candidate]]
"""By the unit's name."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A value and a name token by which a file may show a register. weight: how well the token names it."""

    register: tuple[int, str]
    value: int
    token: str
    weight: float


def find_candidates(tree: TreeIndex, index: SheetIndex, parts: dict[str, float]) -> tuple[Candidates, Units]:
    """Return the files that name a part or have registers of its datasheet, with those of their units, by unit."""
    candidates = _by_name(tree, parts)
    is_named = any(candidate.name >= ACCEPT_NAME for candidate in candidates.values())
    texts = _texts(index.sheet, is_named=is_named)
    if not is_named:
        for words in texts:
            for file in tree.nearest(words, tuple(sorted(FIRST_ROLES)), MAX_NEAREST):
                candidate_of(tree, candidates, file)
        _add_printed(tree, index.sheet, candidates)
    _add_registers(tree, index, candidates)
    units = _units(tree, candidates)
    _add_text(tree, texts, candidates)
    return candidates, units


def _texts(sheet: Datasheet, *, is_named: bool) -> list[Words]:
    """Return what files are compared with: all pages, or where no file names the part its topics and its opening."""
    counts = [sheet_words(sheet)] if is_named else [topic_words(sheet), opening_words(sheet)]
    return [main_words(count, MAX_SHEET_WORDS) for count in counts]


def _by_name(tree: TreeIndex, parts: dict[str, float]) -> Candidates:
    candidates: Candidates = {}
    for named in tree.named(tuple(parts)):
        grade = max((grade_name(named.word, part) * weight for part, weight in parts.items()), default=0.0)
        for file, source in named.held:
            weight = SOURCE_WEIGHTS[source] * (1.0 if source in LOCAL_SOURCES else named.rarity)
            candidate = candidate_of(tree, candidates, file)
            candidate.is_exact |= grade >= EXACT and grade * weight >= ACCEPT_NAME
            if grade * weight > candidate.name:
                candidate.name, candidate.source, candidate.word = grade * weight, source, named.word
    return candidates


def candidate_of(tree: TreeIndex, candidates: Candidates, file: int) -> Candidate:
    """Return the candidate of a file, a new one if it is none yet."""
    if file not in candidates:
        candidates[file] = Candidate(file, tree.path(file), tree.role(file), tree.identity(file))
    return candidates[file]


def _add_registers(tree: TreeIndex, index: SheetIndex, candidates: Candidates) -> None:
    """Weigh the registers whose address and name a file has, by how few files of the tree have them."""
    asked = [pair for target in addressed(index) for pair in _register_pairs(target)]
    keys = tuple(map(int, pair_keys([pair.value for pair in asked], [pair.token for pair in asked])))
    total = tree.num_originals()
    registers: dict[int, dict[tuple[int, str], float]] = defaultdict(dict)
    shown: dict[int, dict[tuple[int, str], float]] = defaultdict(dict)
    for pair, (files, number) in zip(asked, tree.holders(keys), strict=True):
        weight = pair.weight / (1 + 0.15 * (number - 1))
        rarity = pair.weight * _rarity(total, number)
        for file in files:
            registers[file][pair.register] = max(registers[file].get(pair.register, 0.0), weight)
            shown[file][pair.register] = max(shown[file].get(pair.register, 0.0), rarity)
    wanted = max(4, min(12, len(addressed(index))))
    for file, weights in sorted(registers.items()):
        if file in candidates or len(weights) >= MIN_PAIRS:
            candidate = candidate_of(tree, candidates, file)
            candidate.registers = min(1.0, sum(weights.values()) / wanted)
            candidate.num_registers = len(weights)
            candidate.shown = shown[file]


def _add_printed(tree: TreeIndex, sheet: Datasheet, candidates: Candidates) -> None:
    """Note the values that files define under a word printed beside them, few files having both."""
    pairs = printed_pairs(sheet)
    keys = tuple(map(int, pair_keys([value for value, _ in pairs], [word for _, word in pairs])))
    total = tree.num_originals()
    printed: dict[int, dict[int, float]] = defaultdict(dict)
    for (value, _), (files, number) in zip(pairs, tree.holders(keys, MAX_PRINTED_HOLDERS), strict=True):
        rarity = _rarity(total, number)
        for file in files:
            printed[file][value] = max(printed[file].get(value, 0.0), rarity)
    for file, values in sorted(printed.items()):
        if file in candidates or len(values) >= MIN_PRINTED:
            candidate_of(tree, candidates, file).printed = values


def _rarity(total: float, number: float) -> float:
    """Return how rare among so many files is what a number of them have: 1 for one file, 0 for all."""
    return max(0.0, math.log((total + 1) / (number + 0.5))) / math.log(max(total + 1, MIN_CONTRAST) / 1.5)


def addressed(index: SheetIndex) -> list[Target]:
    """Return the registers with an address, one a name and address."""
    found: dict[tuple[int, str], Target] = {}
    for target in index.registers:
        register = target.register
        if register is not None and register.address is not None and register.role != "command":
            found.setdefault((register.address, target.name.compact), target)
    return list(found.values())


def _register_pairs(target: Target) -> Iterator[Pair]:
    """Yield what a file may define of a register: its address or offset, with its name or a word of it."""
    address = target.register.address if target.register is not None else None
    assert address is not None
    name = target.name
    for value in [address, address & (WIDE_ADDRESS - 1)] if address >= WIDE_ADDRESS else [address]:
        for token in sorted(telling_tokens({*name.tokens, name.compact})):
            whole = token == name.compact or len(name.tokens) == 1
            yield Pair((address, name.compact), value, token, 1.0 if whole else 0.6)


def _add_text(tree: TreeIndex, texts: Sequence[Words], candidates: Candidates) -> None:
    paths = tuple(candidate.path for candidate in candidates.values())
    cosines = [tree.cosines(paths, words) for words in texts]
    for position, candidate in enumerate(candidates.values()):
        candidate.text = cosines[0][position]
        candidate.opening = cosines[1][position] if len(cosines) > 1 else 0.0


def _units(tree: TreeIndex, candidates: Candidates) -> Units:
    """Return the candidates by unit; files of a unit that has a candidate join it."""
    units: Units = {}
    for candidate in sorted(candidates.values(), key=lambda c: c.file):
        unit = tree.unit(candidate.path)
        if unit.name not in units:
            units[unit.name] = [candidate_of(tree, candidates, file) for file in unit.files]
    return units
