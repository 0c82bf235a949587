"""Replay the last commits of a git mirror that touch code: what a watcher reads again, and how long it takes."""

import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from mapper.code import is_relevant_path, parse_file
from mapper.errors import SourceError
from mapper.model import Symbol

NUM_COMMITS = 100


@dataclass(frozen=True, slots=True)
class Replay:
    """Medians and 90th percentiles over the commits."""

    mirror: str
    num_files: int
    """Code files at the newest commit."""
    num_commits: int
    milliseconds: tuple[float, float]
    changed_files: tuple[float, float]
    changed_symbols: tuple[float, float]


def replay(mirror: Path) -> Replay:
    """Return what re-reading the changed files of each of the last code-touching commits costs."""
    milliseconds: list[float] = []
    changed_files: list[float] = []
    changed_symbols: list[float] = []
    for commit in _git(mirror, "rev-list", "--no-merges", "HEAD").decode().split():
        if len(milliseconds) == NUM_COMMITS:
            break
        changes = _changes(mirror, commit)
        if not changes:
            continue
        texts = [(path, _blob(mirror, old), _blob(mirror, new)) for path, (old, new) in changes.items()]
        start = time.perf_counter()
        after = {path: _symbols(path, new) for path, _, new in texts}
        milliseconds.append(1000 * (time.perf_counter() - start))
        changed_files.append(len(texts))
        before = {path: _symbols(path, old) for path, old, _ in texts}
        changed_symbols.append(sum(len(before[path] ^ after[path]) for path in after))
    files = _git(mirror, "ls-tree", "-r", "--name-only", "HEAD").decode("utf-8", "replace").splitlines()
    return Replay(
        mirror=mirror.parent.name if mirror.name == "repo" else mirror.name,
        num_files=sum(map(is_relevant_path, files)),
        num_commits=len(milliseconds),
        milliseconds=_spread(milliseconds),
        changed_files=_spread(changed_files),
        changed_symbols=_spread(changed_symbols),
    )


def report_replay(measured: Replay) -> str:
    """Return a replay as one line."""
    return (
        f"{measured.mirror}: {measured.num_files} code files, {measured.num_commits} commits, median (p90): "
        f"{measured.milliseconds[0]:.1f} ({measured.milliseconds[1]:.1f}) ms, "
        f"{measured.changed_files[0]:.0f} ({measured.changed_files[1]:.0f}) files, "
        f"{measured.changed_symbols[0]:.0f} ({measured.changed_symbols[1]:.0f}) symbols changed\n"
    )


def _spread(values: list[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    return statistics.median(values), sorted(values)[int(0.9 * (len(values) - 1))]


def _changes(mirror: Path, commit: str) -> dict[str, tuple[str, str]]:
    """Return the old and the new blob of each code file that a commit changed; zeros where there is none."""
    raw = _git(mirror, "diff-tree", "-r", "--root", "--no-commit-id", "-z", commit).decode("utf-8", "replace")
    fields = raw.split("\0")
    changes = {}
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        mode, new_mode, old, new, _ = head.lstrip(":").split(" ")
        if is_relevant_path(path) and "120000" not in (mode, new_mode) and "160000" not in (mode, new_mode):
            changes[path] = (old, new)
    return changes


def _blob(mirror: Path, blob: str) -> bytes | None:
    return None if set(blob) == {"0"} else _git(mirror, "cat-file", "blob", blob)


def _symbols(path: str, data: bytes | None) -> frozenset[tuple[str, str, str]]:
    """Return the symbols of a file by what a link hangs on: form, name and revision."""
    symbols: tuple[Symbol, ...] = ()
    if data is not None:
        try:
            symbols = parse_file(path, data).symbols
        except SourceError:
            symbols = ()
    return frozenset((symbol.form, symbol.qualified_name, symbol.revision) for symbol in symbols)


def _git(mirror: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(mirror), *arguments], capture_output=True, check=True).stdout
