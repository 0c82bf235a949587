"""Write a list of trees as the commits of a bare git repository, with fixed names and dates.

git fast-import writes one pack; the same trees give the same commit ids. The branch is moved afterwards, so that a
history can be published step by step.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.config import child_environment

BRANCH = "refs/heads/main"
FIRST_COMMIT_TIME = 1_709_542_800  # 2024-03-04 09:00 UTC
_ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit: its message, its author and its whole tree."""

    message: str
    author: str
    days: float
    """Days after the first commit."""
    tree: Mapping[str, bytes]


def write_history(path: Path, snapshots: Sequence[Snapshot]) -> tuple[str, ...]:
    """Create a bare repository with the snapshots as a line of commits, unpublished; return the commit ids in order."""
    if path.exists():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    git(path.parent, "init", "--quiet", "--bare", f"--initial-branch={BRANCH.removeprefix('refs/heads/')}", path.name)
    git(path, "config", "gc.auto", "0")  # commits not published yet are unreachable and must stay
    marks = path / "marks"
    git(path, "fast-import", "--quiet", "--done", f"--export-marks={marks}", stdin=_stream(snapshots))
    lines = marks.read_text(encoding="ascii").split("\n")
    marks.unlink()
    git(path, "update-ref", "-d", BRANCH)
    ids = dict(line.split() for line in lines if line)
    return tuple(ids[f":{number}"] for number in range(1, len(snapshots) + 1))


def publish_commit(path: Path, commit: str) -> None:
    """Move the branch of a repository to a commit."""
    git(path, "update-ref", BRANCH, commit)


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """Run git without the user's configuration and return what it prints."""
    environment = child_environment() | _ENVIRONMENT
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, input=stdin, stdout=subprocess.PIPE, check=True
    )
    return done.stdout


def _stream(snapshots: Sequence[Snapshot]) -> bytes:
    """Return a fast-import stream; blobs are numbered after the commits and written once each."""
    out: list[bytes] = []
    blobs: dict[bytes, int] = {}
    for snapshot in snapshots:
        for data in snapshot.tree.values():
            if data not in blobs:
                blobs[data] = len(snapshots) + 1 + len(blobs)
                out.append(b"blob\nmark :%d\ndata %d\n%s\n" % (blobs[data], len(data), data))
    for number, snapshot in enumerate(snapshots, start=1):
        when = FIRST_COMMIT_TIME + round(snapshot.days * 86400)
        message = snapshot.message.encode()
        out.append(b"commit %s\nmark :%d\n" % (BRANCH.encode(), number))
        out += [b"%s %s %d +0000\n" % (who, snapshot.author.encode(), when) for who in (b"author", b"committer")]
        out.append(b"data %d\n%s\n" % (len(message), message))
        if number > 1:
            out.append(b"from :%d\n" % (number - 1))
        out.append(b"deleteall\n")
        out += [b"M 100644 :%d %s\n" % (blobs[data], name.encode()) for name, data in sorted(snapshot.tree.items())]
    out.append(b"done\n")
    return b"".join(out)
