"""A random OLMo-3 of a few hundred thousand parameters with a byte-level tokenizer, made here without any download.

It has what the real model has (sliding-window layers with a full one every fourth, the same linear layers), so
tests and rehearsals run the same code in seconds. Its weights depend on the seed alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SEPARATOR = "<|endoftext|>"


def tiny_olmo3(
    directory: Path, *, seed: int = 0, hidden: int = 64, layers: int = 4, heads: int = 4, window: int = 32
) -> Path:
    """Write a tiny random OLMo-3 and its tokenizer into a directory and return it."""
    import torch
    from transformers import Olmo3Config, Olmo3ForCausalLM
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    tokenizer = byte_tokenizer()
    config = Olmo3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=1024,
        sliding_window=window,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Olmo3ForCausalLM(config)
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def byte_tokenizer() -> "PreTrainedTokenizerFast":
    """Return a tokenizer of 256 byte tokens and one separator; every text round-trips."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: index for index, symbol in enumerate([SEPARATOR, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=SEPARATOR, clean_up_tokenization_spaces=False)
