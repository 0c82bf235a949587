"""What asking a language model would take, counted with a tokenizer made here: one token a word."""

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from bench.mapper.sets import Case
from bench.mapper.tokens import TokenCost, TokenCounts, saved, token_cost, token_lines, total
from bench.mapper.trees import Parser
from mapper.baselines import SECONDS_PER_TOKEN
from mapper.model import Section
from streams.llm.tokens import TokenCounter


@pytest.fixture
def counts(tmp_path: Path) -> TokenCounts:
    made = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    return _counts(tmp_path)


@pytest.fixture
def cost(case: Case, counts: TokenCounts) -> TokenCost:
    """A tree with a copy of one file, and a datasheet with one section."""
    section = Section(
        title="Speed control", number="3", level=1, path=("Speed control",), page=3, end_page=3, text="How to set it.",
        content_hash="0",
    )  # fmt: skip
    contents = {**case.tree.contents, "copy/motor.c": case.tree.contents["drivers/motor.c"]}
    copied = Case(replace(case.tree, contents=contents), (replace(case.sheets[0], sections=(section,)),), case.gold)
    return token_cost(copied, Parser(None).parse(case.tree), counts, own_seconds=2.0)


def _counts(folder: Path) -> TokenCounts:
    tokenizer = folder / "tokenizer.json"
    return TokenCounts(TokenCounter(tokenizer), tokenizer, folder / "kept.json")


def test_each_file_once_is_the_tree_a_datasheet(case: Case, cost: TokenCost) -> None:
    """Exact copies count once, each datasheet with a file in the tree reads all files."""
    words = sum(len(data.split()) for data in case.tree.contents.values())

    assert (cost.num_files, cost.each_file_once, cost.direct.num_prompts) == (2, words, 2)
    assert any(line.split()[:4] == ["made", "up", "1", "2"] for line in token_lines([cost]))


def test_asking_everything_costs_more_than_what_is_open(cost: TokenCost) -> None:
    """All levels are asked on the one hand, what the rules leave open on the other; both from real prompts."""
    assert total(cost.everything) > total(cost.undecided)
    assert [level.num_prompts > 0 for level in cost.everything] == [True, True, True]


def test_our_time_has_the_prompts_at_the_same_speed_as_directs(cost: TokenCost) -> None:
    """What is asked takes the time that is assumed of direct matching, besides our own."""
    assert cost.seconds == 2.0 + total(cost.undecided) * SECONDS_PER_TOKEN
    assert (saved(1, 4), saved(1, 0)) == (0.75, None)


def test_counts_are_kept_for_the_next_run(counts: TokenCounts, tmp_path: Path) -> None:
    """A second run with the same tokenizer reads them; the answer is the same."""
    first = counts.count(["a b c", "d"])

    assert (tmp_path / "kept.json").exists()
    assert _counts(tmp_path).count(["a b c", "d"]) == first == [3, 1]
