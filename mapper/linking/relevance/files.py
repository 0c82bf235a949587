"""Level 2: which files of a tree are about a datasheet.

Two stages. A strong name (path, dominant prefix, device id) decides; registers and text only order what it found.
Without one, content decides (content.py): one unit that is clearly ahead, and no sibling's. What is too weak is
refused: a datasheet whose part the tree does not have gets an empty answer set, never the nearest neighbour.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from mapper.code.tree import language_of
from mapper.code.wordlist import word_set
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.confidence import ACCEPT_FILE
from mapper.linking.index.structure import FIRST_ROLES, LARGE_UNIT, part_words, stem_parts
from mapper.linking.index.tree import LOCAL_SOURCES, TreeIndex
from mapper.linking.parts import ACCEPT_NAME, SIBLING, grade_name, normalise
from mapper.linking.relevance.candidates import (
    MIN_PAIRS,
    SCORE_STEP,
    Candidate,
    Candidates,
    Units,
    candidate_of,
    find_candidates,
)
from mapper.linking.relevance.content import CONTENT_STEP, score_content
from mapper.linking.words import CHUNK
from mapper.model import Datasheet, Evidence, FileRelevance

TITLE_WORDS = word_set(
    "datasheet sheet product specification specifications reference manual users guide register registers description "
    "preliminary revision version family series sensor controller interface module device digital output power "
    "application document technical overview integrated circuit microcontroller processor system simple using"
)
"""Words of titles that name no product."""
MAX_RANKED = 20
"""Files written per datasheet besides the accepted ones."""
FLOOR_PAIRS = 4
"""Registers that must agree in name and address before registers alone accept a file."""
MAX_INCLUDERS = 250
"""A header that more files include is nobody's own."""
PASSING_SOURCES = frozenset({"label", "symbol", "header", "text"})
"""Where other parts than a file's own stand as well: enough only where no file says the part more clearly."""
HEADER_SUFFIXES = frozenset({".h", ".hh", ".inc"})
"""Files that declare; those of header-only libraries (.hpp) implement as well."""
REFERENCED = 3
"""Register definitions of an accepted header that a file must use to be accepted with it."""


def rank_files(tree: TreeIndex, index: SheetIndex, *, pinned_parts: Sequence[str] = ()) -> tuple[FileRelevance, ...]:
    """Return the files of a tree in order of how much they are about a datasheet, the accepted ones marked."""
    sheet = index.sheet
    parts = sheet_parts(sheet)
    candidates, units = find_candidates(tree, index, parts)
    pinned = any(grade_name(normalise(pin), part) >= ACCEPT_NAME for pin in pinned_parts for part in parts)
    for members in units.values():
        _score(members, parts, pinned=pinned)
    is_named = any(candidate.name >= ACCEPT_NAME for candidate in candidates.values())
    if not is_named:
        score_content(tree, index, units, parts)
    step = SCORE_STEP if is_named else CONTENT_STEP
    _accept(tree, units, candidates, parts, floor=MIN_PAIRS if pinned else FLOOR_PAIRS)
    _leave_out_ports(tree, units, candidates, parts, step)
    _accept_users(tree, index, candidates, parts)
    _add_copies(tree, candidates)
    return _relevances(sheet, _ordered(tree, candidates, step))


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


def _score(members: list[Candidate], parts: dict[str, float], *, pinned: bool) -> None:
    """Score the files of a unit: the unit's best name and registers, then each file's own share."""
    name = max(c.name for c in members)
    registers = max(c.registers for c in members)
    num_registers = max(c.num_registers for c in members)
    text = max(c.text for c in members)
    foreign = is_foreign(frozenset(word for c in members for word in c.identity), parts)
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
    units: Units,
    candidates: Candidates,
    parts: dict[str, float],
    *,
    floor: int,
) -> None:
    """Accept the best unit's files, and those of units that name the part as well as it does."""
    exact = [c.name for c in candidates.values() if c.is_exact]
    best_name = max(exact or [c.name for c in candidates.values()], default=0.0)
    for members in units.values():
        top = max(members, key=lambda c: c.score)
        unit_name = max(c.name for c in members)
        if top.score < ACCEPT_FILE or (best_name >= ACCEPT_NAME and not _names_as_well(members, unit_name, best_name)):
            continue
        named_by = {c.source for c in members if c.name == unit_name}
        if (
            exact
            and not any(c.is_exact for c in members)
            and "path" not in named_by
            and top.num_registers < FLOOR_PAIRS
        ):
            continue  # it mentions the family of a part that others name in full
        is_own = len(members) <= LARGE_UNIT and bool(named_by & LOCAL_SOURCES)
        for candidate in members:
            if unit_name < ACCEPT_NAME:
                shows = candidate.shows or candidate.num_registers >= floor
            else:
                shows = candidate.name >= SIBLING or candidate.num_registers >= MIN_PAIRS or is_own
                shows = shows or _includes_named(tree, candidate, members)
            if language_of(candidate.path) == "kconfig" and candidate.source not in LOCAL_SOURCES:
                continue  # the menu of a category lists all its parts
            if shows and (candidate.shows or _says_so(candidate) or not names_another(candidate.path, parts)):
                candidate.accepted = True
                candidate.score = max(candidate.score, ACCEPT_FILE)
    if any(c.accepted and c.role in FIRST_ROLES for c in candidates.values()):
        for candidate in candidates.values():
            if candidate.role not in FIRST_ROLES:
                candidate.accepted = False
                candidate.score = min(candidate.score, ACCEPT_FILE - 0.01)


def _leave_out_ports(
    tree: TreeIndex, units: Units, candidates: Candidates, parts: dict[str, float], step: float
) -> None:
    """Of units whose sources are near copies under one name, one driver on several platforms, keep the best."""
    ranked = {candidate.file: rank for rank, candidate in enumerate(_ordered(tree, candidates, step))}
    accepted = [[c for c in members if c.accepted] for members in units.values()]
    main_of: dict[str, list[str]] = defaultdict(list)
    for members in sorted(filter(None, accepted), key=lambda members: min(ranked[c.file] for c in members)):
        sources = {c.path: PurePosixPath(c.path).stem.lower() for c in members if _implements(c, parts)}
        pairs = [(path, main) for path, stem in sorted(sources.items()) for main in main_of[stem]]
        main = next((main for path, main in pairs if tree.is_near_copy(path, main)), None)
        for path, stem in sources.items() if main is None else ():
            main_of[stem].append(path)
        for candidate in members if main is not None else ():
            candidate.accepted, candidate.is_port, candidate.via = False, True, f"a port of {main}"
            candidate.score = min(candidate.score, ACCEPT_FILE - 0.01)


def _implements(candidate: Candidate, parts: dict[str, float]) -> bool:
    """Say whether a file is code, not a header, and named by the part."""
    pure = PurePosixPath(candidate.path)
    words = part_words(pure.stem)
    return pure.suffix not in HEADER_SUFFIXES and any(
        grade_name(word, part) >= ACCEPT_NAME for word in words for part in parts
    )


def _names_as_well(members: Sequence[Candidate], unit_name: float, best_name: float) -> bool:
    """Say whether a unit names the part about as well as the best one, and not in passing only."""
    top = max(members, key=lambda c: c.score)
    return unit_name >= best_name - 0.2 and (top.source not in PASSING_SOURCES or unit_name >= best_name)


def _includes_named(tree: TreeIndex, candidate: Candidate, members: Sequence[Candidate]) -> bool:
    """Say whether a file includes a file of its unit that names the part."""
    named = {PurePosixPath(c.path).name for c in members if c.name >= ACCEPT_NAME}
    return any(tree.includes(candidate.file, name) for name in named)


def _says_so(candidate: Candidate) -> bool:
    """Say whether a file names the part in its own code, whatever other part its path names: a driver of several."""
    return candidate.is_exact and candidate.source not in LOCAL_SOURCES


def names_another(path: str, parts: dict[str, float]) -> bool:
    """Say whether a file's stem names another part: a sibling's file in a family's directory."""
    return is_foreign(stem_parts(path), parts)


def _accept_users(tree: TreeIndex, index: SheetIndex, candidates: Candidates, parts: dict[str, float]) -> None:
    """Accept files that include an accepted header and use its register definitions, with their companions."""
    accepted = {candidate.path: file for file, candidate in sorted(candidates.items()) if candidate.accepted}
    definitions = {
        symbol.name
        for path in accepted
        for symbol in tree.by_path[path].symbols
        if symbol.kind in {"macro", "constant", "register"} and _is_printed(index, tree.value(symbol))
    }
    headers = tuple(sorted({PurePosixPath(path).name for path in accepted}))
    if len(definitions) < REFERENCED:
        return
    named = {
        word for path in accepted for word in candidates[accepted[path]].identity if candidates[accepted[path]].shows
    }
    users: set[int] = set()
    for file in tree.includers(headers, MAX_INCLUDERS):
        path = tree.path(file)
        if path in accepted or tree.role(file) not in FIRST_ROLES:
            continue
        if not tree.identity(file) & named and is_foreign(tree.identity(file), parts):
            continue
        if file in candidates and candidates[file].is_port:
            continue
        used = {name for symbol in tree.by_path[path].symbols for name in symbol.references if name in definitions}
        if len(used) >= REFERENCED:
            users.add(file)
    for user in sorted(users):
        for file in tree.companions(tree.path(user)):
            candidate = candidate_of(tree, candidates, file)
            if not candidate.accepted:
                candidate.accepted, candidate.via = True, "uses the registers of an accepted header"
                candidate.score = max(candidate.score, ACCEPT_FILE + 0.02)


def _is_printed(index: SheetIndex, value: int | None) -> bool:
    return value is not None and bool(index.at(value))


def _add_copies(tree: TreeIndex, candidates: Candidates) -> None:
    """Give exact copies of an accepted file the same answer, just below it."""
    ports = {PurePosixPath(candidate.path).parent for candidate in candidates.values() if candidate.is_port}
    for source in [candidate for _, candidate in sorted(candidates.items()) if candidate.accepted]:
        for file in tree.copies(source.path):
            if PurePosixPath(tree.path(file)).parent in ports:
                continue
            copy = replace(source, file=file, path=tree.path(file))
            copy.via, copy.score = f"copy of {source.path}", source.score - 0.001
            candidates[file] = copy


def _relevances(sheet: Datasheet, ordered: Sequence[Candidate]) -> tuple[FileRelevance, ...]:
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


def _ordered(tree: TreeIndex, candidates: Candidates, step: float) -> list[Candidate]:
    """Return the accepted first, by score in steps; in a step the largest top folder first, then files of the name."""
    sizes = {folder: tree.folder_size(folder) for folder in sorted({c.path.split("/")[0] for c in candidates.values()})}

    def order(candidate: Candidate) -> tuple[object, ...]:
        steps = round(candidate.score / step)
        folder = candidate.path.split("/")[0]
        is_own = candidate.source in LOCAL_SOURCES
        return (not candidate.accepted, -steps, -sizes[folder], not is_own, -candidate.score, candidate.path)

    return sorted(candidates.values(), key=order)


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
    if candidate.opening:
        detail = "TF-IDF cosine with the first pages"
        evidence.append(Evidence(rule="words", detail=detail, weight=round(candidate.opening, 4)))
    if candidate.via:
        evidence.append(Evidence(rule="neighbour", detail=candidate.via, weight=0.1))
    return tuple(evidence)
