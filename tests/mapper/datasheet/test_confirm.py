"""mapper/datasheet/confirm.py"""

import pytest

from mapper.datasheet.confirm import unconfirmed_parts
from mapper.model import Datasheet


def sheet(text: str, *parts: str) -> Datasheet:
    return Datasheet(
        sha256="0",
        file="x.pdf",
        title="x",
        parts=parts,
        family="x",
        revision=None,
        num_pages=1,
        sections=(),
        registers=(),
        pages=(text,),
    )


@pytest.mark.parametrize(
    ("given", "text", "parts"),
    [
        ("ZQ4071", "the ZQ4071 is", ()),
        ("zq4071", "ZQ-4071B is", ()),
        ("ZQ4071", "the zq 4071 is", ()),
        ("ZQ40xx", "the ZQ4071 is", ()),
        ("ZQ4071RT6", "", ("ZQ4071",)),
        ("ZQ4071RT6", "", ("ZQ40xx",)),
        ("ZQ4071", "", ("ZQ4071RT6",)),
    ],
)
def test_a_part_is_confirmed_by_text_or_parts(given: str, text: str, parts: tuple[str, ...]) -> None:
    """However it is spelled, as a family, and as an order code of a part."""
    assert unconfirmed_parts(sheet(text, given, *parts), [given]) == ()


@pytest.mark.parametrize(
    ("given", "text", "parts"),
    [
        ("ZQ4071", "the ZQ4072 is", ("ZQ4072",)),
        ("ZQ4071", "part AZQ4071", ()),
        ("ZQ4071", "", ("ZQ",)),
        ("--", "-- what", ()),
        ("ZQ.071", "ZQ4071", ()),
    ],
)
def test_another_part_is_no_confirmation(given: str, text: str, parts: tuple[str, ...]) -> None:
    """Neighbours in a series, other words and too short a beginning; a given part does not confirm itself."""
    assert unconfirmed_parts(sheet(text, given, *parts), [given]) == (given,)
