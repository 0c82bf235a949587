"""Direct matching: a language model is asked about every section and every file, pair by pair.

Nothing is asked here. What it would cost is counted with a tokenizer, and its time is computed from an assumed speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SECONDS_PER_TOKEN = 0.010 / 1000
"""Assumed: a model reads prompts at 10 ms a thousand tokens, and its answers cost nothing."""
PROMPT = (
    "Does this source file implement what this section of the datasheet describes? Answer yes or no.\n\n"
    "Section:\n\n\nFile:\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectCost:
    """What direct matching takes."""

    num_prompts: int
    num_tokens: int
    seconds: float
    """Computed at SECONDS_PER_TOKEN."""


def direct_cost(section_tokens: Sequence[int], file_tokens: Sequence[int], prompt_tokens: int) -> DirectCost:
    """Return what it costs to ask about each pair, from the tokens of each section, each file, and PROMPT."""
    num_prompts = len(section_tokens) * len(file_tokens)
    num_tokens = (
        sum(section_tokens) * len(file_tokens) + sum(file_tokens) * len(section_tokens) + num_prompts * prompt_tokens
    )
    return DirectCost(num_prompts=num_prompts, num_tokens=num_tokens, seconds=num_tokens * SECONDS_PER_TOKEN)
