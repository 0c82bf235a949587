"""What a language model would cost beside the alternatives, with a tokenizer made here: one token a word."""

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from bench.mapper.sets import Case
from bench.mapper.tokens import TokenCounts
from bench.mapper.trees import Parser
from bench.tokens import cost_lines, model_cost, total
from mapper.model import Section
from streams.llm.tokens import TokenCounter


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A tokenizer's file."""
    made = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_asking_everything_costs_more_than_what_is_open(case: Case, tokenizer: Path) -> None:
    """All levels are asked on the one hand, what the rules leave open on the other; both from real prompts."""
    section = Section(
        title="Speed control", number="3", level=1, path=("Speed control",), page=3, end_page=3, text="How to set it.",
        content_hash="0",
    )  # fmt: skip
    sheet = replace(case.sheets[0], sections=(section,))
    case = Case(case.tree, (sheet,), case.gold)

    cost = model_cost(case, Parser(None).parse(case.tree), TokenCounter(tokenizer), TokenCounts(tokenizer))

    assert total(cost.everything) > total(cost.undecided)
    assert [level.num_prompts > 0 for level in cost.everything] == [True, True, True]
    assert cost_lines(cost)[0] == f"{case.tree.name}: 1 datasheets, 2 files"
