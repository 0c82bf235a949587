"""The stop rule of generation, the same for every model and baseline.

A completion ends with as many lines as the reference has (blank ones not counted), or at 1.5 times its bytes, whichever
comes first: without a rule a model that writes on after a right answer would be called wrong.
"""

from typing import Literal

BUDGET_FACTOR = 1.5

Stop = Literal["lines", "budget", "end"]


def budget_bytes(reference: str) -> int:
    """Return how many bytes a completion of this reference may have."""
    return int(BUDGET_FACTOR * len(reference.encode())) + 1


def apply_stop(text: str, reference: str) -> tuple[str, Stop]:
    """Return the part of a text that counts as the completion, and what ended it ("end": the model itself)."""
    wanted = sum(1 for line in reference.splitlines() if line.strip())
    limit = budget_bytes(reference)
    kept, seen = [], 0
    for line in text.splitlines(keepends=True):
        kept.append(line)
        if line.strip() and line.endswith("\n"):
            seen += 1
        if seen == wanted:
            break
    stop: Stop = "lines" if seen == wanted else "end"
    whole = "".join(kept)
    if len(whole.encode()) <= limit:
        return whole, stop
    return whole.encode()[:limit].decode(errors="ignore"), "budget"
