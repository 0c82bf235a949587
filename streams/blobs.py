"""The blob store: bytes by their sha256 in HOME/blobs/<aa>/<sha256>; Kafka carries only the digest (claim check).

Content addressed, so putting the same bytes again writes nothing, and a reader can check what it got.
"""

import hashlib
import re
from pathlib import Path

from streams.durable import sweep, write_file
from streams.errors import BlobError

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Blobs of one home folder. Processes may share it: a blob appears by rename."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "blobs"

    def put(self, data: bytes) -> str:
        """Store data and return its sha256 (hex); durable when this returns."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not path.exists():
            write_file(path, data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes of a digest. Raises BlobError if they are not here, or damaged."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise BlobError(f"{path}: no such blob; it was removed, or SHEETSTREAM_HOME differs") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobError(f"{path}: the content does not match its name; remove the file and add its source again")
        return data

    def sweep(self) -> int:
        """Remove what a writer that died left half-written, while nobody writes; return how many files."""
        return sum(sweep(folder) for folder in self.folder.glob("??"))

    def path(self, sha256: str) -> Path:
        """Return where the blob of a digest lies or would lie."""
        if not _SHA256.fullmatch(sha256):
            raise BlobError(f"blob {sha256!r}: 64 lower-case hex digits expected")
        return self.folder / sha256[:2] / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).exists()
