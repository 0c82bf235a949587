"""Texts as counted words, one row each: what all lexical baselines share.

An identifier counts as its whole chunks and as the words they are made of (SensorAB12: sensorab12, sensor, ab12, ab,
12), so that both a part number and a plain word in it can be found. A tree of tens of thousands of files is read in
one pass, one file in memory at a time.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mapper.linking.words import CHUNK, split_words

if TYPE_CHECKING:
    import numpy as np

MAX_TEXT_CHARS = 65_536
"""Characters of a file that are read; a long file says what it is about long before its end."""
MIN_WORD_LENGTH = 2
MAX_KNOWN_RUNS = 400_000
"""Identifiers whose words are remembered at a time, so that memory stays bounded on a large tree."""
MAX_KEPT_QUERIES = 256
"""Queries whose counts are kept: the same datasheet is asked about by one ranking after another."""
_RUN = re.compile(r"[A-Za-z0-9_]+")
_PIECES = re.compile(r"(?<=[a-z])(?=[A-Z])")


class TextIndex:
    """Word counts of texts: row i of counts, a sparse matrix of float32, belongs to names[i]."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """Read (name, text) pairs; a name's own words count too, which for a file is its path."""
        import numpy as np
        from scipy.sparse import csr_matrix

        self.names: list[str] = []
        self.vocabulary: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        self._queries: dict[str, Any] = {}
        columns, values, ends = array("i"), array("f"), array("q", [0])
        for name, text in texts:
            counts = self._count(f"{name}\n{text[:MAX_TEXT_CHARS]}", grow=True)
            self.names.append(name)
            columns.extend(counts.keys())
            values.extend(counts.values())
            ends.append(len(columns))
        self.counts: Any = csr_matrix(
            (np.asarray(values, dtype=np.float32), np.asarray(columns, dtype=np.int32), np.asarray(ends)),
            shape=(len(self.names), len(self.vocabulary)),
        )
        self._known.clear()

    def query(self, text: str) -> Any:
        """Return a text as one sparse row of counts; words that no indexed text has are left out."""
        if text not in self._queries:
            if len(self._queries) >= MAX_KEPT_QUERIES:
                self._queries.clear()
            self._queries[text] = self._row(text)
        return self._queries[text]

    def columns_with(self, piece: str) -> "np.ndarray":
        """Return the columns of the words that hold a piece of text."""
        import numpy as np

        return np.fromiter((column for word, column in self.vocabulary.items() if piece in word), dtype=np.int32)

    def _row(self, text: str) -> Any:
        import numpy as np
        from scipy.sparse import csr_matrix

        counts = self._count(text, grow=False)
        columns = np.fromiter(counts.keys(), dtype=np.int32, count=len(counts))
        values = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        return csr_matrix((values, (np.zeros_like(columns), columns)), shape=(1, len(self.vocabulary)))

    def _count(self, text: str, *, grow: bool) -> Counter[int]:
        counts: Counter[int] = Counter()
        for run, times in Counter(_RUN.findall(text)).items():
            for column in self._columns(run, grow=grow):
                counts[column] += times
        return counts

    def _columns(self, run: str, *, grow: bool) -> tuple[int, ...]:
        found = self._known.get(run) if grow else None
        if found is not None:
            return found
        words = text_words(run)
        if not grow:
            return tuple(self.vocabulary[word] for word in words if word in self.vocabulary)
        if len(self._known) >= MAX_KNOWN_RUNS:
            self._known.clear()
        found = self._known[run] = tuple(self.vocabulary.setdefault(word, len(self.vocabulary)) for word in words)
        return found


@lru_cache(maxsize=100_000)
def text_words(run: str) -> tuple[str, ...]:
    """Return the words of a run of letters, digits and underscores, each once; numbers give none."""
    found: dict[str, None] = {}
    for chunk in CHUNK.findall(run):
        if chunk[0].isdigit():
            continue
        for piece in (chunk, *_PIECES.split(chunk)):
            for word in (piece.lower(), *split_words(piece)):
                if len(word) >= MIN_WORD_LENGTH:
                    found.setdefault(word)
    return tuple(found)
