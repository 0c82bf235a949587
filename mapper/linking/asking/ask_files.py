"""Level 2 with a model: files whose score lies near the cut, and datasheets that the rules refused.

A model decides about these files alone; what the rules are sure of is not asked and can not be undone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mapper.linking.asking.material import has_hidden, sheet_summary, skeleton
from mapper.linking.asking.questions import MODEL_RULE, UNDECIDED_RULE, Answer, Candidate, Item, Question
from mapper.linking.confidence import ACCEPT_FILE
from mapper.linking.index.tree import TreeIndex
from mapper.model import LLM_ONLY_RULE, Datasheet, Evidence, FileRelevance

NEAR = 0.45
"""From this score on a file that was not accepted is asked about."""
SURE = 0.7
"""From this score on an accepted file is not asked about."""
WORTH_ASKING = 0.25
"""The same for datasheets with no accepted file: below it, the tree has nothing for the part."""
MODEL_SCORE = 0.65
"""Score of a file that was accepted because a model chose it."""
MAX_FILES = 10
NUM_NAMES = 24
"""Symbols named for a file."""
SUPPORT = {"part name": 0.6, "registers": 0.1}
"""Evidence of rules, and the weight from which it supports a model's choice."""


def file_questions(tree: TreeIndex, sheet: Datasheet, ranked: Sequence[FileRelevance]) -> list[Question]:
    """Return what to ask about a datasheet's files: at most one question, and one for files that will be withheld."""
    return [_question(tree, sheet, group) for group in _groups(undecided_files(tree, ranked))]


def undecided_files(tree: TreeIndex, ranked: Sequence[FileRelevance]) -> list[FileRelevance]:
    """Return the files that the rules left open, best first, of exact copies the original."""
    floor = NEAR if any(file.accepted for file in ranked) else WORTH_ASKING
    near = [file for file in ranked if file.score >= floor and not (file.accepted and file.score >= SURE)]
    near = [file for file in near if tree.original(file.path) == file.path]
    return sorted(near, key=lambda file: (-file.score, file.path))[:MAX_FILES]


def decide_files(
    tree: TreeIndex,
    ranked: Sequence[FileRelevance],
    answers: Sequence[tuple[Question, Answer | None]],
    model: str,
) -> tuple[FileRelevance, ...]:
    """Return the files with the answers to `file_questions` applied, copies as their originals."""
    open_files = iter(_groups(undecided_files(tree, ranked)))
    chosen: dict[str, bool | None] = {}
    for (question, answer), group in zip(answers, open_files, strict=True):
        picked = answer.of(question.items[0].id) if answer is not None else ()
        for candidate, file in zip(question.candidates, group, strict=True):
            chosen[file.path] = None if answer is None else candidate.id in picked
    return _settled(tree, ranked, chosen, f"{model}, among {len(chosen)} files")


def leave_files(tree: TreeIndex, ranked: Sequence[FileRelevance]) -> tuple[FileRelevance, ...]:
    """Return the files where nobody is asked: what the rules left open is marked so."""
    return _settled(tree, ranked, dict.fromkeys(file.path for file in undecided_files(tree, ranked)), "")


def ranked_again(files: Iterable[FileRelevance]) -> tuple[FileRelevance, ...]:
    """Return files with ranks that follow acceptance, then the order they came in."""
    ordered = sorted(files, key=lambda file: not file.accepted)
    return tuple(replace(file, rank=rank) for rank, file in enumerate(ordered, start=1))


def accepted_by_model(file: FileRelevance, detail: str, score: float = MODEL_SCORE) -> FileRelevance:
    """Return a file as accepted by a model; marked as the model's alone where no rule supports it."""
    evidence = [*file.evidence, Evidence(rule=MODEL_RULE, detail=f"chosen: {detail}", weight=score)]
    if not any(each.weight >= SUPPORT.get(each.rule, 2.0) for each in file.evidence):
        evidence.append(Evidence(rule=LLM_ONLY_RULE, detail="no rule speaks for it", weight=0.0))
    return replace(file, accepted=True, score=score, evidence=tuple(evidence))


def refused_by_model(file: FileRelevance, detail: str) -> FileRelevance:
    """Return a file as refused by a model."""
    evidence = (*file.evidence, Evidence(rule=MODEL_RULE, detail=f"not chosen: {detail}", weight=0.0))
    return replace(file, accepted=False, score=min(file.score, ACCEPT_FILE - 0.01), evidence=evidence)


def undecided(file: FileRelevance) -> FileRelevance:
    """Return a file as the rules left it, marked as one they were not sure about."""
    evidence = Evidence(rule=UNDECIDED_RULE, detail="near the cut, no model answered", weight=0.0)
    return replace(file, evidence=(*file.evidence, evidence))


def _groups(files: Sequence[FileRelevance]) -> list[list[FileRelevance]]:
    """Return the files of each question: those with hidden characters in their paths apart, so they spoil no other."""
    groups = ([f for f in files if not has_hidden(f.path)], [f for f in files if has_hidden(f.path)])
    return [group for group in groups if group]


def _settled(
    tree: TreeIndex, ranked: Sequence[FileRelevance], chosen: Mapping[str, bool | None], detail: str
) -> tuple[FileRelevance, ...]:
    """Return the files as chosen, by the path of the original; None leaves a file undecided."""
    return ranked_again(
        _decided(file, chosen[original], detail) if (original := tree.original(file.path)) in chosen else file
        for file in ranked
    )


def _decided(file: FileRelevance, is_chosen: bool | None, detail: str) -> FileRelevance:
    if is_chosen is None:
        return undecided(file)
    if not is_chosen:
        return refused_by_model(file, detail)
    return accepted_by_model(file, detail, max(file.score if file.accepted else 0.0, MODEL_SCORE))


def _question(tree: TreeIndex, sheet: Datasheet, files: Sequence[FileRelevance]) -> Question:
    candidates = tuple(
        Candidate(id=f"f{number}", text=skeleton(tree.by_path[file.path], NUM_NAMES))
        for number, file in enumerate(files, start=1)
    )
    return Question(
        level="files",
        sheet_file=sheet.file,
        about=sheet_summary(sheet),
        items=(Item(id="d1", text="this datasheet", candidates=tuple(candidate.id for candidate in candidates)),),
        candidates=candidates,
        many=True,
        copy_restricted=sheet.copy_restricted,
    )
