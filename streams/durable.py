"""Files that appear whole or not at all: written under a temporary name, flushed to disk, then renamed.

A reader sees the old file, no file, or the new one with every byte; so does a machine whose power failed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def writing(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Give an open file that becomes `path` when the block ends without an error; folders are made as needed.

    Without sync it may be lost or torn after a power failure: for what is checked when read, and can be made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{uuid4().hex}"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def write_file(path: Path, data: bytes) -> None:
    """Make `path` hold data, atomically and durably."""
    with writing(path) as file:
        file.write(data)


def sweep(folder: Path) -> int:
    """Remove what crashed writers left in a folder that has no writer now; return how many files."""
    stale = list(folder.glob(f"{TEMPORARY_PREFIX}*"))
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
