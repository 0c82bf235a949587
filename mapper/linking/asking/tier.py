"""The second tier: where a language model takes part in a mapping, by policy."""

from collections.abc import Sequence
from dataclasses import replace

from mapper.linking.alignment.matches import Ground
from mapper.linking.alignment.symbols import make_links
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.asking import ask_files, ask_symbols, published
from mapper.linking.asking.questions import Answer, LanguageModel, Policy, Question, Recorder
from mapper.linking.asking.said import Said, said_of
from mapper.linking.index.tree import TreeIndex
from mapper.model import LLM_ONLY_RULE, Evidence, FileRelevance, TraceLink


class ModelTier:
    """The two points of a mapping at which a model may decide: after files were ranked, after symbols were linked.

    Without a model nothing is asked, and what the rules were not sure about is marked as undecided.
    """

    def __init__(self, model: LanguageModel | None, policy: Policy) -> None:
        self._model: LanguageModel = model if model is not None else Recorder()
        self._asks_all = policy == "all"
        self._asks_nobody = model is None and not self._asks_all
        self._is_off = policy == "none"
        self._chosen: dict[str, published.Chosen] = {}
        self._asked: list[tuple[Question, Answer | None]] = []
        self.model_name = "" if model is None or self._is_off else model.name

    def take_said(self) -> Said:
        """Return what was asked and answered since this was called last; of policy all nothing: it is not kept."""
        said, self._asked = said_of(self._asked), []
        return said

    def files(self, tree: TreeIndex, index: SheetIndex, ranked: tuple[FileRelevance, ...]) -> tuple[FileRelevance, ...]:
        """Return the files of a datasheet with the model's decisions."""
        if self._is_off:
            return ranked
        if self._asks_nobody:
            return ask_files.leave_files(tree, ranked)
        sheet = index.sheet
        if not self._asks_all:
            answers = self._ask(ask_files.file_questions(tree, sheet, ranked))
            return ask_files.decide_files(tree, ranked, answers, self._model.name)
        directories = published.chosen_directories(tree, self._ask(published.directory_questions(tree, sheet)))
        files = published.candidate_files(tree, sheet, ranked, directories)
        answers = self._ask(published.section_questions(index, files))
        decided, self._chosen[sheet.sha256] = published.decide_files(index, ranked, files, answers, self._model.name)
        return decided

    def links(
        self, ground: Ground, ranked: Sequence[FileRelevance], links: tuple[TraceLink, ...], *, repo_family: str
    ) -> tuple[TraceLink, ...]:
        """Return the links of a datasheet with the model's decisions, which its ground holds from then on too."""
        if self._is_off:
            return links
        if self._asks_all:
            aligned = list(published.alignments(ground, ranked, self._chosen[ground.index.sheet.sha256]))
            answers = self._ask([each.question for each in aligned])
            asked = [(each, answer) for each, (_, answer) in zip(aligned, answers, strict=True)]
            published.decide_symbols(ground, asked, self._model.name)
        elif self._asks_nobody:
            ask_symbols.leave_symbols(ground)
        else:
            opened = ask_symbols.open_symbols(ground)
            answers = self._ask(ask_symbols.symbol_questions(ground, opened))
            ask_symbols.decide_symbols(ground, opened, answers, self._model.name)
        alone = {file.path for file in ranked if any(each.rule == LLM_ONLY_RULE for each in file.evidence)}
        return tuple(
            _in_unsupported_file(link) if link.symbol.path in alone else link
            for link in make_links(ground, repo_family)
        )

    def _ask(self, questions: Sequence[Question]) -> list[tuple[Question, Answer | None]]:
        answers = list(zip(questions, self._model.complete(questions), strict=True)) if questions else []
        if not self._asks_all:
            self._asked += answers
        return answers


def _in_unsupported_file(link: TraceLink) -> TraceLink:
    """Return a link marked as the model's alone, since nothing but the model speaks for its file."""
    evidence = Evidence(rule=LLM_ONLY_RULE, detail="no rule speaks for the file", weight=0.0)
    return replace(link, evidence=(*link.evidence, evidence))
