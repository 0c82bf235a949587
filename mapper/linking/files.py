"""Level 2: which files of a tree are about a datasheet.

Two stages. A strong name (path, dominant prefix, device id) decides; registers and text only order what it found.
Without one, registers decide alone, and only for files that do not name another part. What is too weak is refused:
a datasheet whose part the tree does not have gets an empty answer set, never the nearest neighbour.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mapper.code.wordlist import word_set
from mapper.linking.confidence import ACCEPT_FILE
from mapper.linking.parts import ACCEPT_NAME, SIBLING, grade_name, normalise
from mapper.linking.structure import FIRST_ROLES, stem_parts
from mapper.linking.targets import WIDE_ADDRESS, SheetIndex, sheet_words
from mapper.linking.tree import SOURCE_WEIGHTS, TreeIndex
from mapper.linking.words import CHUNK
from mapper.model import Datasheet, Evidence, FileRelevance

TITLE_WORDS = word_set(
    "datasheet sheet product specification specifications reference manual users guide register registers description "
    "preliminary revision version family series sensor controller interface module device digital output power "
    "application document technical overview integrated circuit microcontroller processor system simple using"
)
"""Words of titles that name no product."""
SCORE_STEP = 0.03
"""Scores closer than this say nothing about which file is the better answer."""
MAX_RANKED = 20
"""Files written per datasheet besides the accepted ones."""
FLOOR_PAIRS = 4
"""Registers that must agree in name and address before registers alone accept a file."""
MIN_PAIRS = 2
"""Registers that must agree before a file without a name is looked at."""
LARGE_UNIT = 12
"""From this many files on, a unit's files must show the part themselves."""
REFERENCED = 3
"""Register definitions of an accepted header that a file must use to be accepted with it."""


@dataclass(slots=True)
class Candidate:
    """What speaks for one file."""

    path: str
    name: float = 0.0
    source: str = ""
    word: str = ""
    registers: float = 0.0
    num_registers: int = 0
    text: float = 0.0
    score: float = 0.0
    accepted: bool = False
    via: str = ""
    evidence: list[Evidence] = field(default_factory=list)


def rank_files(tree: TreeIndex, index: SheetIndex, *, pinned_parts: Sequence[str] = ()) -> tuple[FileRelevance, ...]:
    """Return the files of a tree in order of how much they are about a datasheet, the accepted ones marked."""
    sheet = index.sheet
    parts = sheet_parts(sheet)
    candidates = _by_name(tree, parts)
    _add_registers(tree, index, candidates)
    _add_text(tree, sheet, candidates)
    units = _units(tree, candidates)
    pinned = any(grade_name(normalise(pin), part) >= ACCEPT_NAME for pin in pinned_parts for part in parts)
    for members in units.values():
        _score(tree, members, parts, pinned=pinned)
    _accept(tree, units, candidates, parts, floor=MIN_PAIRS if pinned else FLOOR_PAIRS)
    _accept_users(tree, index, candidates, parts)
    _add_copies(tree, candidates)
    return _relevances(tree, sheet, candidates)


def sheet_parts(sheet: Datasheet) -> dict[str, float]:
    """Return the normalised part names of a datasheet with their weight: the first counts fully, its kin nearly."""
    parts: dict[str, float] = {}
    for position, part in enumerate(sheet.parts):
        word = normalise(part)
        if len(word) < 3:
            continue
        first = next(iter(parts), word)
        kin = word[:3] == first[:3]
        parts.setdefault(word, 1.0 if position == 0 else 0.95 if kin else 0.7)
    return parts or _product_names(sheet)


def _product_names(sheet: Datasheet) -> dict[str, float]:
    """Return the words that a datasheet without a part number calls its product by, in title and opening."""
    opening = {word.lower() for page in sheet.pages[:2] for word in CHUNK.findall(page)}
    words = dict.fromkeys(word for word in CHUNK.findall(f"{sheet.family} {sheet.title}".lower()) if word in opening)
    return {word: 0.9 for word in words if len(word) >= 5 and word.isalnum() and word not in TITLE_WORDS}


def _by_name(tree: TreeIndex, parts: dict[str, float]) -> dict[str, Candidate]:
    candidates: dict[str, Candidate] = {}
    for word, held in sorted(tree.names.items()):
        grade = max((grade_name(word, part) * weight for part, weight in parts.items()), default=0.0)
        if grade <= 0:
            continue
        rarity = tree.rarity(word)
        for path, source in held:
            weight = SOURCE_WEIGHTS[source] * (1.0 if source in {"path", "prefix"} else rarity)
            candidate = candidates.setdefault(path, Candidate(path))
            if grade * weight > candidate.name:
                candidate.name, candidate.source, candidate.word = grade * weight, source, word
    return candidates


def _add_registers(tree: TreeIndex, index: SheetIndex, candidates: dict[str, Candidate]) -> None:
    """Weigh the registers whose address and name a file has, by how few files of the tree have them."""
    hits: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    seen: set[tuple[int, str]] = set()
    for target in index.registers:
        register = target.register
        if register is None or register.address is None or register.role == "command":
            continue
        key = (register.address, target.name.compact)
        if key in seen:
            continue
        seen.add(key)
        values = [register.address]
        if register.address >= WIDE_ADDRESS:
            values.append(register.address & (WIDE_ADDRESS - 1))
        strong = [t for t in {*target.name.tokens, target.name.compact} if len(t) > 1 and not t.isdigit()]
        paths: dict[str, float] = {}
        for value in values:
            for token in strong:
                held = tree.pairs.get((value, token), set())
                whole = token == target.name.compact or len(target.name.tokens) == 1
                for path in held:
                    paths[path] = max(paths.get(path, 0.0), (1.0 if whole else 0.6) / (1 + 0.15 * (len(held) - 1)))
        for path, weight in paths.items():
            hits[path] += weight
            counts[path] += 1
    total = max(4, min(12, len(seen)))
    for path, weight in hits.items():
        candidate = candidates.get(path)
        if candidate is None:
            if counts[path] < MIN_PAIRS:
                continue
            candidate = candidates.setdefault(path, Candidate(path))
        candidate.registers = min(1.0, weight / total)
        candidate.num_registers = counts[path]


def _add_text(tree: TreeIndex, sheet: Datasheet, candidates: dict[str, Candidate]) -> None:
    words = sheet_words(sheet)
    if len(words) > 600:
        words = type(words)(dict(sorted(words.items(), key=lambda item: (-item[1], item[0]))[:600]))
    paths = list(candidates) or ([f.path for f in tree.originals] if len(tree.originals) <= 2000 else [])
    for path in paths:
        candidates.setdefault(path, Candidate(path)).text = tree.cosine(path, words)


def _units(tree: TreeIndex, candidates: dict[str, Candidate]) -> dict[str, list[Candidate]]:
    """Return the candidates by unit; files of a unit that has a candidate join it."""
    touched = {tree.shape.unit_of[path] for path in candidates}
    units: dict[str, list[Candidate]] = defaultdict(list)
    for file in tree.originals:
        unit = tree.shape.unit_of[file.path]
        if unit in touched:
            units[unit].append(candidates.setdefault(file.path, Candidate(file.path)))
    return dict(units)


def _score(tree: TreeIndex, members: list[Candidate], parts: dict[str, float], *, pinned: bool) -> None:
    """Score the files of a unit: the unit's best name and registers, then each file's own share."""
    name = max(c.name for c in members)
    registers = max(c.registers for c in members)
    num_registers = max(c.num_registers for c in members)
    text = max(c.text for c in members)
    foreign = is_foreign(frozenset(word for c in members for word in tree.identity.get(c.path, ())), parts)
    if name >= ACCEPT_NAME:
        unit = 0.82 * name + 0.12 * registers + 0.06 * text
    elif name >= SIBLING * 0.9:
        unit = 0.6 * name + 0.5 * registers + 0.05 * text
        if foreign and (registers < 0.5 or num_registers < FLOOR_PAIRS):
            unit = min(unit, 0.4)
    else:
        enough = num_registers >= FLOOR_PAIRS and not foreign
        unit = (0.45 + 0.45 * registers if enough and registers >= 0.2 else 0.5 * registers) + 0.05 * text + 0.2 * name
        unit = min(unit, 0.85 if enough else 0.4)
    if pinned and not foreign and name < ACCEPT_NAME and registers > 0:
        unit = max(unit, 0.65)
    for candidate in members:
        own = 0.5 * (candidate.name / name if name else 0) + 0.35 * (
            candidate.registers / registers if registers else 0
        )
        own += 0.15 * (candidate.text / text if text else 0)
        candidate.score = unit * (0.85 + 0.15 * own)


def is_foreign(identity: frozenset[str], parts: dict[str, float]) -> bool:
    """Say whether files name themselves after another part than the datasheet's."""
    if not identity:
        return False
    return not any(
        grade_name(word, part) >= SIBLING or word in part or part in word for word in identity for part in parts
    )


def _accept(
    tree: TreeIndex,
    units: dict[str, list[Candidate]],
    candidates: dict[str, Candidate],
    parts: dict[str, float],
    *,
    floor: int,
) -> None:
    """Accept the best unit's files, and those of units that name the part as well as it does."""
    best_name = max((c.name for c in candidates.values()), default=0.0)
    for members in units.values():
        top = max(members, key=lambda c: c.score)
        unit_name = max(c.name for c in members)
        if top.score < ACCEPT_FILE or (best_name >= ACCEPT_NAME and not _names_as_well(members, unit_name, best_name)):
            continue
        for candidate in members:
            if unit_name < ACCEPT_NAME:
                shows = candidate.num_registers >= floor
            else:
                shows = candidate.name >= SIBLING or candidate.num_registers >= MIN_PAIRS or len(members) <= LARGE_UNIT
                shows = shows or _includes_named(tree, candidate.path, members)
            if shows and not names_another(candidate.path, parts):
                candidate.accepted = True
                candidate.score = max(candidate.score, ACCEPT_FILE)
    if any(c.accepted and tree.by_path[c.path].role in FIRST_ROLES for c in candidates.values()):
        for candidate in candidates.values():
            if tree.by_path[candidate.path].role not in FIRST_ROLES:
                candidate.accepted = False
                candidate.score = min(candidate.score, ACCEPT_FILE - 0.01)


def _names_as_well(members: Sequence[Candidate], unit_name: float, best_name: float) -> bool:
    """Say whether a unit names the part about as well as the best one, and not in passing only."""
    top = max(members, key=lambda c: c.score)
    return unit_name >= best_name - 0.2 and (top.source not in {"header", "text"} or unit_name >= best_name)


def _includes_named(tree: TreeIndex, path: str, members: Sequence[Candidate]) -> bool:
    """Say whether a file includes a file of its unit that names the part."""
    named = {PurePosixPath(c.path).name for c in members if c.name >= ACCEPT_NAME}
    return any(PurePosixPath(include).name in named for include in tree.by_path[path].includes)


def names_another(path: str, parts: dict[str, float]) -> bool:
    """Say whether a file's stem names another part: a sibling's file in a family's directory."""
    return is_foreign(stem_parts(path), parts)


def _accept_users(
    tree: TreeIndex, index: SheetIndex, candidates: dict[str, Candidate], parts: dict[str, float]
) -> None:
    """Accept files that include an accepted header and use its register definitions, with their companions."""
    accepted = {path for path, c in candidates.items() if c.accepted}
    if not accepted:
        return
    definitions: set[str] = set()
    for path in accepted:
        for symbol in tree.by_path[path].symbols:
            value = tree.value(symbol)
            if value is not None and symbol.kind in {"macro", "constant", "register"} and index.at(value):
                definitions.add(symbol.name)
    headers = {PurePosixPath(path).name for path in accepted}
    users: set[str] = set()
    for file in tree.originals:
        if file.path in accepted or file.role not in {"driver", "hal", "generated"}:
            continue
        if not headers & {PurePosixPath(include).name for include in file.includes}:
            continue
        if is_foreign(tree.identity[file.path], parts):
            continue
        used = {name for symbol in file.symbols for name in symbol.references if name in definitions}
        if len(used) >= REFERENCED:
            users.add(file.path)
    stems = {(PurePosixPath(path).parent, PurePosixPath(path).stem) for path in users}
    for file in tree.originals:
        pure = PurePosixPath(file.path)
        if file.path in users or ((pure.parent, pure.stem) in stems and file.path not in accepted):
            candidate = candidates.setdefault(file.path, Candidate(file.path))
            candidate.accepted, candidate.via = True, "uses the registers of an accepted header"
            candidate.score = max(candidate.score, ACCEPT_FILE + 0.02)


def _add_copies(tree: TreeIndex, candidates: dict[str, Candidate]) -> None:
    """Give exact copies of an accepted file the same answer, just below it."""
    for file in tree.files:
        original = tree.shape.original_of[file.path]
        if file.path == original or original not in candidates or not candidates[original].accepted:
            continue
        source = candidates[original]
        candidates[file.path] = Candidate(
            file.path, source.name, source.source, source.word, source.registers, source.num_registers, source.text
        )
        candidates[file.path].accepted, candidates[file.path].via = True, f"copy of {original}"
        candidates[file.path].score = source.score - 0.001


def _relevances(tree: TreeIndex, sheet: Datasheet, candidates: dict[str, Candidate]) -> tuple[FileRelevance, ...]:
    sizes = Counter(file.path.split("/")[0] for file in tree.files)

    def order(candidate: Candidate) -> tuple[object, ...]:
        """Accepted first, by score in steps; of several ports that of the largest top folder is the main one."""
        step = round(candidate.score / SCORE_STEP)
        return (not candidate.accepted, -step, -sizes[candidate.path.split("/")[0]], -candidate.score, candidate.path)

    ordered = sorted(candidates.values(), key=order)
    kept = [c for rank, c in enumerate(ordered) if c.accepted or (rank < MAX_RANKED and c.score > 0)]
    part = sheet.parts[0] if sheet.parts else ""
    return tuple(
        FileRelevance(
            sheet_sha256=sheet.sha256,
            sheet_file=sheet.file,
            sheet_family=sheet.family,
            part=part,
            path=candidate.path,
            rank=rank,
            score=round(min(1.0, max(0.0, candidate.score)), 4),
            accepted=candidate.accepted,
            evidence=_evidence(candidate),
        )
        for rank, candidate in enumerate(kept, start=1)
    )


def _evidence(candidate: Candidate) -> tuple[Evidence, ...]:
    evidence = []
    if candidate.name:
        detail = f"{candidate.word} ({candidate.source})"
        evidence.append(Evidence(rule="part name", detail=detail, weight=round(candidate.name, 4)))
    if candidate.num_registers:
        detail = f"{candidate.num_registers} registers agree in name and address"
        evidence.append(Evidence(rule="registers", detail=detail, weight=round(candidate.registers, 4)))
    if candidate.text:
        evidence.append(Evidence(rule="words", detail="TF-IDF cosine", weight=round(candidate.text, 4)))
    if candidate.via:
        evidence.append(Evidence(rule="neighbour", detail=candidate.via, weight=0.1))
    return tuple(evidence)
