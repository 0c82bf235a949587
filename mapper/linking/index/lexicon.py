"""The words of a tree's files with their weights: TF-IDF cosines of texts, and the files nearest to a text.

What a word weighs depends on the number of files that have it, told in steps, so that a small change of the tree
seldom moves a cosine.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mapper.linking.index.facts import COUNT_STEPS, word_key
from mapper.linking.index.state import TreeState

Array = npt.NDArray[Any]
Words = tuple[tuple[str, int], ...]
"""Words of a text with their counts."""
PROBES = 150
"""Words of a text, the heaviest ones, by which near files are found."""
KEPT_ROWS = 4_000_000
"""Of a tree with at most so many words in its files the weight of each is kept once it is known."""
_CHUNK = 4096


class Lexicon:
    """Weights of one tree's words, made when first asked for."""

    def __init__(self, state: TreeState) -> None:
        self._state = state
        self._idf: npt.NDArray[np.float64] | None = None
        self._order: tuple[Array, Array] | None = None
        self._lengths: npt.NDArray[np.float64] | None = None
        self._rows: npt.NDArray[np.float64] | None = None
        self._queries: dict[Words, tuple[Array, npt.NDArray[np.float64]]] = {}

    def cosines(self, files: Sequence[int], words: Words) -> list[float]:
        """Return the TF-IDF cosine of each file's words and a text's words, in hundredths."""
        asked, said = self._query(words)
        norm = float(np.sqrt(said @ said))
        starts_of = self._state.starts
        spans = [slice(int(starts_of[file]), int(starts_of[file + 1])) for file in files]
        kept = [span for span in spans if span.stop > span.start]
        lengths, dots = np.zeros(len(files)), np.zeros(len(files))
        if kept and len(asked):
            keys = np.concatenate([self._state.words[span] for span in kept])
            own = np.concatenate([self._own(span) for span in kept])
            at = np.minimum(np.searchsorted(asked, keys), len(asked) - 1)
            shared = np.where(asked[at] == keys, own * said[at], 0.0)
            starts = np.cumsum([0, *(span.stop - span.start for span in kept[:-1])])
            has_words = np.array([span.stop > span.start for span in spans])
            lengths[has_words] = np.sqrt(np.add.reduceat(own * own, starts))
            dots[has_words] = np.add.reduceat(shared, starts)
        return [
            round(float(dot / (length * norm)), 2) if length and norm else 0.0
            for dot, length in zip(dots, lengths, strict=True)
        ]

    def nearest(self, words: Words, allowed: npt.NDArray[np.bool_], most: int) -> tuple[int, ...]:
        """Return the allowed files with the greatest cosine by a text's heaviest words, in order of their paths."""
        asked, said = self._query(words)
        heaviest = np.argsort(-said, kind="stable")[:PROBES]
        ordered, rows_by_word = self._by_word()
        keys = asked[heaviest]
        first, last = np.searchsorted(ordered, keys, "left"), np.searchsorted(ordered, keys, "right")
        lengths = last - first
        # The rows of all probes, one probe after the other: sums are made in that order.
        offsets = np.repeat(first - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        rows = rows_by_word[np.arange(int(lengths.sum())) + offsets]
        gains_of = np.repeat(said[heaviest] * self._idf_of(keys), lengths) * _frequencies(self._state.counts[rows])
        files = np.searchsorted(self._state.starts, rows, "right") - 1
        gains = np.bincount(files, weights=gains_of, minlength=len(allowed))
        norms = self._all_lengths()
        near = np.where(allowed & (norms > 0), gains / np.maximum(norms, 1e-9), 0.0)
        best = np.argsort(-near, kind="stable")[:most]
        return tuple(sorted(int(file) for file in best if near[file] > 0))

    def _query(self, words: Words) -> tuple[Array, npt.NDArray[np.float64]]:
        """Return the keys of a text's words, sorted, and their weights."""
        if words not in self._queries:
            counts = {word_key(word): 1 + math.log(count) for word, count in words}
            asked = np.array(sorted(counts), dtype=np.uint32)
            self._queries[words] = asked, np.array([counts[int(key)] for key in asked]) * self._idf_of(asked)
        return self._queries[words]

    def _by_word(self) -> tuple[Array, Array]:
        """Return the words of all files, sorted, and the row of each."""
        if self._order is None:
            rows = np.argsort(self._state.words, kind="stable")
            self._order = self._state.words[rows], rows
        return self._order

    def _all_lengths(self) -> npt.NDArray[np.float64]:
        """Return the length of each file's vector of word weights."""
        if self._lengths is None:
            starts = self._state.starts
            self._lengths = np.zeros(len(starts) - 1)
            for first in range(0, len(self._lengths), _CHUNK):
                ends = starts[first : first + _CHUNK + 1]
                rows = slice(int(ends[0]), int(ends[-1]))
                own = self._own(rows)
                total = np.concatenate([[0.0], np.cumsum(own * own)])
                self._lengths[first : first + len(ends) - 1] = np.sqrt(np.diff(total[ends - ends[0]]))
        return self._lengths

    def _own(self, rows: slice) -> npt.NDArray[np.float64]:
        """Return the weights of some rows' words in their files."""
        if self._rows is None and len(self._state.words) <= KEPT_ROWS:
            self._rows = _frequencies(self._state.counts) * self._idf_of(self._state.words)
        if self._rows is not None:
            return self._rows[rows]
        return _frequencies(self._state.counts[rows]) * self._idf_of(self._state.words[rows])

    def _weights(self) -> npt.NDArray[np.float64]:
        """Return the IDF of each word of the originals, numbers of files in steps."""
        if self._idf is None:
            total = stepped(self._state.num_originals()) + 1
            files = 2.0 ** (np.round(2 * np.log2(self._state.word_files)) / 2)
            self._idf = np.log(total / (files + 0.5) + 1)
        return self._idf

    def _idf_of(self, keys: Array) -> npt.NDArray[np.float64]:
        """Return the IDF of words; a word that no original has weighs as one in no file."""
        weights = self._weights()
        if not len(weights):
            return np.zeros(len(keys))
        at = np.minimum(np.searchsorted(self._state.word_keys, keys), len(weights) - 1)
        unknown = math.log((stepped(self._state.num_originals()) + 1) / 0.5 + 1)
        return np.where(self._state.word_keys[at] == keys, weights[at], unknown)


def stepped(count: int) -> float:
    """Return a count in half octaves: 1, 1.4, 2, 2.8, 4... so that a few more seldom make a difference."""
    return 0.0 if count <= 0 else round(2.0 ** (round(2 * math.log2(count)) / 2), 3)


def main_words(counts: Counter[str], most: int) -> Words:
    """Return a text's words with their counts, the most frequent ones."""
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _frequencies(steps: Array) -> npt.NDArray[np.float64]:
    return 1 + steps * (math.log(2) / COUNT_STEPS)
