"""A file appears whole or not at all."""

from pathlib import Path

import pytest

from streams.durable import sweep, write_file, writing


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """Neither half a file nor a temporary one stays behind."""
    path = tmp_path / "file"
    write_file(path, b"old")

    with pytest.raises(TypeError), writing(path) as file:
        file.write("no bytes")  # type: ignore[arg-type]

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_sweeping_removes_only_temporary_files(tmp_path: Path) -> None:
    """What a crashed writer left goes, what was written stays."""
    write_file(tmp_path / "kept", b"")
    (tmp_path / ".tmp-0123").write_bytes(b"half")

    assert sweep(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
