"""Blobs are kept by content, whole or not at all."""

import hashlib
from pathlib import Path

import pytest

from streams.blobs import BlobStore
from streams.errors import BlobError


def test_what_was_put_is_got_by_its_digest(tmp_path: Path) -> None:
    """The digest is the sha256 of the bytes, and the same bytes are stored once."""
    store = BlobStore(tmp_path)

    first, second = store.put(b"%PDF-1.7"), store.put(b"%PDF-1.7")

    assert first == second == hashlib.sha256(b"%PDF-1.7").hexdigest()
    assert store.get(first) == b"%PDF-1.7"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [first]


def test_a_missing_blob_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """The message names the path, so that a wrong home is seen."""
    with pytest.raises(BlobError, match=str(tmp_path)):
        BlobStore(tmp_path).get("0" * 64)


def test_a_damaged_blob_is_never_returned(tmp_path: Path) -> None:
    """Bytes that changed on disk are an error, not an answer."""
    store = BlobStore(tmp_path)
    sha256 = store.put(b"content")
    store.path(sha256).write_bytes(b"c0ntent")

    with pytest.raises(BlobError, match="does not match"):
        store.get(sha256)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_name_blobs(tmp_path: Path, name: str) -> None:
    """A name that is no digest cannot lead out of the store."""
    with pytest.raises(BlobError, match="64 lower-case hex"):
        BlobStore(tmp_path).get(name)


def test_half_written_blobs_are_swept(tmp_path: Path) -> None:
    """Whole ones stay."""
    store = BlobStore(tmp_path)
    sha256 = store.put(b"whole")
    half = store.path(sha256).parent / ".tmp-1"
    half.touch()

    assert store.sweep() == 1
    assert sha256 in store
