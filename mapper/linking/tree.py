"""A source tree made ready for linking: its part names, its values, its words, each found in one look-up."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from mapper.code.values import evaluate
from mapper.linking.bases import base_addresses, block_addresses
from mapper.linking.parts import MIN_PART_LENGTH, has_digit, is_part_like
from mapper.linking.structure import GENERIC_DIRECTORIES, answer_files, part_words, tree_shape
from mapper.linking.words import CHUNK, canonical, name_of, split_words
from mapper.model import SourceFile, Symbol

SOURCE_WEIGHTS = {"path": 1.0, "prefix": 0.95, "string": 0.88, "header": 0.6, "text": 0.55}
COMMON_FILES = 8
"""A word in at most this many files is a strong sign; in UBIQUITOUS_FILES or more it is none."""
UBIQUITOUS_FILES = 200
PREFIX_SHARE = 0.3
VALUE_KINDS = frozenset({"macro", "constant", "register", "config"})
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


class TreeIndex:
    """Look-ups over the files of one tree that may implement a part, exact copies counted once."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self.shape = tree_shape(files)
        self.files = sorted(answer_files(files), key=lambda f: f.path)
        self.originals = [f for f in self.files if self.shape.original_of[f.path] == f.path]
        self.by_path = {file.path: file for file in self.files}
        self.values, known = _resolve(self.files)
        self._bases = base_addresses(known)
        self.names = _part_names(self.originals)
        self.pairs = _value_pairs(self.originals, self.values)
        self.identity = {file.path: _identity(file) for file in self.originals}
        self._words: dict[str, dict[str, int]] = {}
        self._document_frequency: Counter[str] | None = None

    def value(self, symbol: Symbol) -> int | None:
        """Return a symbol's value, resolved over the tree where its own file does not tell it."""
        return symbol.value if symbol.value is not None else self.values.get((symbol.path, symbol.name))

    def addresses(self, symbol: Symbol) -> tuple[int, ...]:
        """Return the addresses a definition may stand for: its value; of a base + offset the absolute one, the offset.

        The base may stand in another file, if the tree has one value for its name.
        """
        value = self.value(symbol)
        if value is None:
            return ()
        in_block = block_addresses(symbol.references, value, self._bases)
        return (value,) if in_block is None else tuple(sorted(set(in_block), reverse=True))

    def rarity(self, word: str) -> float:
        """Return 1 for a part word in few files, falling to 0 for one that is everywhere."""
        count = len({path for path, _ in self.names.get(word, [])})
        if count <= COMMON_FILES:
            return 1.0
        return max(0.0, 1 - math.log(count / COMMON_FILES) / math.log(UBIQUITOUS_FILES / COMMON_FILES))

    def cosine(self, path: str, sheet_words: Counter[str]) -> float:
        """Return the TF-IDF cosine of a file's words and a datasheet's."""
        frequency, total = self._frequencies(), len(self.originals) + 1
        words = self._words_of(self.by_path[path])
        dot = norm = 0.0
        for word, count in words.items():
            weight = (1 + math.log(count)) * math.log(total / (frequency.get(word, 0) + 0.5) + 1)
            norm += weight * weight
            if word in sheet_words:
                dot += weight * (1 + math.log(sheet_words[word])) * math.log(total / (frequency.get(word, 0) + 0.5) + 1)
        query = math.sqrt(
            sum(
                ((1 + math.log(c)) * math.log(total / (frequency.get(w, 0) + 0.5) + 1)) ** 2
                for w, c in sheet_words.items()
            )
        )
        return dot / (math.sqrt(norm) * query) if norm and query else 0.0

    def _frequencies(self) -> Counter[str]:
        if self._document_frequency is None:
            self._document_frequency = Counter(word for file in self.originals for word in self._words_of(file))
        return self._document_frequency

    def _words_of(self, file: SourceFile) -> dict[str, int]:
        words = self._words.get(file.path)
        if words is None:
            counts: Counter[str] = Counter()
            for identifier, count in file.identifiers:
                for word in split_words(identifier):
                    if len(word) > 2:
                        counts[canonical(word)] += count
            words = self._words[file.path] = dict(counts)
        return words


def _part_names(files: Iterable[SourceFile]) -> dict[str, list[tuple[str, str]]]:
    """Return for each word that may name a part the (path, source) pairs that hold it, best source first."""
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for file in files:
        sources: list[tuple[str, Iterable[str]]] = [
            ("path", _path_names(file.path)),
            ("prefix", _prefixes(file)),
            ("string", (word for text in file.strings for word in _device_id(text))),
            ("header", (w for w in part_words(file.header_comment) if is_part_like(w))),
            ("text", (low for word, _ in file.identifiers for low in CHUNK.findall(word.lower()) if is_part_like(low))),
        ]
        for source, words in sources:
            for word in words:
                names[word].setdefault(file.path, source)
    return {word: sorted(held.items()) for word, held in names.items()}


def _path_names(path: str) -> list[str]:
    pieces = PurePosixPath(path)
    words = [word for piece in (*pieces.parent.parts, pieces.stem) for word in part_words(piece)]
    return [word for word in words if len(word) >= MIN_PART_LENGTH and word not in GENERIC_DIRECTORIES]


def _prefixes(file: SourceFile) -> list[str]:
    """Return the first words that many of a file's symbols share, if they look like a part."""
    firsts = Counter(
        match[0].lower()
        for s in file.symbols
        if s.scope is None and (match := CHUNK.search(s.name)) and s.name != match[0]
    )
    total = sum(firsts.values())
    return sorted(
        word for word, count in firsts.items() if count >= 3 and count >= PREFIX_SHARE * total and is_part_like(word)
    )


def _device_id(text: str) -> list[str]:
    """Return the part of a string literal that is nothing but a part name, or "vendor,part"."""
    low = text.strip().lower()
    if len(low) > 40 or " " in low:
        return []
    words = ["".join(CHUNK.findall(word)) for word in low.split(",")[-2:]]
    return [word for word in words if len(word) >= MIN_PART_LENGTH and has_digit(word) and is_part_like(word)]


def _identity(file: SourceFile) -> frozenset[str]:
    """Return the part-like words by which a file names itself: in its stem, its directory or most of its symbols."""
    pieces = PurePosixPath(file.path)
    near = [word for piece in (*pieces.parent.parts[-1:], pieces.stem) for word in part_words(piece)]
    return frozenset(word for word in [*near, *_prefixes(file)] if is_part_like(word))


def _value_pairs(files: Iterable[SourceFile], values: dict[tuple[str, str], int]) -> dict[tuple[int, str], set[str]]:
    """Return for each (value, name token) of the tree's definitions the paths that hold it."""
    pairs: dict[tuple[int, str], set[str]] = defaultdict(set)
    for file in files:
        for symbol in file.symbols:
            if symbol.kind not in VALUE_KINDS:
                continue
            value = symbol.value if symbol.value is not None else values.get((symbol.path, symbol.name))
            if value is None or value < 0:
                continue
            name = name_of(symbol.name)
            for token in {*name.tokens, name.compact}:
                if len(token) > 1 and not token.isdigit():
                    pairs[value, token].add(file.path)
    return dict(pairs)


def _resolve(files: Sequence[SourceFile]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Return values of macros defined over another file's macro (base + offset), where the tree agrees on it.

    The second value is what the tree agrees on: names with the one value they have in it.
    """
    known: dict[str, int] = {}
    ambiguous: set[str] = set()
    open_symbols: list[Symbol] = []
    for file in files:
        for symbol in file.symbols:
            if symbol.kind not in VALUE_KINDS or symbol.form == "enumerator":
                continue
            if symbol.value is None:
                open_symbols.append(symbol)
            elif known.setdefault(symbol.name, symbol.value) != symbol.value:
                ambiguous.add(symbol.name)
    for name in ambiguous:
        del known[name]
    resolved: dict[tuple[str, str], int] = {}
    for _ in range(3):
        progress = False
        for symbol in open_symbols:
            if (symbol.path, symbol.name) in resolved:
                continue
            expression = _replacement(symbol)
            if not any(word in known for word in IDENTIFIER.findall(expression)):
                continue
            value = evaluate(expression, known)
            if value is not None:
                resolved[symbol.path, symbol.name] = value
                progress = True
        for (_, name), value in list(resolved.items()):
            if name not in ambiguous:
                known.setdefault(name, value)
        if not progress:
            break
    return resolved, known


def _replacement(symbol: Symbol) -> str:
    """Return the expression a definition stands for: after #define NAME, or after the equals sign."""
    text = symbol.declaration
    match = re.match(rf"\s*#\s*define\s+{re.escape(symbol.name)}(?!\()\s+(.*)", text, re.DOTALL)
    if match is not None:
        return match[1]
    return text.partition("=")[2].rstrip("; ") if "=" in text else ""
