"""Measures of quality: a pure function for each item, and how items add up.

Every measure is a ratio of two sums over items (so many nats in so many bytes, so many right in so many), which is
what the bootstrap resamples. Likelihood measures need the model's logits; the others compare two texts.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import LCSseq, Levenshtein

from eval.result import ItemOutput
from eval.statistics import Floats
from mapper.code.lexer import Token, c_tokens

Parts = tuple[float, float]
"""Numerator and denominator that an item adds to a measure."""

MAX_NATS = 100.0  # a token's mean surprise beyond this is the same disaster, and e^100 is still a finite number

_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9]\d*)[uUlLzZ]*\Z")


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. parts gives None for an item that does not count, such as an item without any literal."""

    name: str
    parts: Callable[[ItemOutput], Parts | None]
    higher_is_better: bool = True
    finish: Callable[[Floats], Floats] = np.positive
    """Applied to the ratio of the sums."""


def exact_match(reference: str, completion: str) -> float:
    """Return 1.0 where the texts are equal but for the form and number of line breaks at the end."""
    return float(_newlines(reference) == _newlines(completion))


def edit_similarity(reference: str, completion: str) -> float:
    """Return 1 - Levenshtein distance / longer length, over characters."""
    return Levenshtein.normalized_similarity(_newlines(reference), _newlines(completion))


def c_token_accuracy(reference: str, completion: str) -> float | None:
    """Return the share of places, over the longer length, that hold the same C token; comments do not count."""
    expected, got = _code(reference), _code(completion)
    if not expected:
        return None
    return sum(a == b for a, b in zip(expected, got, strict=False)) / max(len(expected), len(got))


def c_token_lcs(reference: str, completion: str) -> float | None:
    """Return the longest common subsequence of C tokens over the longer length; comments do not count."""
    expected, got = _code(reference), _code(completion)
    return LCSseq.normalized_similarity(expected, got) if expected else None


def leading_match(reference: str, completion: str) -> float | None:
    """Return how many C tokens agree before the first that does not; comments do not count."""
    expected, got = _code(reference), _code(completion)
    if not expected:
        return None
    pairs = zip(expected, got, strict=False)
    return float(next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(got))))


def identifier_f1(reference: str, completion: str) -> float | None:
    """Return the F1 of the identifiers, each as often as it occurs; None where the reference has none."""
    return _f1(_kind(reference, "identifier"), _kind(completion, "identifier"))


def literal_f1(reference: str, completion: str) -> float | None:
    """Return the F1 of numeric literals by value (0x10, 0x10u and 16 are one); None where the reference has none."""
    expected, got = _kind(reference, "number"), _kind(completion, "number")
    return _f1([_number(text) for text in expected], [_number(text) for text in got])


def legacy_accuracy(reference: Sequence[int], completion: Sequence[int]) -> float | None:
    """Return the share of places, over the longer length, that hold the same token of the model's own tokenizer."""
    if not reference:
        return None
    return sum(a == b for a, b in zip(reference, completion, strict=False)) / max(len(reference), len(completion))


def _likelihood(numerator: Callable[[ItemOutput], float], denominator: str) -> Callable[[ItemOutput], Parts | None]:
    def parts(output: ItemOutput) -> Parts | None:
        if output.forced is None:
            return None
        return numerator(output), float(getattr(output.forced, denominator))

    return parts


def _nats(output: ItemOutput) -> float:
    assert output.forced is not None
    return math.nan if output.forced.nll is None else output.forced.nll


def _hits(name: str) -> Callable[[ItemOutput], float]:
    return lambda output: float(getattr(output.forced, name))


def _generated(score: Callable[[str, str], float | None]) -> Callable[[ItemOutput], Parts | None]:
    def parts(output: ItemOutput) -> Parts | None:
        if output.completion is None:
            return None
        value = score(output.reference, output.completion.text)
        return None if value is None else (value, 1.0)

    return parts


def _legacy(output: ItemOutput) -> Parts | None:
    if output.completion is None:
        return None
    value = legacy_accuracy(output.completion.reference_ids, output.completion.ids)
    return None if value is None else (value, 1.0)


def _exp(values: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(values, MAX_NATS)))


MEASURES: tuple[Measure, ...] = (
    Measure("perplexity", _likelihood(_nats, "num_tokens"), higher_is_better=False, finish=_exp),
    Measure("bits_per_byte", _likelihood(lambda output: _nats(output) / math.log(2), "num_bytes"), False),
    Measure("top1", _likelihood(_hits("top1"), "num_tokens")),
    Measure("top5", _likelihood(_hits("top5"), "num_tokens")),
    Measure("exact_match", _generated(exact_match)),
    Measure("edit_similarity", _generated(edit_similarity)),
    Measure("c_token_accuracy", _generated(c_token_accuracy)),
    Measure("c_token_lcs", _generated(c_token_lcs)),
    Measure("leading_match", _generated(leading_match)),
    Measure("identifier_f1", _generated(identifier_f1)),
    Measure("literal_f1", _generated(literal_f1)),
    Measure("legacy_accuracy", _legacy),
)
BY_NAME = {measure.name: measure for measure in MEASURES}


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _code(text: str) -> list[str]:
    return [token.text for token in c_tokens(text) if token.kind != "comment"]


def _kind(text: str, kind: str) -> list[str]:
    tokens: Sequence[Token] = c_tokens(text)
    return [token.text for token in tokens if token.kind == kind]


def _number(text: str) -> str:
    match = _INTEGER.match(text)
    if match is None:
        return text
    digits = match[1]
    octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
    return str(int(digits, 8 if octal else 0))


def _f1(expected: Sequence[str], got: Sequence[str]) -> float | None:
    if not expected:
        return None
    common = (Counter(expected) & Counter(got)).total()
    return 2 * common / (len(expected) + len(got))
