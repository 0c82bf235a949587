"""What a run asked, what it was answered, and what that took."""

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal

Unanswered = Literal[
    "run_budget", "day_budget", "copy_restricted", "hidden_characters", "private_key",
    "json", "schema", "unknown_id",
    "truncated", "refused", "empty", "too_long",
    "rate_limited", "server_error", "timeout", "unreachable", "misconfigured", "store",
]  # fmt: skip
"""Why a question has no answer: not sent; answered with what is no answer; cut short, refused or empty; not served.

run_budget, day_budget: too little left. copy_restricted: a datasheet that forbids copying, a server elsewhere.
hidden_characters, private_key: what the prompt would have held. json, schema, unknown_id: what is wrong in the answer.
truncated: longer than asked for. refused: by the model or a filter. too_long: for the model's context. misconfigured:
the server refuses key, model or request. store: the file of answers can not be read or written. After these two nothing
more is asked in that run, nor after several prompts in a row that were not served.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The figures of a run."""

    num_prompts: int = 0
    num_cached: int = 0
    num_answered: int = 0
    """By the server; cached ones not counted."""
    num_requests: int = 0
    """Sent, repetitions included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unanswered: tuple[tuple[str, int], ...] = ()
    """Reasons with counts, sorted."""

    def line(self) -> str:
        """Return the figures as one line."""
        parts = [
            f"{self.num_prompts} prompts",
            f"{self.num_cached} from the cache",
            f"{self.num_requests} requests",
            f"{self.prompt_tokens:,} prompt and {self.completion_tokens:,} completion tokens",
        ]
        total = sum(count for _, count in self.unanswered)
        why = ", ".join(f"{reason} {count}" for reason, count in self.unanswered)
        return ", ".join([*parts, f"{total} unanswered ({why})" if total else "none unanswered"])


class Meter:
    """Counts while several threads ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._unanswered: Counter[str] = Counter()

    def count(self, **figures: int) -> None:
        """Add to figures, named as Usage's."""
        with self._lock:
            self._counts.update(figures)

    def leave(self, reason: Unanswered) -> None:
        """Count a question without an answer."""
        with self._lock:
            self._unanswered[reason] += 1

    def usage(self) -> Usage:
        """Return the figures so far."""
        with self._lock:
            return Usage(**self._counts, unanswered=tuple(sorted(self._unanswered.items())))
