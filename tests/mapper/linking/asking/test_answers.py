"""What a model says, taken apart: right answers, and every kind of wrong one."""

import pytest

from mapper.linking.asking.answers import AnswerError, read_answer
from mapper.linking.asking.questions import Candidate, Item, Question

SINGLE = Question(
    level="symbols",
    sheet_file="a.pdf",
    about="a datasheet",
    items=(Item(id="s1", text="one", candidates=("p1", "p2")), Item(id="s2", text="two", candidates=("p2",))),
    candidates=(Candidate(id="p1", text="first"), Candidate(id="p2", text="second")),
)
MANY = Question(
    level="files",
    sheet_file="a.pdf",
    about="a datasheet",
    items=(Item(id="d1", text="it", candidates=("f1", "f2")),),
    candidates=(Candidate(id="f1", text="first"), Candidate(id="f2", text="second")),
    many=True,
)


def test_each_item_gets_its_choice() -> None:
    """Candidates and NIL, in the question's order."""
    answer = read_answer(SINGLE, ' {"s2": "NIL", "s1": "p2"}\n')

    assert answer.chosen == (("s1", ("p2",)), ("s2", ()))
    assert answer.of("s1") == ("p2",)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ('{"d1": ["f2", "f1", "f2"]}', ("f2", "f1")),
        ('{"d1": []}', ()),
        ('{"d1": ["NIL"]}', ()),
        ('```json\n{"d1": ["f1"]}\n```', ("f1",)),
    ],
)
def test_an_item_may_have_several(text: str, chosen: tuple[str, ...]) -> None:
    """Lists are taken without repetitions; an empty one and NIL are the same; a code fence does no harm."""
    assert read_answer(MANY, text).of("d1") == chosen


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "json"),
        ("p1", "json"),
        ('Sure! {"s1": "p1", "s2": "NIL"}', "json"),
        ('{"s1": "p1", "s2": "NI', "json"),
        ("[" * 5000, "json"),
        ('{"s1": "' + "p" * 200_000 + '"}', "json"),
        ("null", "schema"),
        ('["p1"]', "schema"),
        ('{"s1": "p1"}', "schema"),
        ('{"s1": ["p1"], "s2": "NIL"}', "schema"),
        ('{"s1": 1, "s2": "NIL"}', "schema"),
        ('{"s1": "p9", "s2": "NIL"}', "unknown_id"),
        ('{"s1": "p1", "s2": "p1"}', "unknown_id"),
        ('{"s1": "p1", "s2": "NIL", "s3": "p1"}', "unknown_id"),
        ('{"s1": "P1", "s2": "NIL"}', "unknown_id"),
    ],
)
def test_anything_else_is_rejected_whole(text: str, reason: str) -> None:
    """No JSON, another schema, or an id that was not among the item's own candidates."""
    with pytest.raises(AnswerError) as caught:
        read_answer(SINGLE, text)

    assert caught.value.reason == reason
