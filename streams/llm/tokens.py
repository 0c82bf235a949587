"""How many tokens a prompt has, by a real tokenizer, before anything is sent.

The tokenizer is the small base model's (byte-level BPE, 49,152 words), which `sheetstream model prepare` leaves in the
cache. Another model's own counts differ by some percent; once it has answered, its server's figures count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from mapper.linking.asking.material import refusal
from mapper.linking.asking.prompts import Prompt, render
from mapper.linking.asking.questions import Level, Question
from streams.errors import LlmError

TOKENIZER = Path("models", "smollm2-135m-instruct", "tokenizer.json")
CHAT_TOKENS = 16
"""What a chat template adds to two messages, roughly."""
CHOICE_TOKENS = 12
"""An item's id and one choice in the answer, with quotes and comma."""
ANSWER_TOKENS = 32
MAX_ANSWER_TOKENS = 2048
BATCH = 64


class TokenCounter:
    """Counts tokens of texts and prompts; may be shared by threads."""

    def __init__(self, tokenizer_file: Path) -> None:
        """Raises LlmError when the file is not there or is no tokenizer."""
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # tokenizers raises nothing finer
            raise LlmError(
                f"{tokenizer_file}: no tokenizer to count prompts with; `sheetstream model prepare "
                "smollm2-135m-instruct` puts it there",
                reason="tokenizer",
            ) from error

    def count(self, text: str) -> int:
        """Return the tokens of a text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def count_all(self, texts: Iterable[str]) -> list[int]:
        """Return the tokens of each text, several at a time."""
        pending, counts = list(texts), []
        for start in range(0, len(pending), BATCH):
            encoded = self._tokenizer.encode_batch(pending[start : start + BATCH], add_special_tokens=False)
            counts += [len(each.ids) for each in encoded]
        return counts

    def prompt(self, prompt: Prompt) -> int:
        """Return the tokens of a prompt, its schema included, since a server may put it into the prompt too."""
        return CHAT_TOKENS + self.count(f"{prompt.system}\n{prompt.user}\n{prompt.schema}")


def counter(cache: Path) -> TokenCounter:
    """Return the counter over the tokenizer in the cache folder. Raises LlmError when it is not there."""
    return TokenCounter(cache / TOKENIZER)


def answer_tokens(question: Question) -> int:
    """Return how many tokens an answer may have."""
    choices = sum(len(item.candidates) if question.many else 1 for item in question.items)
    return min(ANSWER_TOKENS + CHOICE_TOKENS * (len(question.items) + choices), MAX_ANSWER_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTokens:
    """What asking all questions of a level would take; completion is the most that answers may have."""

    level: Level
    num_prompts: int
    num_items: int
    prompt_tokens: int
    completion_tokens: int
    num_withheld: int
    """Prompts that would not be sent, for what they hold; they count in no other figure."""


def count_tokens(questions: Sequence[Question], tokens: TokenCounter) -> tuple[LevelTokens, ...]:
    """Return the figures of each level, from the prompts as they would be sent; a repeated prompt counts once."""
    rows = []
    levels: tuple[Level, ...] = ("structure", "files", "symbols")
    for level in levels:
        asked = [question for question in questions if question.level == level]
        sent = {prompt.digest: (prompt, q) for q in asked if refusal(q) is None for prompt in [render(q)]}
        rows.append(
            LevelTokens(
                level=level,
                num_prompts=len(sent),
                num_items=sum(len(question.items) for _, question in sent.values()),
                prompt_tokens=sum(tokens.prompt(prompt) for prompt, _ in sent.values()),
                completion_tokens=sum(answer_tokens(question) for _, question in sent.values()),
                num_withheld=sum(refusal(question) is not None for question in asked),
            )
        )
    return tuple(rows)
