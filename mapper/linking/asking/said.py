"""What a model said, in a form that can be kept and given again: each prompt's digest with its answer.

A decision in which a model took part is a function of datasheet, tree and these answers; whoever has all three takes it
again, without the model.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from mapper.linking.asking.prompts import render
from mapper.linking.asking.questions import Answer, Question

Said = tuple[tuple[str, str | None], ...]
"""Digest of each prompt, in the order asked, with its answer as JSON; None: it was not answered."""


def digest_of(question: Question) -> str:
    """Return what a question's answer is known by."""
    return render(question).digest


def answer_text(answer: Answer | None) -> str | None:
    """Return an answer as it is kept."""
    return None if answer is None else json.dumps(answer.chosen, separators=(",", ":"))


def said_of(asked: Iterable[tuple[Question, Answer | None]]) -> Said:
    """Return questions and answers, to be kept."""
    return tuple((digest_of(question), answer_text(answer)) for question, answer in asked)


class KnownAnswers:
    """A language model that says what is known already, and keeps what it is asked beyond that.

    What is asked after a question without an answer may be asked because there was none: it is not kept.
    """

    def __init__(self, name: str, answers: Mapping[str, str | None]) -> None:
        self.name = name
        self.open: list[Question] = []
        """The first questions that nothing is known about; None in answers is known: it will not be answered."""
        self._answers = answers

    def complete(self, questions: Sequence[Question]) -> Sequence[Answer | None]:
        """Return what is known, None for the rest."""
        digests = [digest_of(question) for question in questions]
        if not self.open:
            self.open += [q for q, digest in zip(questions, digests, strict=True) if digest not in self._answers]
        return [_read(self._answers.get(digest)) for digest in digests]


def _read(text: str | None) -> Answer | None:
    if text is None:
        return None
    return Answer(chosen=tuple((item, tuple(choices)) for item, choices in json.loads(text)))
