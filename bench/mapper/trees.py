"""The source trees that are measured on: paths and bytes of what the mapper reads, parsed once and kept."""

import hashlib
import pickle
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mapper.code import MAX_FILE_BYTES, is_relevant_path, parse_file
from mapper.errors import SourceError
from mapper.ids import blob_id
from mapper.model import SourceFile

ROOT = Path(__file__).resolve().parents[2]
PARSER_SOURCES = ("mapper/code", "mapper/model.py")


@dataclass(frozen=True, slots=True)
class Tree:
    """A snapshot of source code in memory."""

    name: str
    contents: Mapping[str, bytes]
    """Bytes by path, relevant paths only, sorted."""


def read_folder(folder: Path, name: str | None = None, under: Sequence[str] = ()) -> Tree:
    """Return the source files below a folder, or below some of its subfolders only; see source_paths."""
    return Tree(name or folder.name, {path: (folder / path).read_bytes() for path in source_paths(folder, under)})


def source_paths(folder: Path, under: Sequence[str] = ()) -> list[str]:
    """Return the paths of the source files below a folder, sorted; links and too large files are left out."""
    tops = [folder / piece for piece in under] or [folder]
    names = {path.relative_to(folder).as_posix(): path for top in tops for path in top.rglob("*")}
    return sorted(
        name
        for name, path in names.items()
        if is_relevant_path(name) and path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE_BYTES
    )


def join_trees(name: str, trees: Iterable[tuple[str, Tree]]) -> Tree:
    """Return one tree of several, each below the folder given with it; exact copies of one file name are kept once.

    What repositories share (the same vendor library copied into each) would else be parsed once a repository, and
    linking looks at one copy of it in any case.
    """
    contents: dict[str, bytes] = {}
    seen: set[tuple[str, bytes]] = set()
    for folder, tree in trees:
        for path, data in tree.contents.items():
            key = (PurePosixPath(path).name, hashlib.sha256(data).digest())
            if key not in seen:
                seen.add(key)
                contents[f"{folder}/{path}"] = data
    return Tree(name, dict(sorted(contents.items())))


class Parser:
    """Parses trees, keeps them in a folder by content and parser, and reuses what two trees in a row share."""

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._version = parser_version()
        self._last: dict[tuple[str, str], tuple[SourceFile, float]] = {}

    @property
    def seconds(self) -> float:
        """What parsing the last tree took when its files were parsed."""
        return sum(seconds for _, seconds in self._last.values())

    def parse(self, tree: Tree) -> list[SourceFile]:
        """Return the parsed files of a tree; those that the parser refuses are named on stderr."""
        kept = self._cache / f"parsed-{self._key(tree)}.pickle" if self._cache is not None else None
        if kept is not None and kept.exists():
            parsed: list[tuple[SourceFile, float]] = pickle.loads(kept.read_bytes())
        else:
            taken = (self._parse_file(path, data) for path, data in tree.contents.items())
            parsed = [each for each in taken if each is not None]
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                partial = kept.with_suffix(".part")
                partial.write_bytes(pickle.dumps(parsed, protocol=pickle.HIGHEST_PROTOCOL))
                partial.replace(kept)
        self._last = {(file.path, file.blob_id): (file, seconds) for file, seconds in parsed}
        return [file for file, _ in parsed]

    def _parse_file(self, path: str, data: bytes) -> tuple[SourceFile, float] | None:
        blob = blob_id(data)
        if (path, blob) in self._last:
            return self._last[path, blob]
        started = time.perf_counter()
        try:
            return parse_file(path, data), time.perf_counter() - started
        except SourceError as error:
            sys.stderr.write(f"{error}\n")
            return None

    def _key(self, tree: Tree) -> str:
        digest = hashlib.sha256(self._version)
        for path, data in tree.contents.items():
            digest.update(path.encode() + b"\0" + hashlib.sha256(data).digest())
        return digest.hexdigest()


def parser_version() -> bytes:
    """Return a digest of the parser's source, so that a kept tree is never older than its parser."""
    return source_digest(PARSER_SOURCES)


def source_digest(places: Iterable[str]) -> bytes:
    """Return a digest of the Python files at some places below the repository's root."""
    digest = hashlib.sha256()
    for place in places:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.digest()
