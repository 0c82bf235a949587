"""The state of a tree: all that levels 1 and 2 look up, as arrays, and how a change moves it.

A state is a value and a function of the tree's files alone: whatever updates lead to a tree, its arrays are the same.
Only files of roles that may implement a part are in it.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from mapper.linking.index.facts import FileFacts, name_key
from mapper.linking.index.postings import GONE, Files, Postings

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TreeState:
    """A tree's files in the order of their paths, and look-ups from what they say to the files that say it."""

    paths: tuple[str, ...]
    blobs: tuple[str, ...]
    roles: tuple[str, ...]
    prefixes: tuple[str, ...]
    """Part-like first words that many of a file's symbols share, joined by blanks."""
    path_keys: Array
    """Key of each path: what stands for a file in digests, since positions move."""
    copy_keys: Array
    """Key of each file's name and content: equal for exact copies."""
    look_keys: Array
    """Key of what may be looked up of a file that stands in an answer, besides its path: prefixes and includes."""
    is_original: Array
    """Of exact copies under one name the one with the shortest path is the original."""
    vocabulary: tuple[str, ...]
    """All words that may name a part, sorted."""
    vocabulary_keys: Array
    """The keys of `vocabulary`."""
    names: Postings
    """Part word -> files; extra: the best source it stands in."""
    pairs: Postings
    """(value, name token) of a definition -> files."""
    defined: Postings
    """Name with a value -> files; extra: the value."""
    opened: Postings
    """Name whose own file does not tell its value -> files."""
    includes: Postings
    """Name of an included file -> files that include it."""
    words: Array
    """Word keys of all files, file after file."""
    counts: Array
    """How often each of `words` stands in its file, in steps."""
    starts: Array
    """Where each file's words begin, and the end."""
    word_keys: Array
    """The words of the originals, sorted."""
    word_files: Array
    """In how many originals each of `word_keys` stands."""

    @classmethod
    def of(cls, facts: Iterable[FileFacts]) -> "TreeState":
        """Return the state of a tree with these files."""
        return EMPTY.updated((), facts)

    def updated(self, removed: Collection[str], added: Iterable[FileFacts]) -> "TreeState":
        """Return the state without the removed paths and with the added files, which replace those of their paths."""
        new = {facts.path: facts for facts in added}
        gone = {*removed, *new}
        paths = tuple(sorted([*(path for path in self.paths if path not in gone), *new]))
        place = {path: position for position, path in enumerate(paths)}
        places = np.array([GONE if path in gone else place[path] for path in self.paths], dtype=np.int32)
        rows = [(place[facts.path], facts) for facts in sorted(new.values(), key=lambda facts: facts.path)]
        return _updated(self, paths, places, rows)

    def words_of(self, file: int) -> tuple[Array, Array]:
        """Return the word keys of a file, sorted, and their counts in steps."""
        span = slice(int(self.starts[file]), int(self.starts[file + 1]))
        return self.words[span], self.counts[span]

    def num_originals(self) -> int:
        return int(self.is_original.sum())


def _updated(old: TreeState, paths: tuple[str, ...], places: Files, rows: Sequence[tuple[int, FileFacts]]) -> TreeState:
    def column(before: Sequence[str], now: Mapping[int, str]) -> tuple[str, ...]:
        values = dict(now)
        values.update({int(place): said for place, said in zip(places, before, strict=True) if place != GONE})
        return tuple(values[position] for position in range(len(paths)))

    blobs = column(old.blobs, {place: facts.blob_id for place, facts in rows})
    path_keys = _moved(old.path_keys, places, len(paths))
    copy_keys = _moved(old.copy_keys, places, len(paths))
    look_keys = _moved(old.look_keys, places, len(paths))
    for place, facts in rows:
        path_keys[place] = name_key(facts.path)
        copy_keys[place] = name_key(f"{PurePosixPath(facts.path).name}:{facts.blob_id}")
        look_keys[place] = name_key("\0".join((" ".join(facts.prefixes), *facts.includes)))
    is_original = _originals(paths, copy_keys)
    names = old.names.updated(places, [(place, *_name_keys(facts)) for place, facts in rows])
    vocabulary, vocabulary_keys = _vocabulary(old, places, names, rows)
    words, counts, starts = _moved_words(old, places, rows, len(paths))
    word_keys, word_files = _word_files(old, places, is_original, words, starts)
    return TreeState(
        paths=paths,
        blobs=blobs,
        roles=column(old.roles, {place: facts.role for place, facts in rows}),
        prefixes=column(old.prefixes, {place: " ".join(facts.prefixes) for place, facts in rows}),
        path_keys=path_keys,
        copy_keys=copy_keys,
        look_keys=look_keys,
        is_original=is_original,
        vocabulary=vocabulary,
        vocabulary_keys=vocabulary_keys,
        names=names,
        pairs=old.pairs.updated(places, [(place, facts.pairs, None) for place, facts in rows]),
        defined=old.defined.updated(places, [(place, facts.defined, facts.values) for place, facts in rows]),
        opened=old.opened.updated(places, [(place, facts.opened, None) for place, facts in rows]),
        includes=old.includes.updated(places, [(place, _keys(facts.includes), None) for place, facts in rows]),
        words=words,
        counts=counts,
        starts=starts,
        word_keys=word_keys,
        word_files=word_files,
    )


def _keys(words: Iterable[str]) -> Array:
    return np.array([name_key(word) for word in words], dtype=np.uint64)


def _name_keys(facts: FileFacts) -> tuple[Array, Array]:
    return _keys(word for word, _ in facts.names), np.array([source for _, source in facts.names], dtype=np.int64)


def _moved(column: Array, places: Files, size: int) -> Array:
    moved = np.zeros(size, dtype=column.dtype)
    stays = places != GONE
    moved[places[stays]] = column[stays]
    return moved


def _originals(paths: Sequence[str], copy_keys: Array) -> Array:
    """Return which files are no copies: the first of each key by depth, length and spelling of its path."""
    depth = np.array([path.count("/") for path in paths], dtype=np.int64)
    length = np.array([len(path) for path in paths], dtype=np.int64)
    order = np.lexsort((length, depth, copy_keys))
    ordered = copy_keys[order]
    first = np.ones(len(paths), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    is_original = np.zeros(len(paths), dtype=bool)
    is_original[order[first]] = True
    return is_original


def _vocabulary(
    old: TreeState, places: Files, names: Postings, rows: Sequence[tuple[int, FileFacts]]
) -> tuple[tuple[str, ...], Array]:
    """Return the part words of the names and their keys, in the order of the words."""
    removed = np.unique(old.names.keys[places[old.names.files] == GONE])
    lost = _absent(removed, names.keys)
    words, keys = old.vocabulary, old.vocabulary_keys
    if len(lost):
        stays = np.isin(keys, lost, invert=True)
        words, keys = tuple(compress(words, stays)), keys[stays]
    added = sorted({word for _, facts in rows for word, _ in facts.names}.difference(words))
    if not added:
        return words, keys
    inserts = np.array([bisect_left(words, word) for word in added], dtype=np.int64)
    return tuple(sorted([*words, *added])), np.insert(keys, inserts, _keys(added))


def _absent(values: Array, ordered: Array) -> Array:
    """Return those of the values that are not in a sorted array."""
    if not len(ordered):
        return values
    found = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)]
    absent: Array = values[found != values]
    return absent


def _moved_words(
    old: TreeState, places: Files, rows: Sequence[tuple[int, FileFacts]], size: int
) -> tuple[Array, Array, Array]:
    """Return words, counts and starts in the new order of files."""
    lengths = _moved(np.diff(old.starts), places, size)
    for place, facts in rows:
        lengths[place] = len(facts.words)
    starts = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    kept = np.repeat(places != GONE, np.diff(old.starts))
    words = np.empty(int(starts[-1]), dtype=np.uint32)
    counts = np.empty(int(starts[-1]), dtype=np.uint8)
    is_new = np.zeros(size, dtype=bool)
    is_new[[place for place, _ in rows]] = True
    into = ~np.repeat(is_new, lengths)
    words[into], counts[into] = old.words[kept], old.counts[kept]
    for place, facts in rows:
        span = slice(int(starts[place]), int(starts[place + 1]))
        words[span], counts[span] = facts.words, facts.counts
    return words, counts, starts


def _word_files(old: TreeState, places: Files, is_original: Array, words: Array, starts: Array) -> tuple[Array, Array]:
    """Return the words of the originals and in how many of them each stands: counted up and down by what changed."""
    stayed = np.zeros(len(is_original), dtype=bool)
    kept = places != GONE
    stayed[places[kept]] = old.is_original[kept]
    is_still = np.zeros(len(places), dtype=bool)
    is_still[kept] = is_original[places[kept]]
    left = np.repeat(old.is_original & ~is_still, np.diff(old.starts))
    came = np.repeat(is_original & ~stayed, np.diff(starts))
    minus, lost = np.unique(old.words[left], return_counts=True)
    plus, gained = np.unique(words[came], return_counts=True)
    keys, files = old.word_keys, old.word_files.copy()
    new = _absent(plus, keys)
    at = np.searchsorted(keys, new)
    keys, files = np.insert(keys, at, new), np.insert(files, at, 0)
    files[np.searchsorted(keys, minus)] -= lost.astype(np.int32)
    files[np.searchsorted(keys, plus)] += gained.astype(np.int32)
    stays = files > 0
    return (keys, files) if stays.all() else (keys[stays], files[stays])


EMPTY = TreeState(
    paths=(),
    blobs=(),
    roles=(),
    prefixes=(),
    path_keys=np.empty(0, np.uint64),
    copy_keys=np.empty(0, np.uint64),
    look_keys=np.empty(0, np.uint64),
    is_original=np.empty(0, bool),
    vocabulary=(),
    vocabulary_keys=np.empty(0, np.uint64),
    names=Postings.empty(),
    pairs=Postings.empty(),
    defined=Postings.empty(),
    opened=Postings.empty(),
    includes=Postings.empty(),
    words=np.empty(0, np.uint32),
    counts=np.empty(0, np.uint8),
    starts=np.zeros(1, np.int64),
    word_keys=np.empty(0, np.uint32),
    word_files=np.empty(0, np.int32),
)
"""The state of a tree without files."""
