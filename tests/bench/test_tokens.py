"""What asking a language model would take, counted with a tokenizer made here: one token a word."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from bench.mapper.sets import Case
from bench.mapper.tokens import TokenCounts, token_cost, token_lines


@pytest.fixture
def counts(tmp_path: Path) -> TokenCounts:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return TokenCounts(tmp_path / "tokenizer.json", tmp_path / "kept.json")


def test_each_file_once_is_the_tree_a_datasheet(case: Case, counts: TokenCounts) -> None:
    """Exact copies count once, each datasheet with a file in the tree reads all files."""
    contents = {**case.tree.contents, "copy/motor.c": case.tree.contents["drivers/motor.c"]}
    words = sum(len(data.split()) for data in case.tree.contents.values())

    cost = token_cost(Case(type(case.tree)("t", contents), case.sheets, case.gold), counts)

    assert (cost.num_files, cost.each_file_once) == (2, words)
    assert cost.direct.num_prompts == len(case.sheets[0].sections) * 2
    assert any(line.split()[0] == "t" for line in token_lines([cost]))


def test_counts_are_kept_for_the_next_run(counts: TokenCounts, tmp_path: Path) -> None:
    """A second run with the same tokenizer reads them; the answer is the same."""
    first = counts.count(["a b c", "d"])

    again = TokenCounts(tmp_path / "tokenizer.json", tmp_path / "kept.json")

    assert again.count(["a b c", "d"]) == first == [3, 1]


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    """The message says how to get it."""
    with pytest.raises(FileNotFoundError, match="sheetstream model prepare"):
        TokenCounts(tmp_path / "none.json")
