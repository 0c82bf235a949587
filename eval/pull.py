"""Copy a release to a folder: resumable, every digest checked, and visible only when whole.

    DIR/<release id>-<digest>/   the release, never changed afterwards
    DIR/latest                   a link to it, named as the channel that was pulled
    DIR/.incoming-<digest>/      what an interrupted pull has so far; the next pull goes on from there

The source is a folder of releases, or the address where such a folder is served by any HTTP server.
"""

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from eval.errors import NotFoundError, RegistryError, SourceUnreachableError, VerificationError
from eval.registry import LATEST, REGISTRY_NAME, Listed, parse_state
from eval.release import (
    MAX_RELEASE_JSON_BYTES,
    RELEASE_NAME,
    FileEntry,
    Release,
    check_file,
    digest_of,
    parse_release,
    verify_release,
)

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0
PART_SUFFIX = ".part"

Advance = Callable[[int], None]
"""Called with the number of bytes that just arrived."""


class Source(Protocol):
    """Where releases lie."""

    def open(self, path: str, offset: int) -> Iterator[bytes]:
        """Yield a file's bytes from an offset on. Raises SourceUnreachableError."""
        ...


def pull(source: str, to: Path, *, channel: str = LATEST, advance: Advance = lambda num_bytes: None) -> Path:
    """Return the folder below `to` that now holds the release, whole and verified.

    channel: an alias (latest, previous) or a release id. Raises SourceUnreachableError, NotFoundError for a channel
    without a release, RegistryError, and VerificationError where bytes differ from their digest; then nothing of this
    release is left in `to`.
    """
    place = open_source(source)
    state = parse_state(_read_small(place, REGISTRY_NAME), f"{source}/{REGISTRY_NAME}")
    listed = state.find(channel)
    _check_listed(listed, source)
    to.mkdir(parents=True, exist_ok=True)
    final = to / f"{listed.release_id}-{listed.sha256[:12]}"
    with FileLock(to / ".pull.lock"):
        if not _is_whole(final, listed):
            incoming = to / f".incoming-{listed.sha256[:12]}"
            try:
                _fill(place, source, listed, incoming, advance)
                verify_release(incoming, listed.sha256)
            except VerificationError:
                shutil.rmtree(incoming, ignore_errors=True)
                raise
            _flush(incoming)
            shutil.rmtree(final, ignore_errors=True)
            incoming.rename(final)
        _point(to / channel if channel in state.aliases else None, final)
    return final


def open_source(source: str) -> Source:
    """Return the place that an address names. Raises SourceUnreachableError, NotFoundError for an empty folder."""
    scheme = urllib.parse.urlsplit(source).scheme
    if scheme in ("http", "https"):
        return _HttpSource(source.rstrip("/"))
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise SourceUnreachableError(f"{source}: a folder of releases or an http(s) address expected")
    if not (folder / REGISTRY_NAME).is_file():
        raise NotFoundError(f"{source}: nothing is released here: no {REGISTRY_NAME} in this folder")
    return _FolderSource(folder)


class _FolderSource:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str, offset: int) -> Iterator[bytes]:
        try:
            with (self._folder / path).open("rb") as file:
                file.seek(offset)
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise SourceUnreachableError(f"{self._folder / path}: {error.strerror or error}") from None


class _HttpSource:
    def __init__(self, base: str) -> None:
        self._base = base

    def open(self, path: str, offset: int) -> Iterator[bytes]:
        url = f"{self._base}/{urllib.parse.quote(path)}"
        request = urllib.request.Request(url)  # noqa: S310 - open_source lets only http and https through
        if offset:
            request.add_header("Range", f"bytes={offset}-")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                # A server without ranges answers 200 with the whole file.
                skip = offset if offset and answer.status != http.client.PARTIAL_CONTENT else 0
                missing = answer.length or 0  # read(size) ends quietly where a connection is lost
                while chunk := answer.read(CHUNK_BYTES):
                    missing -= len(chunk)
                    kept = chunk[skip:]
                    skip -= len(chunk) - len(kept)
                    if kept:
                        yield kept
            if missing > 0:
                raise SourceUnreachableError(f"{url}: ended {missing} bytes too early; pull again to go on")
        except urllib.error.HTTPError as error:
            raise SourceUnreachableError(f"{url}: HTTP {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnreachableError(f"{url}: {getattr(error, 'reason', None) or error}") from None


def _check_listed(listed: Listed, source: str) -> None:
    name, digest = listed.release_id, listed.sha256
    if Path(name).name != name or name.startswith(".") or len(digest) != 64 or not digest.isalnum():
        raise RegistryError(f"{source}: release id {name!r} with digest {digest!r}: a plain name and a sha256 expected")


def _is_whole(final: Path, listed: Listed) -> bool:
    try:
        verify_release(final, listed.sha256)
    except VerificationError:
        return False
    return True


def _fill(place: Source, source: str, listed: Listed, incoming: Path, advance: Advance) -> Release:
    """Bring all files of a release into a folder; those already there with the right digest are kept."""
    data = _read_small(place, f"{listed.release_id}/{RELEASE_NAME}")
    where = f"{source}/{listed.release_id}/{RELEASE_NAME}"
    found = hashlib.sha256(data).hexdigest()
    if found != listed.sha256:
        raise VerificationError(f"{where}: sha256 {listed.sha256} expected, got {found}")
    release = parse_release(data, where)
    incoming.mkdir(exist_ok=True)
    for name, entry in sorted(release.files.items()):
        file = incoming / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not (file.is_file() and digest_of(file) == entry.sha256):
            _bring(place, f"{listed.release_id}/{name}", file, entry, advance)
    (incoming / RELEASE_NAME).write_bytes(data)
    return release


def _bring(place: Source, path: str, file: Path, entry: FileEntry, advance: Advance) -> None:
    """Write a file beside its place, from where an earlier pull stopped, and rename it once its digest is right."""
    part = file.with_name(file.name + PART_SUFFIX)
    offset = part.stat().st_size if part.is_file() else 0
    if offset > entry.num_bytes:
        part.unlink()
        offset = 0
    if offset < entry.num_bytes or entry.num_bytes == 0:
        with part.open("ab") as stream:
            size = offset
            for chunk in place.open(path, offset):
                size += len(chunk)
                if size > entry.num_bytes:
                    raise VerificationError(f"{path}: {entry.num_bytes} bytes expected, more came")
                stream.write(chunk)
                advance(len(chunk))
        if size < entry.num_bytes:
            raise VerificationError(
                f"{path}: sha256 {entry.sha256} of {entry.num_bytes} bytes expected, got {size} bytes"
            )
    check_file(part, entry)
    part.replace(file)


def _read_small(place: Source, path: str) -> bytes:
    data = b""
    for chunk in place.open(path, 0):
        data += chunk
        if len(data) > MAX_RELEASE_JSON_BYTES:
            raise VerificationError(f"{path}: longer than {MAX_RELEASE_JSON_BYTES} bytes")
    return data


def _point(link: Path | None, final: Path) -> None:
    """Let the channel's link name a release, in one step."""
    if link is None:
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(final.name)
    fresh.replace(link)


def _flush(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
