"""A source tree made ready for linking: every question that levels 2 and 3 ask of it, answered by look-up.

Each question is noted with a digest of its answer. A decision is a function of a datasheet and of the answers it got,
so it holds for every tree that gives the same answers (verifying traces; Mokhov, Mitchell, Peyton Jones 2018). Counts
are told in steps (half octaves) and cosines in hundredths, so that a small change of the tree seldom moves an answer.
"""

import hashlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mapper.linking.index.facts import SOURCES, file_facts, identity_of, name_key
from mapper.linking.index.lexicon import Lexicon, Words, stepped
from mapper.linking.index.reads import Question, Reads
from mapper.linking.index.resolve import Known, Resolver
from mapper.linking.index.state import TreeState
from mapper.linking.index.structure import answer_files, unit_directory, units_of
from mapper.linking.parts import grade_name
from mapper.model import SourceFile, Symbol

COMMON_FILES = 8
"""A word in at most this many files is a strong sign; in UBIQUITOUS_FILES or more it is none."""
UBIQUITOUS_FILES = 200
MAX_HOLDERS = 400
"""A register that more files have says nothing about any one of them."""
NEAR_COPY = 0.75
"""Share of all words of two files that both have, from which on they are near copies."""
MAX_DEFINERS = 4
LOCAL_SOURCES = frozenset({"path", "prefix"})
"""Where a part word counts however many files hold it."""


@dataclass(frozen=True, slots=True)
class NamedWord:
    """A word of the tree that may name a part. rarity: 1 in few files, 0 everywhere; held: (file, source)."""

    word: str
    rarity: float
    held: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """The files that belong together, exact copies left out."""

    name: str
    files: tuple[int, ...]


class TreeIndex:
    """Answers about one tree. Files are positions in its sorted paths; `load` gives a file as parsed."""

    def __init__(self, state: TreeState, load: Callable[[str], SourceFile]) -> None:
        self.state = state
        self.by_path: Mapping[str, SourceFile] = _Loaded(self)
        self._load = load
        self._reads: Reads | None = None
        self._directories: dict[str, dict[str, list[int]]] = {}
        self._unit_of: dict[int, str] = {}
        self._copies: npt.NDArray[np.int64] | None = None
        self._num_pairs: npt.NDArray[np.int64] | None = None
        self._lexicon = Lexicon(state)
        self._spelled = ""
        self._resolver = Resolver(self)

    @classmethod
    def of(cls, files: Iterable[SourceFile]) -> Self:
        """Return a tree of these parsed files."""
        by_path = {file.path: file for file in files}
        return cls(TreeState.of(map(file_facts, answer_files(by_path.values()))), by_path.__getitem__)

    def noting(self) -> Reads:
        """Start to note the questions that are asked, and return the notes, which grow."""
        self._reads = {}
        self._resolver = Resolver(self)  # its memory would swallow questions
        return self._reads

    def still_holds(self, reads: Reads) -> bool:
        """Say whether all these questions get the same answers here."""
        notes = self.noting()
        for question, digest in reads.items():
            getattr(self, question[0])(*question[1:])
            if notes.get(question) != digest:
                return False
        return True

    def value(self, symbol: Symbol) -> int | None:
        """Return a symbol's value, resolved over the tree where its own file does not tell it."""
        return symbol.value if symbol.value is not None else self._resolver.value(symbol)

    def addresses(self, symbol: Symbol) -> tuple[int, ...]:
        """Return the addresses a definition may stand for: its value; of a base + offset the absolute one, the offset.

        The base may stand in another file, if the tree has one value for its name.
        """
        value = self.value(symbol)
        return () if value is None else self._resolver.addresses(symbol, value)

    def is_file(self, path: str) -> bool:
        return self._find(path) is not None

    def path(self, file: int) -> str:
        return self.state.paths[file]

    def role(self, file: int) -> str:
        return self.state.roles[file]

    def identity(self, file: int) -> frozenset[str]:
        """Return the part-like words by which a file names itself."""
        return identity_of(self.path(file), self.state.prefixes[file].split())

    def includes(self, file: int, name: str) -> bool:
        """Say whether a file includes a file of this name."""
        holders = self.state.includes.holders(name_key(name))
        return bool(np.isin(file, holders))

    def named(self, parts: tuple[str, ...]) -> list[NamedWord]:
        """Return the words of the tree that name one of the parts at all, with the originals that hold them."""
        found = [self._named(word) for word in sorted(self._alike(parts))]
        told = [
            (n.word, n.rarity, [(int(self.state.path_keys[file]), source) for file, source in n.held]) for n in found
        ]
        self._note(("named", parts), told)
        return found

    def holders(self, pairs: tuple[int, ...], most: int = MAX_HOLDERS) -> list[tuple[tuple[int, ...], float]]:
        """Return for each (value, name token) key the originals that hold it, and their number in steps.

        What more than so many hold is told as held by none.
        """
        found: list[tuple[tuple[int, ...], float]] = []
        for held in self.state.pairs.all_holders(pairs):
            files = self._originals(held) if len(held) else held
            kept = files if len(files) <= most else files[:0]
            found.append((tuple(map(int, kept)), stepped(len(files))))
        self._note(("holders", pairs, most), [([int(self.state.path_keys[f]) for f in files], n) for files, n in found])
        return found

    def unit(self, path: str) -> Unit:
        """Return the unit of a file."""
        unit = self._unit(path)
        # Role and identity of these files, and whether one includes another, are looked up without a question.
        told = [(int(self.state.path_keys[file]), int(self.state.look_keys[file])) for file in unit.files]
        self._note(("unit", path), (unit.name, told))
        return unit

    def cosines(self, paths: tuple[str, ...], words: Words) -> list[float]:
        """Return the TF-IDF cosine of each file's words and a text's words with counts, in hundredths."""
        found = self._lexicon.cosines([self._position(path) for path in paths], words)
        self._note(("cosines", paths, words), found)
        return found

    def nearest(self, words: Words, roles: tuple[str, ...], most: int) -> tuple[int, ...]:
        """Return the originals of some roles whose words are nearest to a text's, in order of their paths."""
        allowed = self.state.is_original & np.isin(np.array(self.state.roles), roles)
        files = self._lexicon.nearest(words, allowed, most)
        self._note(("nearest", words, roles, most), [int(self.state.path_keys[file]) for file in files])
        return files

    def num_pairs(self, paths: tuple[str, ...]) -> list[float]:
        """Return how many (value, name token) pairs each file defines, in steps."""
        if self._num_pairs is None:
            self._num_pairs = np.bincount(self.state.pairs.files, minlength=len(self.state.paths))
        found = [stepped(int(self._num_pairs[self._position(path)])) for path in paths]
        self._note(("num_pairs", paths), found)
        return found

    def originals(self, most: int) -> tuple[int, ...]:
        """Return all files that are no copies; none if there are more than so many."""
        files = np.flatnonzero(self.state.is_original)
        files = files if len(files) <= most else files[:0]
        self._note(("originals", most), self._told(files))
        return tuple(map(int, files))

    def num_originals(self) -> float:
        """Return how many files are no copies, in steps."""
        found = stepped(self.state.num_originals())
        self._note(("num_originals",), found)
        return found

    def includers(self, names: tuple[str, ...], most: int) -> tuple[int, ...]:
        """Return the originals that include one of these headers; none if there are more than so many."""
        files = np.unique(np.concatenate([self.state.includes.holders(name_key(name)) for name in names]))
        files = self._originals(files)
        files = files if len(files) <= most else files[:0]
        self._note(("includers", names, most), self._told(files))
        return tuple(map(int, files))

    def companions(self, path: str) -> tuple[int, ...]:
        """Return the originals beside a file that share its name up to the last dot, itself among them."""
        stem = path[: len(path) - len(PurePosixPath(path).suffix)]
        files = [f for f in self._range(f"{stem}.", f"{stem}/") if "." not in self.path(f)[len(stem) + 1 :]]
        files = [file for file in files if self.state.is_original[file]]
        self._note(("companions", path), self._told(files))
        return tuple(files)

    def copies(self, path: str) -> tuple[int, ...]:
        """Return the files of the same name and content elsewhere."""
        if self._copies is None:
            self._copies = np.argsort(self.state.copy_keys, kind="stable")
        file = self._position(path)
        key = self.state.copy_keys[file]
        first = np.searchsorted(self.state.copy_keys, key, "left", sorter=self._copies)
        last = np.searchsorted(self.state.copy_keys, key, "right", sorter=self._copies)
        files = [int(other) for other in np.sort(self._copies[first:last]) if other != file]
        self._note(("copies", path), self._told(files))
        return tuple(files)

    def original(self, path: str) -> str:
        """Return the path of a file's original: itself, unless it is an exact copy of another file of its name."""
        position = self._position(path)
        found = path
        if not self.state.is_original[position]:
            found = next(self.path(file) for file in self.copies(path) if self.state.is_original[file])
        self._note(("original", path), found)
        return found

    def is_near_copy(self, path: str, other: str) -> bool:
        """Say whether two files have nearly the same words: one may be the other adapted to another platform."""
        words, others = (self.state.words_of(self._position(p))[0] for p in (path, other))
        shared = len(np.intersect1d(words, others, assume_unique=True))
        answer = shared > 0 and shared >= NEAR_COPY * (len(words) + len(others) - shared)
        self._note(("is_near_copy", path, other), answer)
        return answer

    def folder_size(self, folder: str) -> float:
        """Return how many files a top folder holds, in steps."""
        size = stepped(len(self._range(f"{folder}/", f"{folder}0")))
        self._note(("folder_size", folder), size)
        return size

    def file(self, path: str) -> SourceFile:
        """Return a file as parsed. Raises KeyError if the tree has none of this path."""
        if self.blob(path) is None:
            raise KeyError(path)
        return self._load(path)

    def blob(self, path: str) -> str | None:
        """Return the id of a file's content, None if the tree has no such file."""
        position = self._find(path)
        blob = None if position is None else self.state.blobs[position]
        self._note(("blob", path), blob)
        return blob

    def known(self, name: str) -> Known:
        """Return what the tree says about a name: the one value it has, else the files that define it over others."""
        key = name_key(name)
        values = self.state.defined.extra[self.state.defined.span(key)]
        value = int(values[0]) if len(values) and bool((values == values[0]).all()) else None
        definers: tuple[str, ...] = ()
        if not len(values):
            files = self.state.opened.holders(key)
            definers = tuple(self.path(int(file)) for file in files) if len(files) <= MAX_DEFINERS else ()
        known = Known(value, definers)
        self._note(("known", name), (value, definers))
        return known

    def _note(self, question: Question, answer: object) -> None:
        if self._reads is not None:
            self._reads[question] = hashlib.blake2b(repr(answer).encode(), digest_size=8).hexdigest()

    def _told(self, files: Iterable[int]) -> list[tuple[int, int]]:
        return [(int(self.state.path_keys[file]), int(self.state.copy_keys[file])) for file in files]

    def _find(self, path: str) -> int | None:
        at = bisect_left(self.state.paths, path)
        return at if at < len(self.state.paths) and self.state.paths[at] == path else None

    def _position(self, path: str) -> int:
        position = self._find(path)
        if position is None:
            raise KeyError(path)
        return position

    def _range(self, first: str, last: str) -> range:
        return range(bisect_left(self.state.paths, first), bisect_left(self.state.paths, last))

    def _originals(self, files: npt.NDArray[Any]) -> npt.NDArray[Any]:
        kept: npt.NDArray[Any] = files[self.state.is_original[files]]
        return kept

    def _alike(self, parts: Sequence[str]) -> set[str]:
        """Return the words of the vocabulary that name a part at all: they begin alike, or end in it."""
        words = self.state.vocabulary
        found: set[str] = set()
        for part in parts:
            first = bisect_left(words, part[:2])
            last = bisect_left(words, part[:2] + chr(0x10FFFF))
            near = [*words[first:last], *(self._ending_in(part) if len(part) >= 4 else ())]
            found.update(word for word in near if grade_name(word, part) > 0)
        return found

    def _ending_in(self, part: str) -> Iterator[str]:
        if not self._spelled:
            self._spelled = "\0" + "\0".join(self.state.vocabulary) + "\0"
        at = self._spelled.find(f"{part}\0")
        while at >= 0:
            yield self._spelled[self._spelled.rfind("\0", 0, at) + 1 : at + len(part)]
            at = self._spelled.find(f"{part}\0", at + 1)

    def _named(self, word: str) -> NamedWord:
        span = self.state.names.span(name_key(word))
        files, sources = self.state.names.files[span], self.state.names.extra[span]
        is_original = self.state.is_original[files]
        rarity = rarity_of(stepped(int(is_original.sum())))
        held = [(int(f), SOURCES[int(s)]) for f, s in zip(files[is_original], sources[is_original], strict=True)]
        return NamedWord(word, rarity, tuple(h for h in held if rarity > 0 or h[1] in LOCAL_SOURCES))

    def _unit(self, path: str) -> Unit:
        position = self._position(path)
        directory = unit_directory(path)
        if directory not in self._directories:
            files = self._range(f"{directory}/", f"{directory}0") if directory else range(len(self.state.paths))
            inside = [file for file in files if unit_directory(self.path(file)) == directory]
            units = units_of(directory, [self.path(file) for file in inside])
            grouped: dict[str, list[int]] = {}
            for file in inside:
                self._unit_of[file] = units[self.path(file)]
                if self.state.is_original[file]:
                    grouped.setdefault(units[self.path(file)], []).append(file)
            self._directories[directory] = grouped
        name = self._unit_of[position]
        return Unit(name, tuple(self._directories[directory].get(name, ())))


class _Loaded(Mapping[str, SourceFile]):
    """The files of a tree as parsed, by path, each loaded when asked for."""

    def __init__(self, tree: TreeIndex) -> None:
        self._tree = tree

    def __getitem__(self, path: str) -> SourceFile:
        return self._tree.file(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree.state.paths)

    def __len__(self) -> int:
        return len(self._tree.state.paths)


def rarity_of(count: float) -> float:
    """Return 1 for a part word in few files, falling to 0 for one that is everywhere."""
    if count <= COMMON_FILES:
        return 1.0
    return max(0.0, 1 - math.log(count / COMMON_FILES) / math.log(UBIQUITOUS_FILES / COMMON_FILES))
