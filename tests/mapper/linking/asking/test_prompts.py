"""Questions as prompts."""

import json
from dataclasses import replace

from mapper.linking.asking.prompts import render
from mapper.linking.asking.questions import NIL, Candidate, Item, Question, batches

QUESTION = Question(
    level="symbols",
    sheet_file="secret-name.pdf",
    about="Datasheet: ZQ4071",
    items=(
        Item(id="s1", text="macro A = 0x1", candidates=("p1", "p2")),
        Item(id="s2", text="macro B = 0x2", candidates=("p2",)),
        Item(id="s3", text="macro C = 0x3", candidates=("p2",)),
    ),
    candidates=(Candidate(id="p1", text="register X 0x1"), Candidate(id="p2", text="register Y 0x2")),
)


def test_the_schema_holds_no_other_answer() -> None:
    """Each item is required, its own candidates and NIL are all it may be answered with."""
    schema = json.loads(render(QUESTION).schema)

    sets = {name: each["enum"] for name, each in schema["$defs"].items()}
    allowed = {item: sets[each["$ref"].removeprefix("#/$defs/")] for item, each in schema["properties"].items()}
    assert allowed == {"s1": ["p1", "p2", NIL], "s2": ["p2", NIL], "s3": ["p2", NIL]}
    assert (schema["required"], schema["additionalProperties"]) == (["s1", "s2", "s3"], False)


def test_data_stands_between_marks_that_it_does_not_hold() -> None:
    """The mark comes from the digest of the data, so whoever wrote the data could not write the mark."""
    prompt = render(QUESTION)

    mark, *data, end = prompt.user.splitlines()
    assert mark == end
    assert mark in prompt.system
    assert mark not in "\n".join(data)
    assert render(replace(QUESTION, about="Datasheet: other")).user.splitlines()[0] != mark


def test_the_same_question_gives_the_same_prompt() -> None:
    """Byte for byte, so that its answer can be kept; another question gives another digest."""
    assert render(QUESTION) == render(replace(QUESTION))
    assert render(QUESTION).digest != render(replace(QUESTION, many=True)).digest
    assert "secret-name" not in render(QUESTION).user


def test_secrets_become_placeholders() -> None:
    """A token in code is not sent to anyone."""
    token = "ghp_" + "a1B2" * 10
    prompt = render(replace(QUESTION, about=f"see https://x.example/{token}"))

    assert token not in prompt.user
    assert "<GITHUB_TOKEN>" in prompt.user


def test_a_large_question_is_cut_into_batches() -> None:
    """Each piece has some of the items, and the candidates of these alone."""
    pieces = list(batches(QUESTION, 1))

    assert [[item.id for item in piece.items] for piece in pieces] == [["s1"], ["s2"], ["s3"]]
    assert [[candidate.id for candidate in piece.candidates] for piece in pieces] == [["p1", "p2"], ["p2"], ["p2"]]
