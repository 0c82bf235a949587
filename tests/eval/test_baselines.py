"""The baselines."""

from dataclasses import replace

import pytest

from eval.baselines import BASELINES, BaselineModel, copy_last_line, increment_number, ngram_cache
from eval.suite.items import Item

TABLE = "#define REG_2 0x0A\n#define REG_3 0x0E\n"


@pytest.fixture
def item() -> Item:
    return Item(
        item_id="i",
        domain="general",
        slice="held_out",
        cut="next_line",
        family="f",
        path="p",
        offset=0,
        licence="MIT",
        context=TABLE,
        reference="#define REG_4 0x12\n",
        patterned=True,
    )


def test_copy_repeats_the_last_line(item: Item) -> None:
    """As often as the reference has lines."""
    assert copy_last_line(replace(item, reference="a\nb\n")) == "#define REG_3 0x0E\n" * 2


def test_increment_goes_on_with_each_number(item: Item) -> None:
    """Steps are those between the last two lines; digits, case and width of a number stay."""
    assert increment_number(item) == "#define REG_4 0x12\n"
    assert increment_number(replace(item, context="a(1, 08);\n")) == "a(1, 08);\n"
    assert increment_number(replace(item, context="a 08\na 09\n")) == "a 10\n"


def test_ngram_cache_repeats_what_followed(item: Item) -> None:
    """After a known run comes what most often came after it."""
    context = "foo(bar);\nfoo(bar);\nfoo("

    assert ngram_cache(replace(item, context=context, reference="bar);\n")).startswith("bar);\n")


def test_baselines_are_stopped_like_models(item: Item) -> None:
    """A baseline's completion obeys the stop rule, and an empty context is no error."""
    for one in BASELINES.values():
        (completion, empty) = BaselineModel(one).complete([item, replace(item, context="")], lambda done: None)

        assert completion.text.count("\n") <= 1
        assert len(empty.text) <= 30
