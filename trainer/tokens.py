"""Text to token ids, and the id that stands between two documents."""

from typing import TYPE_CHECKING

from trainer.errors import ModelError
from trainer.tiny import SEPARATOR

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def separator_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the id of the end-of-text token that pre-training put between documents.

    A chat model's eos ends a turn, so the vocabulary's own end-of-text token goes before it.
    """
    if SEPARATOR in tokenizer.get_added_vocab() or SEPARATOR in tokenizer.all_special_tokens:
        return int(tokenizer.convert_tokens_to_ids(SEPARATOR))
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{tokenizer.name_or_path}: the tokenizer has no end-of-text token to put between documents")
    return int(tokenizer.eos_token_id)


def encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Return the ids of a text, without any special token; text that looks like a special token stays text."""
    ids: list[int] = tokenizer(
        text, add_special_tokens=False, split_special_tokens=True, truncation=False, verbose=False
    )["input_ids"]
    return ids
