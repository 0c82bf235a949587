"""Read one snapshot of source code: a git work tree, a bare repository or a plain folder, never a checkout.

Symbolic links and submodules are skipped; a file that cannot be a source file, or is too large, is not read.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mapper.code import MAX_FILE_BYTES, is_relevant_path, parse_file
from mapper.errors import MapperError, SourceError
from mapper.model import SourceFile
from streams.errors import RepositoryError
from streams.watch.git import GitMirror
from streams.watch.gitcommand import run_git

SETTLED_SECONDS = 2.0


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
    """Names of the relevant files, sorted."""
    blobs: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Of a commit: name -> blob id."""


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
            blobs = GitMirror(git_folder).tree(commit)
            tree = SourceTree(root, git_folder, commit, _relevant(list(blobs)), blobs)
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


def stamps_of(tree: SourceTree, now: float) -> dict[str, str]:
    """Return for each name what tells whether its content has changed: blob id, or size and time of change.

    A file changed in the last SETTLED_SECONDS before now gets "", which equals no stamp: it may change again within the
    clock's step.
    """
    if tree.commit is not None:
        return {name: tree.blobs[name] for name in tree.paths}
    return {name: _stamp(f"{tree.root}/{name}", now) for name in tree.paths}


def read_tree(tree: SourceTree, advance: Callable[[int], None] = lambda _: None) -> tuple[list[SourceFile], list[str]]:
    """Return the parsed files of a snapshot and one line for each file that could not be taken."""
    files: list[SourceFile] = []
    skipped: list[str] = []
    for name, data in read_contents(tree, tree.paths):
        try:
            files.append(parse_content(name, data))
        except SourceError as error:
            skipped.append(str(error))
        advance(1)
    return files, skipped


def parse_content(name: str, data: bytes | None) -> SourceFile:
    """Return a file as parsed, given what read_contents gave for it. Raises SourceError if it cannot be taken."""
    path = text_of(name)
    if data is None:
        raise SourceError(f"{path}: larger than {MAX_FILE_BYTES} bytes, or unreadable", reason="too_large")
    return parse_file(path, data)


def read_texts(tree: SourceTree, advance: Callable[[int], None] = lambda _: None) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file of a snapshot that can be read, bytes as latin-1."""
    for name, data in read_contents(tree, tree.paths):
        if data is not None:
            yield text_of(name), data.decode("latin-1")
        advance(1)


def read_contents(tree: SourceTree, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield names with their contents, in order; None for a file that is too large or cannot be read."""
    if tree.commit is None or tree.git_folder is None:
        for name in names:
            yield name, read_file(tree.root / name)
        return
    ids = [tree.blobs[name] for name in names]
    contents = GitMirror(tree.git_folder).read_blobs(ids, max_bytes=MAX_FILE_BYTES)
    for name, (_, data) in zip(names, contents, strict=True):
        yield name, data


def text_of(name: str) -> str:
    """Return a name from the disk as text that can be written: latin-1 if it is not UTF-8, as in a mirror."""
    raw = os.fsencode(name)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_file(file: Path) -> bytes | None:
    """Return a file's content, None if it is too large or cannot be read."""
    try:
        return None if file.stat().st_size > MAX_FILE_BYTES else file.read_bytes()
    except OSError:
        return None


def _stamp(file: str, now: float) -> str:
    try:
        status = os.stat(file)  # noqa: PTH116 - a Path for each of 30,000 files takes longer than asking
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}" if status.st_mtime < now - SETTLED_SECONDS else ""


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
    folders: dict[str, bool] = {"": True}
    return [name for name in names if _is_regular(root, name, folders)] or list(_walk(root))


def _is_regular(root: Path, name: str, folders: dict[str, bool]) -> bool:
    """Say whether no part of a path is a symbolic link and its end is a file. folders remembers what was seen."""
    folder = name.rpartition("/")[0]
    if folder not in folders:
        above = folder.rpartition("/")[0]
        if above not in folders:
            _is_regular(root, folder, folders)
        folders[folder] = folders[above] and not (root / folder).is_symlink()
    place = root / name
    return folders[folder] and place.is_file() and not place.is_symlink()


def _walk(root: Path, under: str = "") -> Iterator[str]:
    with os.scandir(root / under) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        name = f"{under}/{entry.name}" if under else entry.name
        if entry.is_file(follow_symlinks=False):
            yield name
        elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _walk(root, name)


def _relevant(names: list[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if is_relevant_path(name)))
