"""Bare repositories written without a work tree."""

from pathlib import Path

from deploy.demo.repositories.history import Snapshot, git, publish_commit, write_history

_WHO = "Ada Byron <ada@example.com>"
_SNAPSHOTS = (
    Snapshot("first", _WHO, 0, {"a.c": b"int a;\n", "b.c": b"int b;\n"}),
    Snapshot("move a, drop b", _WHO, 1.5, {"src/a.c": b"int a;\n"}),
)


def test_commits_have_fixed_ids(tmp_path: Path) -> None:
    """Names, dates and trees decide the ids, nothing else does."""
    ids = write_history(tmp_path / "one.git", _SNAPSHOTS)

    assert ids == write_history(tmp_path / "two.git", _SNAPSHOTS)
    assert len(set(ids)) == 2


def test_nothing_is_published_at_first(tmp_path: Path) -> None:
    """The branch appears with the first publication; then the commit's tree and parent are there."""
    path = tmp_path / "one.git"
    ids = write_history(path, _SNAPSHOTS)

    assert git(path, "for-each-ref") == b""
    publish_commit(path, ids[1])
    assert git(path, "ls-tree", "-r", "--name-only", "main") == b"src/a.c\n"
    assert git(path, "rev-parse", "main^").decode().strip() == ids[0]


def test_moves_are_seen_as_renames(tmp_path: Path) -> None:
    """Git finds the moved file by its content."""
    path = tmp_path / "one.git"
    ids = write_history(path, _SNAPSHOTS)

    status = git(path, "diff-tree", "-r", "-M", "--name-status", ids[0], ids[1]).decode().split("\n")

    assert "R100\ta.c\tsrc/a.c" in status
