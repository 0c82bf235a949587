"""The files of a tree that may be about a datasheet, and what speaks for each: names, registers, words."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from mapper.linking.facts import pair_keys, telling_tokens
from mapper.linking.parts import ACCEPT_NAME, grade_name
from mapper.linking.targets import WIDE_ADDRESS, SheetIndex, Target, sheet_words
from mapper.linking.tree import LOCAL_SOURCES, TreeIndex, main_words
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
MAX_COMPARED = 2000
"""Where no file has a name or a register of the datasheet, all files of a tree so large are compared by their words."""
MAX_SHEET_WORDS = 600


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
    text: float = 0.0
    score: float = 0.0
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
    _add_registers(tree, index, candidates)
    units = _units(tree, candidates)
    _add_text(tree, index.sheet, candidates)
    return candidates, units


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
    asked = [pair for target in _addressed(index) for pair in _register_pairs(target)]
    keys = tuple(map(int, pair_keys([pair.value for pair in asked], [pair.token for pair in asked])))
    registers: dict[int, dict[tuple[int, str], float]] = defaultdict(dict)
    for pair, (files, number) in zip(asked, tree.holders(keys), strict=True):
        weight = pair.weight / (1 + 0.15 * (number - 1))
        for file in files:
            registers[file][pair.register] = max(registers[file].get(pair.register, 0.0), weight)
    total = max(4, min(12, len(_addressed(index))))
    for file, weights in sorted(registers.items()):
        if file in candidates or len(weights) >= MIN_PAIRS:
            candidate = candidate_of(tree, candidates, file)
            candidate.registers = min(1.0, sum(weights.values()) / total)
            candidate.num_registers = len(weights)


def _addressed(index: SheetIndex) -> list[Target]:
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


def _add_text(tree: TreeIndex, sheet: Datasheet, candidates: Candidates) -> None:
    for file in () if candidates else tree.originals(MAX_COMPARED):
        candidate_of(tree, candidates, file)
    paths = tuple(candidate.path for candidate in candidates.values())
    for candidate, cosine in zip(
        candidates.values(), tree.cosines(paths, main_words(sheet_words(sheet), MAX_SHEET_WORDS)), strict=True
    ):
        candidate.text = cosine


def _units(tree: TreeIndex, candidates: Candidates) -> Units:
    """Return the candidates by unit; files of a unit that has a candidate join it."""
    units: Units = {}
    for candidate in sorted(candidates.values(), key=lambda c: c.file):
        unit = tree.unit(candidate.path)
        if unit.name not in units:
            units[unit.name] = [candidate_of(tree, candidates, file) for file in unit.files]
    return units
