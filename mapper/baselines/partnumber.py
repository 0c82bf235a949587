"""The shortest query of all: the part numbers that the PDF names, their order letters stripped.

Where names are honest this finds nearly every driver in any tree, so it stands beside every other figure. It knows no
refusal and no set, and nothing where names are hidden.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mapper.baselines.texts import TextIndex
from mapper.linking.parts import MIN_PART_LENGTH, has_digit, normalise

if TYPE_CHECKING:
    import numpy as np

PATH_FACTOR = 2.0
"""How much more a file counts that has the number in its path."""
_PACKAGE = re.compile(r"[-/ ](?:[A-Z]{1,4}\d?|[A-Z]?\d{1,2})$", re.IGNORECASE)
_K1, _B = 1.5, 0.75


def part_query(parts: Sequence[str]) -> tuple[str, ...]:
    """Return part numbers without package codes and order letters, lower case, each once: "AB1234C-Q1" gives ab1234."""
    found: dict[str, None] = {}
    for part in parts:
        word = normalise(_PACKAGE.sub("", part)) or normalise(part)
        stripped = re.sub(r"(?<=\d)[a-z]+$", "", word)
        for candidate in (stripped, word):
            if len(candidate) >= MIN_PART_LENGTH and has_digit(candidate):
                found.setdefault(candidate)
                break
        else:
            if len(word) >= MIN_PART_LENGTH:
                found.setdefault(word)
    return tuple(found)


def score_by_part(index: TextIndex, parts: Sequence[str]) -> "np.ndarray":
    """Return one score a file: BM25 with the words that hold a part number as the query, more for one in the path."""
    import numpy as np

    counts = index.counts
    lengths = np.asarray(counts.sum(axis=1)).reshape(-1)
    scores = np.zeros(len(index.names), dtype=np.float32)
    for query in part_query(parts):
        times = np.asarray(counts[:, index.columns_with(query)].sum(axis=1)).reshape(-1)
        num_with = int((times > 0).sum())
        if not num_with:
            continue
        rarity = np.log(1 + (len(index.names) - num_with + 0.5) / (num_with + 0.5))
        weight = times / (times + _K1 * (1 - _B + _B * lengths / max(lengths.mean(), 1.0)))
        in_path = np.fromiter((query in normalise(name) for name in index.names), dtype=bool)
        scores += (rarity * weight * np.where(in_path, PATH_FACTOR, 1.0)).astype(np.float32)
    return scores
