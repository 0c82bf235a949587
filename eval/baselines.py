"""Three completions that know nothing: what a table of scores has to be better than.

They need no model. Each continues a context as text; the stop rule and the scores are those of every model.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence

from eval.complete.stop import apply_stop, budget_bytes
from eval.result import Completion, Forced, ModelRef
from eval.run import Beat
from eval.suite.items import Item

MAX_ORDER = 4  # pieces of context that the n-gram cache looks at

_PIECES = re.compile(r"\w+|[^\S\n]+|\n|[^\w\s]")
_NUMBER = re.compile(r"(?<![A-Za-z_])0[xX][0-9a-fA-F]+|\d+")


def copy_last_line(item: Item) -> str:
    """Return the context's last line, as often as the reference has lines."""
    last = _last_lines(item.context, 1)
    return "".join(last) * max(1, len(item.reference.splitlines()))


def increment_number(item: Item) -> str:
    """Return the context's last line with its numbers going on as they did from the line before it."""
    lines = _last_lines(item.context, 2)
    if len(lines) < 2:
        return copy_last_line(item)
    before, last = lines
    written = []
    for _ in range(max(1, len(item.reference.splitlines()))):
        following = _go_on(before, last)
        written.append(following)
        before, last = last, following
    return "".join(written)


def ngram_cache(item: Item) -> str:
    """Return what most often followed the longest known run of up to four pieces, piece by piece, in the context."""
    pieces = _PIECES.findall(item.context)
    following: dict[tuple[str, ...], Counter[str]] = {}
    for place, piece in enumerate(pieces):
        for order in range(1, MAX_ORDER + 1):
            if place >= order:
                following.setdefault(tuple(pieces[place - order : place]), Counter())[piece] += 1
    written: list[str] = []
    size = 0
    while size < budget_bytes(item.reference):
        piece = _predict(pieces + written, following)
        written.append(piece)
        size += len(piece.encode())
    return "".join(written)


BASELINES: dict[str, Callable[[Item], str]] = {
    "copy-last-line": copy_last_line,
    "n-gram-cache": ngram_cache,
    "increment-the-number": increment_number,
}


class BaselineModel:
    """A baseline in a model's place: it completes, and has no likelihood to give."""

    def __init__(self, complete: Callable[[Item], str]) -> None:
        self._complete = complete

    def force(self, items: Sequence[Item], beat: Beat) -> list[Forced]:
        return []

    def complete(self, items: Sequence[Item], beat: Beat) -> list[Completion]:
        completions = []
        for item in items:
            text, stop = apply_stop(self._complete(item), item.reference)
            completions.append(Completion(text=text, stop=stop, num_new_tokens=0))
        return completions


def baseline_ref(name: str) -> ModelRef:
    """Return the reference of a baseline: its digest is its name's."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return ModelRef(kind="baseline", name=name, digest=digest, base_sha256=digest)


def _last_lines(text: str, count: int) -> list[str]:
    return [line.rstrip("\n") + "\n" for line in text.splitlines() if line.strip()][-count:]


def _go_on(before: str, last: str) -> str:
    """Return the last line with each number raised by its difference to the number at its place in the line before."""
    old, new = _NUMBER.findall(before), _NUMBER.findall(last)
    steps = [int(b, 0 if _is_hex(b) else 10) - int(a, 0 if _is_hex(a) else 10) for a, b in zip(old, new, strict=False)]
    if not any(steps) or len(old) != len(new):
        steps = [1] * len(new)
    numbers = iter(zip(new, steps, strict=True))
    return _NUMBER.sub(lambda match: _raise(*next(numbers)), last)


def _raise(number: str, step: int) -> str:
    if not _is_hex(number):
        return str(max(0, int(number) + step)).zfill(len(number) if number[0] == "0" else 0)
    digits = f"{max(0, int(number, 16) + step):0{len(number) - 2}x}"
    upper = any(character in "ABCDEF" for character in number)
    return number[:2] + (digits.upper() if upper else digits)


def _is_hex(number: str) -> bool:
    return number[:2] in ("0x", "0X")


def _predict(pieces: Sequence[str], following: dict[tuple[str, ...], Counter[str]]) -> str:
    for order in range(min(MAX_ORDER, len(pieces)), 0, -1):
        seen = following.get(tuple(pieces[-order:]))
        if seen:
            return max(seen.items(), key=lambda pair: (pair[1], pair[0]))[0]
    return "\n"
