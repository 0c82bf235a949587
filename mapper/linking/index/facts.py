"""What levels 1 and 2 read of one file: a small value that is a function of its path and content alone.

Parsing a tree gives one of these a file and forgets the rest, so a tree of any size is linked in bounded memory: level
3 asks for the few files that were accepted again. Names and words are kept as hashes where only equality counts.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from mapper.linking.index.structure import GENERIC_DIRECTORIES, part_words
from mapper.linking.parts import MIN_PART_LENGTH, has_digit, is_part_like
from mapper.linking.vocabulary import ROLE_WORDS
from mapper.linking.words import CHUNK, WORD, canonical
from mapper.model import Role, SourceFile, Symbol

Keys = npt.NDArray[np.uint64]
SOURCES = ("path", "prefix", "string", "label", "symbol", "header", "text")
"""Where a part word may stand, best first; facts hold the index. string: a literal that is nothing but the part;
label: a literal that has it among other words; symbol: in the name of a definition; text: anywhere else."""
VALUE_KINDS = frozenset({"macro", "constant", "register", "config"})
PREFIX_SHARE = 0.3
MAX_DEVICE_ID_CHARS = 40
COUNT_STEPS = 4
"""Steps of a word's count for each doubling."""
_WORD_BITS = np.uint64(32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FileFacts:
    """One file of a role that may implement a part."""

    path: str
    blob_id: str
    role: Role
    names: tuple[tuple[str, int], ...]
    """Words that may name a part, each with the best source it stands in (index into SOURCES), sorted."""
    prefixes: tuple[str, ...]
    """Part-like first words that many of its symbols share."""
    includes: tuple[str, ...]
    """Names without folders of the files it includes, sorted."""
    pairs: Keys
    """Keys of (value, name token) of its definitions, sorted, each once."""
    words: npt.NDArray[np.uint32]
    """Hashes of its canonical words, sorted."""
    counts: npt.NDArray[np.uint8]
    """How often each of the words stands in it, in steps of COUNT_STEPS to the doubling."""
    defined: Keys
    """Keys of the names it gives a value to."""
    values: npt.NDArray[np.int64]
    """The values of `defined`."""
    opened: Keys
    """Keys of the names it defines by what its own text does not tell, sorted, each once."""


def file_facts(file: SourceFile) -> FileFacts:
    """Return the facts of a parsed file."""
    prefixes = shared_prefixes(file)
    words, counts = _words(file.identifiers)
    named = [s for s in file.symbols if s.kind in VALUE_KINDS]
    known = [(s.name, s.value) for s in named if s.form != "enumerator" and s.value is not None and _fits(s.value)]
    unique = sorted(set(known))
    opened = {s.name for s in named if s.form != "enumerator" and s.value is None}
    return FileFacts(
        path=file.path,
        blob_id=file.blob_id,
        role=file.role,
        names=_names(file, prefixes),
        prefixes=prefixes,
        includes=tuple(sorted({PurePosixPath(include).name for include in file.includes})),
        pairs=_pairs(named),
        words=words,
        counts=counts,
        defined=np.array([name_key(name) for name, _ in unique], dtype=np.uint64),
        values=np.array([value for _, value in unique], dtype=np.int64),
        opened=np.array(sorted(map(name_key, opened)), dtype=np.uint64),
    )


@lru_cache(maxsize=20_000)
def name_key(name: str) -> int:
    """Return the 64-bit key of a name or word."""
    return int.from_bytes(hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def word_key(word: str) -> int:
    """Return the 32-bit key of a canonical word."""
    return name_key(word) >> 32


def pair_keys(values: Sequence[int], tokens: Sequence[str]) -> Keys:
    """Return the keys of (value, name token) pairs, in order. Values count modulo 2^64."""
    mask = (1 << 64) - 1
    numbers = np.array([value & mask for value in values], dtype=np.uint64)
    hashes = np.array([name_key(token) for token in tokens], dtype=np.uint64)
    mixed = (numbers ^ (numbers >> _WORD_BITS)) * np.uint64(0x9E3779B97F4A7C15) ^ hashes
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    result: Keys = mixed ^ (mixed >> _WORD_BITS)
    return result


def name_tokens(name: str) -> set[str]:
    """Return the tokens and the compact spelling of name_of(name), without remembering a name that is met once."""
    pieces = [_spelled(piece) for piece in WORD.findall(name)]
    kept = [piece for piece in pieces if not piece[2]] or pieces
    return {*(token for _, token, _ in kept), "".join([word for word, _, _ in kept])}


@lru_cache(maxsize=50_000)
def _spelled(piece: str) -> tuple[str, str, bool]:
    """Return a word of a name in lower case, its canonical form, and whether it only says what sort of thing it is."""
    word = piece.lower()
    return word, canonical(word), word in ROLE_WORDS


def telling_tokens(tokens: Iterable[str]) -> list[str]:
    """Return the name tokens that tell registers apart: no single letters, no numbers."""
    return [token for token in tokens if len(token) > 1 and not token.isdigit()]


def identity_of(path: str, prefixes: Iterable[str]) -> frozenset[str]:
    """Return the part-like words by which a file names itself: in its stem, its directory or most of its symbols."""
    pieces = PurePosixPath(path)
    near = [word for piece in (*pieces.parent.parts[-1:], pieces.stem) for word in part_words(piece)]
    return frozenset(word for word in [*near, *prefixes] if is_part_like(word))


def shared_prefixes(file: SourceFile) -> tuple[str, ...]:
    """Return the first words that many of a file's symbols share, if they look like a part."""
    firsts = Counter(
        match[0].lower()
        for s in file.symbols
        if s.scope is None and (match := CHUNK.search(s.name)) and s.name != match[0]
    )
    total = sum(firsts.values())
    return tuple(
        sorted(
            word
            for word, count in firsts.items()
            if count >= 3 and count >= PREFIX_SHARE * total and is_part_like(word)
        )
    )


@lru_cache(maxsize=10_000)
def count_step(count: int) -> int:
    """Return a word's count as a step: 0 for one, COUNT_STEPS more for each doubling."""
    return min(255, round(COUNT_STEPS * math.log2(count)))


def _names(file: SourceFile, prefixes: Sequence[str]) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    by_source: tuple[Iterable[str], ...] = (
        _path_names(file.path),
        prefixes,
        (word for text in file.strings for word in _device_id(text)),
        (word for text in file.strings if has_digit(text) for word in part_words(text) if is_part_like(word)),
        _numbered(symbol.name for symbol in file.symbols),
        (word for word in part_words(file.header_comment) if is_part_like(word)),
        _numbered(word for word, _ in file.identifiers),
    )
    for source, words in enumerate(by_source):
        for word in words:
            found.setdefault(word, source)
    return tuple(sorted(found.items()))


def _path_names(path: str) -> list[str]:
    pieces = PurePosixPath(path)
    words = [word for piece in (*pieces.parent.parts, pieces.stem) for word in part_words(piece)]
    return [word for word in words if len(word) >= MIN_PART_LENGTH and word not in GENERIC_DIRECTORIES]


def _numbered(names: Iterable[str]) -> list[str]:
    """Return the part-like words between the underscores of names."""
    return [word for word in set(CHUNK.findall(" ".join(names).lower())) if is_part_like(word)]


def _device_id(text: str) -> list[str]:
    """Return the part of a string literal that is nothing but a part name, or "vendor,part"."""
    low = text.strip().lower()
    if len(low) > MAX_DEVICE_ID_CHARS or " " in low or not has_digit(low):
        return []
    words = ["".join(CHUNK.findall(word)) for word in low.split(",")[-2:]]
    return [word for word in words if len(word) >= MIN_PART_LENGTH and has_digit(word) and is_part_like(word)]


def _words(identifiers: Iterable[tuple[str, int]]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Return the keys of the words in identifiers, sorted, with their counts in steps.

    Identifiers that occur equally often are split together: one search over many is faster than many searches.
    """
    grouped: dict[int, list[str]] = {}
    for identifier, count in identifiers:
        grouped.setdefault(count, []).append(identifier)
    counts: dict[int, int] = {}
    for count, group in grouped.items():
        for piece, times in Counter(WORD.findall(" ".join(group))).items():
            if len(piece) > 2:
                key = _piece_key(piece)
                counts[key] = counts.get(key, 0) + times * count
    keys = sorted(counts)
    steps = [count_step(counts[key]) for key in keys]
    return np.array(keys, dtype=np.uint32), np.array(steps, dtype=np.uint8)


@lru_cache(maxsize=100_000)
def _piece_key(piece: str) -> int:
    """Return the key of a piece of an identifier, as its canonical word."""
    return word_key(_spelled(piece)[1])


def _pairs(definitions: Iterable[Symbol]) -> Keys:
    values: list[int] = []
    tokens: list[str] = []
    for symbol in definitions:
        if symbol.value is None or symbol.value < 0:
            continue
        for token in telling_tokens(name_tokens(symbol.name)):
            values.append(symbol.value)
            tokens.append(token)
    return np.unique(pair_keys(values, tokens))


def _fits(value: int) -> bool:
    return -(1 << 63) <= value < 1 << 63
