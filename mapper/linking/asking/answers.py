"""What a model said -> an answer, or the reason why it is none; nothing else trusts what a model says."""

import json
import re
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from mapper.errors import MapperError
from mapper.linking.asking.questions import NIL, Answer, Item, Question

Rejection = Literal["json", "schema", "unknown_id"]
MAX_ANSWER_CHARS = 100_000
_FENCED = re.compile(r"\A```(?:json)?\s*(\{.*\})\s*```\Z", re.DOTALL)
_SINGLE = TypeAdapter(dict[str, str])
_MANY = TypeAdapter(dict[str, list[str]])


class AnswerError(MapperError):
    """A model's answer is no JSON, not of the schema, or names an id that was not among its candidates."""

    reason: Rejection

    def __init__(self, message: str, *, reason: Rejection) -> None:
        super().__init__(message)
        self.reason = reason


def read_answer(question: Question, text: str) -> Answer:
    """Return the answer that a text holds. Raises AnswerError; a part that is wrong makes all of it worthless."""
    stripped = text.strip()
    fenced = _FENCED.match(stripped)
    if len(stripped) > MAX_ANSWER_CHARS:
        raise AnswerError(f"an answer of {len(stripped)} characters, at most {MAX_ANSWER_CHARS}", reason="json")
    try:
        document = json.loads(fenced[1] if fenced else stripped)
    except (ValueError, RecursionError):
        raise AnswerError("no JSON object", reason="json") from None
    try:
        if question.many:
            chosen = _MANY.validate_python(document, strict=True)
        else:
            chosen = {item: [choice] for item, choice in _SINGLE.validate_python(document, strict=True).items()}
    except ValidationError as error:
        raise AnswerError(f"not of the schema: {error.error_count()} faults", reason="schema") from None
    return Answer(
        chosen=tuple((item.id, _choices(item.id, item.candidates, chosen)) for item in _items(question, chosen))
    )


def _items(question: Question, chosen: dict[str, list[str]]) -> tuple[Item, ...]:
    wanted = {item.id for item in question.items}
    if unknown := sorted(set(chosen) - wanted):
        raise AnswerError(f"{len(unknown)} items that were not asked about", reason="unknown_id")
    if missing := wanted - set(chosen):
        raise AnswerError(f"{len(missing)} of {len(wanted)} items without an answer", reason="schema")
    return question.items


def _choices(item: str, candidates: tuple[str, ...], chosen: dict[str, list[str]]) -> tuple[str, ...]:
    choices = tuple(dict.fromkeys(choice for choice in chosen[item] if choice != NIL))
    if any(choice not in candidates for choice in choices):
        raise AnswerError(f"{item}: an id that is none of its candidates", reason="unknown_id")
    return choices
