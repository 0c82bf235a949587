"""Tests of trainer.tokens."""

import pytest

from trainer.errors import ModelError
from trainer.tiny import byte_tokenizer
from trainer.tokens import encode, separator_id


def test_text_that_looks_like_a_special_token_stays_text() -> None:
    """A file cannot smuggle in the separator: its characters are encoded one by one."""
    tokenizer = byte_tokenizer()

    ids = encode(tokenizer, "a<|endoftext|>b")

    assert separator_id(tokenizer) not in ids
    assert tokenizer.decode(ids) == "a<|endoftext|>b"


def test_any_text_round_trips() -> None:
    """Tabs, umlauts and control characters come back as they were."""
    text = "#define A\t1 /* \N{MICRO SIGN}s, \N{OHM SIGN} */\r\n\0"

    assert byte_tokenizer().decode(encode(byte_tokenizer(), text)) == text


def test_tokenizer_without_end_is_refused() -> None:
    """Without any end-of-text token documents could not be told apart."""
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    tokenizer.get_added_vocab = dict

    with pytest.raises(ModelError, match=r"no end-of-text token"):
        separator_id(tokenizer)
