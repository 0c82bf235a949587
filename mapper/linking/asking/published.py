"""All three levels by a model, the published approach, for comparison: directories, files a section, symbols a section.

Each datasheet asks which directories are about it; each of its sections asks which of ten candidate files implement it;
each section and file asks which of the file's symbols the section specifies. The rules only order the candidates; where
no model answers, what they say stands.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mapper.linking.alignment.anchors import register_anchor, section_anchor
from mapper.linking.alignment.matches import Ground, Match, order, symbol_key
from mapper.linking.alignment.targets import SheetIndex, sheet_words
from mapper.linking.asking.ask_files import accepted_by_model, ranked_again, refused_by_model, undecided
from mapper.linking.asking.ask_symbols import MODEL_ONLY_PROBABILITY, UNDECIDED, chosen_match, noted
from mapper.linking.asking.material import directory_text, plain, section_text, sheet_summary, skeleton, symbol_text
from mapper.linking.asking.questions import MODEL_RULE, Answer, Candidate, Item, Level, Question
from mapper.linking.confidence import raw_score
from mapper.linking.index.tree import TreeIndex
from mapper.model import LLM_ONLY_RULE, Anchor, Datasheet, Evidence, FileRelevance, Register, Section, SourceFile

MAX_DIRECTORIES = 150
"""Directories in one prompt."""
MAX_FILES = 10
NUM_NAMES = 40
"""Symbols named for a candidate file."""
MAX_TREE_FILES = 5000
"""In larger trees only the files that the rules name are candidates."""
FILES_OF_SECTION = 2
"""Files a section is aligned with where no model said which: the best accepted ones."""
MAX_SYMBOLS = 100
"""Symbols in one prompt."""
MAX_PLACES = 40
"""Registers of a section in one prompt."""
SPREAD = 0.25
"""How much the share of sections that chose a file adds to its score."""

Chosen = Mapping[tuple[str, ...], tuple[str, ...] | None]
"""For each section's path the files chosen for it; None: not answered."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """One prompt of level 3: the section's places and the file's symbols behind the ids of its question."""

    section: Section
    places: tuple[Register | None, ...]
    """None: the section itself."""
    symbols: tuple[tuple[str, str, int], ...]
    question: Question


def directory_questions(tree: TreeIndex, sheet: Datasheet) -> list[Question]:
    """Return the questions of level 1: all directories with code, MAX_DIRECTORIES in each."""
    directories = sorted(_by_directory(tree).items())
    about = sheet_summary(sheet)
    return [
        _of_sheet(
            sheet,
            "structure",
            about,
            "this datasheet",
            [
                Candidate(id=f"d{number}", text=directory_text(directory, files))
                for number, (directory, files) in enumerate(
                    directories[start : start + MAX_DIRECTORIES], start=start + 1
                )
            ],
        )
        for start in range(0, len(directories), MAX_DIRECTORIES)
    ]


def chosen_directories(tree: TreeIndex, answers: Sequence[tuple[Question, Answer | None]]) -> frozenset[str] | None:
    """Return the directories that a model chose; None if it answered nothing, or chose none."""
    names = sorted(_by_directory(tree))
    picked = [number for question, answer in answers if answer for number in answer.of(question.items[0].id)]
    return frozenset(names[int(number[1:]) - 1] for number in picked) or None


def candidate_files(
    tree: TreeIndex, sheet: Datasheet, ranked: Sequence[FileRelevance], directories: Collection[str] | None
) -> list[SourceFile]:
    """Return the files that sections may choose: MAX_FILES, the rules' first, then those that share most words."""

    def inside(path: str) -> bool:
        return directories is None or str(PurePosixPath(path).parent) in directories

    paths = [file.path for file in ranked if inside(file.path) and tree.original(file.path) == file.path]
    if len(paths) < MAX_FILES:
        known = set(paths)
        others = [path for file in tree.originals(MAX_TREE_FILES) if (path := tree.path(file)) not in known]
        others = [path for path in others if inside(path)]
        cosines = tree.cosines(tuple(others), tuple(sorted(sheet_words(sheet).items())))
        paths += [path for _, path in sorted(zip((-cosine for cosine in cosines), others, strict=True))]
    return [tree.by_path[path] for path in paths[:MAX_FILES]]


def section_questions(index: SheetIndex, files: Sequence[SourceFile]) -> list[Question]:
    """Return the questions of level 2: each section with its text, against the candidate files."""
    candidates = [
        Candidate(id=f"f{number}", text=skeleton(file, NUM_NAMES)) for number, file in enumerate(files, start=1)
    ]
    return [
        _of_sheet(index.sheet, "files", section_text(section), "this section", candidates)
        for section in _sections(index)
        if candidates
    ]


def decide_files(
    index: SheetIndex,
    ranked: Sequence[FileRelevance],
    files: Sequence[SourceFile],
    answers: Sequence[tuple[Question, Answer | None]],
    model: str,
) -> tuple[tuple[FileRelevance, ...], Chosen]:
    """Return the files with the sections' choices applied, and what each section chose."""
    chosen: dict[tuple[str, ...], tuple[str, ...] | None] = {}
    for section, (question, answer) in zip(_sections(index), answers, strict=True):
        picked = None if answer is None else answer.of(question.items[0].id)
        chosen[section.path] = None if picked is None else tuple(files[int(number[1:]) - 1].path for number in picked)
    answered = [picked for picked in chosen.values() if picked is not None]
    if not answered:
        return tuple(undecided(file) for file in ranked), chosen
    sheet = index.sheet
    known = {file.path: file for file in ranked}
    for file in files:
        blank = FileRelevance(
            sheet_sha256=sheet.sha256,
            sheet_file=sheet.file,
            sheet_family=sheet.family,
            part=sheet.parts[0] if sheet.parts else "",
            path=file.path,
            rank=0,
            score=0.0,
            accepted=False,
        )
        known.setdefault(file.path, blank)
    votes = {path: sum(path in picked for picked in answered) / len(answered) for path in known}
    decided = [
        accepted_by_model(file, f"{model}, by {votes[path]:.0%} of the sections", 0.6 + SPREAD * votes[path])
        if votes[path]
        else refused_by_model(file, model)
        for path, file in known.items()
    ]
    return ranked_again(sorted(decided, key=lambda file: (-votes[file.path], file.rank or len(known)))), chosen


def alignments(ground: Ground, ranked: Sequence[FileRelevance], chosen: Chosen) -> Iterator[Alignment]:
    """Yield the prompts of level 3: each section with its registers, against the symbols of the files it chose."""
    best = [file.path for file in ranked if file.accepted and ground.tree.original(file.path) == file.path]
    best = best[:FILES_OF_SECTION]
    accepted = {file.path for file in ranked if file.accepted}
    registers: dict[tuple[str, ...] | None, list[Register]] = defaultdict(list)
    paths = {section.path for section in _sections(ground.index)}
    for target in ground.index.registers:
        if target.register is not None:
            registers[_home(target.register.section_path, paths)].append(target.register)
    for section in _sections(ground.index):
        picked = chosen.get(section.path)
        text = section_text(section)
        places = (None, *registers[section.path][:MAX_PLACES])
        for path in best if picked is None else picked:
            if path in accepted:
                yield from _alignments(ground, section, text, places, ground.tree.by_path[path])


def decide_symbols(ground: Ground, asked: Sequence[tuple[Alignment, Answer | None]], model: str) -> None:
    """Put the model's choices in the place of the rules' proposals; those of sections without an answer stand."""
    paths = {section.path for section in _sections(ground.index)}
    answered = {each.section.path for each, answer in asked if answer is not None}
    silent = {each.section.path for each, answer in asked if answer is None} | (set() if answered else {None})
    new: dict[tuple[str, str, int], list[Match]] = defaultdict(list)
    for each, answer in asked:
        if answer is None:
            continue
        for item, place in zip(each.question.items, each.places, strict=True):
            for number in answer.of(item.id):
                key = each.symbols[int(number[1:]) - 1]
                new[key] += _matches(ground.found.get(key, ()), each.section, place, model)
    for key in set(ground.found) | set(new):
        kept = [noted(m, UNDECIDED) for m in ground.found.get(key, ()) if _home(_path_of(m), paths) in silent]
        decided = sorted([*new[key], *kept], key=order)
        if decided:
            ground.found[key] = decided
        else:
            ground.found.pop(key, None)


def _home(path: tuple[str, ...], sections: Collection[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the section that a path of titles lies in: itself or the nearest one above; None without one."""
    return next((path[:depth] for depth in range(len(path), 0, -1) if path[:depth] in sections), None)


def _alignments(
    ground: Ground, section: Section, text: str, places: tuple[Register | None, ...], file: SourceFile
) -> Iterator[Alignment]:
    sheet = ground.index.sheet
    for start in range(0, len(file.symbols), MAX_SYMBOLS):
        symbols = file.symbols[start : start + MAX_SYMBOLS]
        candidates = tuple(
            Candidate(id=f"s{number}", text=symbol_text(symbol, ground.tree.value(symbol)))
            for number, symbol in enumerate(symbols, start=1)
        )
        ids = tuple(candidate.id for candidate in candidates)
        items = tuple(
            Item(id=f"p{number}", text=_place_text(place), candidates=ids) for number, place in enumerate(places)
        )
        question = Question(
            level="symbols",
            sheet_file=sheet.file,
            about=text,
            items=items,
            candidates=candidates,
            many=True,
            copy_restricted=sheet.copy_restricted,
        )
        yield Alignment(section, places, tuple(symbol_key(symbol) for symbol in symbols), question)


def _matches(found: Sequence[Match], section: Section, place: Register | None, model: str) -> list[Match]:
    """Return what a choice gives: the rules' own proposals of that place, else one that is the model's alone."""
    own = [m for m in found if m.register is place and (place is not None or m.anchor.path == section.path)]
    if own:
        top = max(match.raw for match in own)
        return [chosen_match(match, top, model, confirms=False) for match in own]
    said = Evidence(rule=MODEL_RULE, detail=f"chosen: {model}", weight=MODEL_ONLY_PROBABILITY)
    anchor: Anchor = section_anchor(section, place="description") if place is None else register_anchor(place)
    alone = Evidence(rule=LLM_ONLY_RULE, detail="no rule proposed it", weight=0.0)
    return [Match(anchor, raw_score(MODEL_ONLY_PROBABILITY), MODEL_RULE, (said, alone), "partial", place)]


def _path_of(match: Match) -> tuple[str, ...]:
    return match.register.section_path if match.register is not None else match.anchor.path


def _place_text(place: Register | None) -> str:
    if place is None:
        return "the section itself"
    return f"{place.role} {plain(place.name, 80)}" + ("" if place.address is None else f" {place.address:#x}")


def _sections(index: SheetIndex) -> list[Section]:
    return [target.section for target in index.sections if target.section is not None]


def _by_directory(tree: TreeIndex) -> dict[str, list[str]]:
    directories: dict[str, list[str]] = defaultdict(list)
    for path in map(tree.path, tree.originals(MAX_TREE_FILES)):
        directories[str(PurePosixPath(path).parent)].append(path)
    return directories


def _of_sheet(sheet: Datasheet, level: Level, about: str, item: str, candidates: Sequence[Candidate]) -> Question:
    return Question(
        level=level,
        sheet_file=sheet.file,
        about=about,
        items=(Item(id="d1", text=item, candidates=tuple(candidate.id for candidate in candidates)),),
        candidates=tuple(candidates),
        many=True,
        copy_restricted=sheet.copy_restricted,
    )
