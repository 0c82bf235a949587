"""Counting tokens."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mapper.linking.asking.prompts import render
from mapper.linking.asking.questions import Item, Question
from streams.errors import LlmError
from streams.llm.tokens import TOKENIZER, TokenCounter, answer_tokens, count_tokens, counter

Make = Callable[..., Question]


def test_every_byte_of_a_prompt_counts(cache: Path, question: Make) -> None:
    """System, data and schema, with a tokenizer that makes a token of each byte."""
    prompt = render(question())

    least = len((prompt.system + prompt.user + prompt.schema).encode())
    assert least < counter(cache).prompt(prompt) < least + 30


def test_levels_are_counted_apart_and_repetitions_once(cache: Path, question: Make) -> None:
    """A repeated prompt is answered from the cache; one that must not be sent counts as withheld alone."""
    asked = [question(), question(), question("B"), question("C\u200b"), question(level="files")]

    structure, files, symbols = count_tokens(asked, counter(cache))

    assert (structure.num_prompts, files.num_prompts, symbols.num_prompts) == (0, 1, 2)
    assert (symbols.num_items, symbols.num_withheld) == (2, 1)
    assert symbols.prompt_tokens > files.prompt_tokens > 0


def test_an_answer_is_bounded(question: Make) -> None:
    """More items need more, up to a limit."""
    items = tuple(Item(id=f"s{n}", text="x", candidates=("p1", "p2")) for n in range(2000))

    assert answer_tokens(question()) < answer_tokens(question(items=items[:10])) < 400
    assert answer_tokens(question(items=items)) == 2048


@pytest.mark.parametrize("content", [None, b"{}", b"no json"])
def test_without_a_tokenizer_it_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    """Absent or damaged."""
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)

    with pytest.raises(LlmError, match="sheetstream model prepare"):
        TokenCounter(tmp_path / "tokenizer.json")


@pytest.mark.model
def test_the_small_models_tokenizer() -> None:
    """Code takes about a token for each two and a half bytes, digits one each."""
    folder = Path(os.environ.get("SHEETSTREAM_CACHE", Path.home() / ".cache" / "sheetstream"))
    if not (folder / TOKENIZER).exists():
        pytest.skip("the small base model is not prepared")
    tokens = counter(folder)

    assert tokens.count("#define ZQ4071_REG_TEMP_XLSB 0xFC") == 21
    assert tokens.count_all(["a", "temperature sensor"]) == [1, 2]
