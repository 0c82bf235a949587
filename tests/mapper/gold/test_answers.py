"""What a line of input means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.gold import GoldAnchor
from mapper.gold.answers import Answer, AnswerError, parse_answer, parse_place

PROPOSED = tuple(GoldAnchor(page=page, kind="description", title="T") for page in (4, 5, 6))


@pytest.mark.parametrize(
    ("line", "pages"), [("a", [4, 5, 6]), ("2", [5]), ("3 1", [6, 4]), ("n", []), ("2 + p 9 field CTRL EN", [5, 9])]
)
def test_labels(line: str, pages: list[int]) -> None:
    """All, some, none, and places typed in beside them."""
    answer = parse_answer(line, num_proposals=3)

    assert answer.action == "label"
    assert [anchor.page for anchor in answer.anchors(PROPOSED)] == pages


def test_a_tilde_makes_a_place_partial() -> None:
    """Proposals and typed places alike."""
    answer = parse_answer("1 2~ + p 9 overview CTRL~", num_proposals=3)

    assert [anchor.grade for anchor in answer.anchors(PROPOSED)] == ["full", "partial", "partial"]


@pytest.mark.parametrize(
    ("line", "action"), [("s", "skip"), ("D", "doubtful"), ("u", "undo"), ("q", "quit"), ("?", "help")]
)
def test_words(line: str, action: str) -> None:
    """One letter, either case."""
    assert parse_answer(line, num_proposals=0).action == action


def test_a_conflict_has_a_text() -> None:
    """The rest of the line says what either side says."""
    assert parse_answer("c code 1,  sheet 2", num_proposals=0) == Answer(action="conflict", text="code 1, sheet 2")


@pytest.mark.parametrize(
    "line", ["", "0", "4", "x", "c", "a", "1 + ", "p 0 field", "p 3 nowhere", "p x field", "p 3 p"]
)
def test_what_is_no_answer_is_said(line: str) -> None:
    """Nothing is guessed: an unknown word, a number without a proposal, an incomplete or ambiguous place."""
    if line == "1 + ":
        assert parse_answer(line, num_proposals=3).proposals == ((0, None),)
        return
    with pytest.raises(AnswerError, match="expected"):
        parse_answer(line, num_proposals=3 if line != "a" else 0)


@given(line=st.text(alphabet="a1923npcdsumq?+~- xfielddescription", max_size=30), num_proposals=st.integers(0, 6))
def test_any_line_is_an_answer_or_an_answer_error(line: str, num_proposals: int) -> None:
    """And what is chosen among the proposals exists."""
    try:
        answer = parse_answer(line, num_proposals=num_proposals)
    except AnswerError:
        return

    assert all(0 <= index < num_proposals for index, _ in answer.proposals)
    assert all(place.page >= 1 for place in answer.places)


def test_a_place_may_be_short() -> None:
    """The kind of place by its beginning, a dash for no register."""
    assert parse_place("12 desc") == GoldAnchor(page=12, kind="description", title="")
    assert parse_place("12 f CTRL EN") == GoldAnchor(page=12, kind="field", title="", register="CTRL", field="EN")
    assert parse_place("12 table -").register is None
