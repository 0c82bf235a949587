"""The shape of a tree: which files stand for the driver, and which belong together.

A unit is what one datasheet maps to: the files of the deepest directory whose name says something, or, where a
directory is a category that holds several parts, the files of one stem.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath

from mapper.code.wordlist import word_set
from mapper.linking.parts import is_part_like
from mapper.linking.words import CHUNK
from mapper.model import Role, SourceFile

MAX_UNIT_FILES = 60
LARGE_UNIT = 12
"""From this many files on, a unit's files must show the part themselves."""
GENERIC_DIRECTORIES = word_set(
    "src source sources include inc includes lib libs library libraries drivers driver components "
    "component core main hal bsp firmware code sensor sensors chip chips devices device modules module sw "
    "software packages package c cpp interface interfaces platform common arch soc app apps application "
    "port ports arduino api internal private public"
)
FILLER_WORDS = word_set(
    "driver drv drivers sensor device lib library regs reg register registers defs def defines internal "
    "internals priv private params core main hal api interface template i2c iic spi uart regmap types "
    "config hw impl common base basic h c"
)
ANSWER_ROLES: frozenset[Role] = frozenset({"driver", "hal", "board", "generated", "application", "vendored"})
FIRST_ROLES: frozenset[Role] = frozenset({"driver", "hal", "generated"})
"""Files of these roles are the answer; others only where a tree has nothing else for the part."""


def units_of(directory: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the unit of each of the paths whose unit directory is this one: all of them, or those of a stem."""
    stems = [unit_stem(path) for path in paths]
    by_stem = not directory or len(paths) > MAX_UNIT_FILES or is_category(directory, stems)
    return {path: f"{directory}#{stem}" if by_stem else directory for path, stem in zip(paths, stems, strict=True)}


def unit_directory(path: str) -> str:
    """Return the deepest directory with a telling name that holds the path, "" if there is none."""
    directory = path.rpartition("/")[0]
    while directory:
        above, _, name = directory.rpartition("/")
        if _is_telling(name):
            return directory
        directory = above
    return ""


@lru_cache(maxsize=20_000)
def _is_telling(directory: str) -> bool:
    words = CHUNK.findall(directory.lower())
    return bool(words) and not all(word in GENERIC_DIRECTORIES for word in words)


def is_category(directory: str, stems: Iterable[str]) -> bool:
    """Say whether a directory holds several parts: two or more different part-like first words in its file stems."""
    if any(is_part_like(word) for word in CHUNK.findall(directory.rpartition("/")[2].lower())):
        return False
    return len({stem for stem in stems if is_part_like(stem)}) >= 2


def unit_stem(path: str) -> str:
    """Return what a file's name says once driver and suffix words are gone: drv_abc123_regs.h gives abc123."""
    name = path.rpartition("/")[2]
    end = name.find(".", 1)
    return _named_stem(name if end < 0 else name[:end])


@lru_cache(maxsize=100_000)
def _named_stem(stem: str) -> str:
    for chunk in CHUNK.findall(stem):
        named = [word for word in part_words(chunk) if is_part_like(word)]
        if named:
            return min(named, key=len)
    words = [word for word in CHUNK.findall(stem.lower()) if word not in FILLER_WORDS]
    return "_".join(words) or stem.lower()


def stem_parts(path: str) -> frozenset[str]:
    """Return all words of a file's name that look like a part."""
    return frozenset(word for word in part_words(PurePosixPath(path).stem) if is_part_like(word))


def part_words(text: str) -> tuple[str, ...]:
    """Return the lower-case words of a path or identifier that may be a part number: runs, and runs split at a capital.

    SensorAB12C gives sensorab12c, sensor and ab12c; ab-12c gives ab, 12c and ab12c.
    """
    found: dict[str, None] = {}
    chunks = CHUNK.findall(text)
    for chunk in chunks:
        for piece in (chunk, *re.split(r"(?<=[a-z])(?=[A-Z])", chunk)):
            found.setdefault(piece.lower())
    for left, right in pairwise(chunks):
        if left.isalpha() and right[0].isdigit():
            found.setdefault((left + right).lower())
    return tuple(found)


def answer_files(files: Iterable[SourceFile]) -> list[SourceFile]:
    """Return the files that may implement a part: no tests, examples or documents."""
    return [file for file in files if file.role in ANSWER_ROLES]
