"""What a language model may be asked: items, the candidates each may be answered with, and nothing else.

The ids of items and candidates are ours, so an answer can only choose among what deterministic rules put forward. A
question holds text alone; what may leave the machine, and how it is written, is material.py's and prompts.py's matter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, Protocol

Level = Literal["structure", "files", "symbols"]
"""The three levels of the hierarchy: which directories, which files, which symbols."""
Policy = Literal["none", "undecided", "all"]
"""none: rules alone; undecided: the model is asked about what the rules leave open; all: it is asked on every level."""
NIL = "NIL"
"""The answer "none of the candidates"."""
MODEL_RULE = "llm"
"""Evidence that a model chose; its detail says which one, and among how many candidates."""
UNDECIDED_RULE = "undecided"
"""Evidence that a link is what the rules say, but that they were not sure and no model answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something an item may be answered with."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something asked about, and the ids of the candidates that may be its answer, besides NIL."""

    id: str
    text: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One prompt: what it is about, its items, their candidates."""

    level: Level
    sheet_file: str
    """For logs; the prompt does not hold it."""
    about: str
    items: tuple[Item, ...]
    candidates: tuple[Candidate, ...]
    many: bool = False
    """Whether an item may be answered with several candidates."""
    copy_restricted: bool = False
    """Whether it holds text of a datasheet that forbids copying."""

    def texts(self) -> Iterator[str]:
        """Yield every text of others that the prompt will hold."""
        yield self.about
        yield from (candidate.text for candidate in self.candidates)
        yield from (item.text for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The candidates chosen for each item of a question, in the question's order; () is NIL."""

    chosen: tuple[tuple[str, tuple[str, ...]], ...]

    def of(self, item: str) -> tuple[str, ...]:
        """Return the candidates chosen for an item."""
        return dict(self.chosen)[item]


class LanguageModel(Protocol):
    """What can answer questions."""

    @property
    def name(self) -> str:
        """What evidence calls it."""
        ...

    def complete(self, questions: Sequence[Question]) -> Sequence[Answer | None]:
        """Return an answer for each question; None: not answered, so what the rules say stands."""
        ...


class Recorder:
    """A language model that keeps what it is asked and answers nothing: for counting what a run would ask."""

    name = "none"

    def __init__(self) -> None:
        self.questions: list[Question] = []

    def complete(self, questions: Sequence[Question]) -> Sequence[Answer | None]:
        """Keep the questions."""
        self.questions += questions
        return [None] * len(questions)


def batches(question: Question, size: int) -> Iterator[Question]:
    """Yield the question in pieces of at most `size` items, each with the candidates of its items alone."""
    items = iter(question.items)
    while piece := tuple(islice(items, size)):
        wanted = {candidate for item in piece for candidate in item.candidates}
        kept = tuple(candidate for candidate in question.candidates if candidate.id in wanted)
        yield replace(question, items=piece, candidates=kept)
