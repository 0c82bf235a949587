"""Read one snapshot of source code: a git work tree, a bare repository or a plain folder, never a checkout.

Symbolic links and submodules are skipped; a file that cannot be a source file, or is too large, is not read.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mapper.code import MAX_FILE_BYTES, is_relevant_path, parse_file
from mapper.errors import MapperError, SourceError
from mapper.model import SourceFile
from streams.errors import RepositoryError
from streams.watch.git import GitMirror
from streams.watch.gitcommand import run_git


class TreeError(MapperError):
    """The place holds no source tree: no directory, an empty repository, an unknown revision, or no code."""

    reason = "tree"


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Where the files of a snapshot are. commit None: on disk as they are now."""

    root: Path
    git_folder: Path | None
    commit: str | None
    paths: tuple[str, ...]
    """Relevant paths, sorted."""


def open_tree(root: Path, rev: str | None = None) -> SourceTree:
    """Return the snapshot of a folder or repository. Raises TreeError with what is wrong with it."""
    if not root.is_dir():
        raise TreeError(
            f"{root}: not a directory; give a git work tree, a bare repository or a folder with source code"
        )
    git_folder = _git_folder(root)
    is_bare = git_folder == root
    if rev is not None and git_folder is None:
        raise TreeError(f"{root}: --rev {rev} given, but this is no git repository")
    try:
        if git_folder is not None and (is_bare or rev is not None):
            commit = _commit(root, git_folder, rev)
            names = list(GitMirror(git_folder).tree(commit))
            tree = SourceTree(root, git_folder, commit, _relevant(names))
        else:
            names = _tracked(root, git_folder) if git_folder is not None else list(_walk(root))
            tree = SourceTree(root, git_folder, None, _relevant(names))
    except RepositoryError as error:
        raise TreeError(str(error)) from error
    if not tree.paths:
        raise TreeError(
            f"{root}: no source code found (C, C++, assembler, device tree, Kconfig or linker script expected)"
        )
    return tree


def read_tree(tree: SourceTree, advance: Callable[[int], None] = lambda _: None) -> tuple[list[SourceFile], list[str]]:
    """Return the parsed files of a snapshot and one line for each file that could not be taken."""
    files: list[SourceFile] = []
    skipped: list[str] = []
    for name, data in _contents(tree):
        path = _text(name)
        try:
            if data is None:
                raise SourceError(f"{path}: larger than {MAX_FILE_BYTES} bytes, or unreadable", reason="too_large")
            files.append(parse_file(path, data))
        except SourceError as error:
            skipped.append(str(error))
        advance(1)
    return files, skipped


def read_texts(tree: SourceTree, advance: Callable[[int], None] = lambda _: None) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file of a snapshot that can be read, bytes as latin-1."""
    for name, data in _contents(tree):
        if data is not None:
            yield _text(name), data.decode("latin-1")
        advance(1)


def _contents(tree: SourceTree) -> Iterator[tuple[str, bytes | None]]:
    if tree.commit is None or tree.git_folder is None:
        for path in tree.paths:
            yield path, _read(tree.root / path)
        return
    mirror = GitMirror(tree.git_folder)
    blobs = mirror.tree(tree.commit)
    contents = mirror.read_blobs([blobs[path] for path in tree.paths], max_bytes=MAX_FILE_BYTES)
    for path, (_, data) in zip(tree.paths, contents, strict=True):
        yield path, data


def _text(name: str) -> str:
    """Return a name from the disk as text that can be written: latin-1 if it is not UTF-8, as in a mirror."""
    raw = os.fsencode(name)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _read(file: Path) -> bytes | None:
    try:
        return None if file.stat().st_size > MAX_FILE_BYTES else file.read_bytes()
    except OSError:
        return None


def _git_folder(root: Path) -> Path | None:
    """Return the git directory of a work tree, the folder itself if it is a bare repository, None without git."""
    dot = root / ".git"
    if dot.is_dir():
        return dot
    if dot.is_file():
        target = dot.read_text(encoding="utf-8", errors="replace").strip().removeprefix("gitdir:").strip()
        return (root / target).resolve() if target else None
    if (root / "HEAD").is_file() and (root / "objects").is_dir() and (root / "refs").is_dir():
        return root
    return None


def _commit(root: Path, git_folder: Path, rev: str | None) -> str:
    wanted = rev or "HEAD"
    try:
        answer = run_git(
            ["rev-parse", "--quiet", "--verify", "--end-of-options", f"{wanted}^{{commit}}"], folder=git_folder
        )
    except RepositoryError as error:
        if rev is None:
            raise TreeError(f"{root}: the repository is empty: HEAD has no commit") from error
        raise TreeError(f"{root}: no revision {rev} in this repository") from error
    return answer.decode().strip()


def _tracked(root: Path, git_folder: Path) -> list[str]:
    """Return the tracked files of a work tree that are regular files on disk; of one without an index, all files."""
    listing = run_git(["ls-files", "-z", "--cached"], folder=git_folder).split(b"\0")
    names = [name.decode("utf-8", "surrogateescape") for name in listing if name]
    return [name for name in names if _is_regular(root, name)] or list(_walk(root))


def _is_regular(root: Path, name: str) -> bool:
    """Say whether no part of a path is a symbolic link and its end is a file."""
    place = root
    for piece in Path(name).parts:
        place = place / piece
        if place.is_symlink():
            return False
    return place.is_file()


def _walk(root: Path) -> Iterator[str]:
    for folder, directories, names in os.walk(root, followlinks=False):
        directories[:] = sorted(d for d in directories if not d.startswith(".") and not (Path(folder) / d).is_symlink())
        for name in sorted(names):
            file = Path(folder) / name
            if file.is_file() and not file.is_symlink():
                yield file.relative_to(root).as_posix()


def _relevant(names: list[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if is_relevant_path(name)))
