"""The bytes of a datasheet source, a local file or a URL, if they changed since the last look.

A file is told unchanged by its size and time, a URL by the server (ETag, Last-Modified). Redirects are followed by
hand, each judged like the first address; compression is not asked for, so a small answer cannot become a big one.
"""

import logging
import ssl
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from streams.errors import DownloadError
from streams.watch.address import Address, check_address, is_private

logger = logging.getLogger(__name__)

PDF_MAGIC = b"%PDF-"
MAGIC_WINDOW_BYTES = 1024
"""Readers accept a PDF whose magic stands within its first 1024 bytes (ISO 32000-1, annex H)."""

MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 30.0
"""Of one step: connecting, or waiting for the next bytes."""
DOWNLOAD_SECONDS = 300.0
SETTLE_SECONDS = 0.5
"""A file younger than this may still be being written."""

HEADERS = {"User-Agent": "sheetstream", "Accept": "application/pdf, */*;q=0.5", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a source publishes now."""

    data: bytes
    file: str
    etag: str | None
    last_modified: str | None
    released_at: float
    """When the publisher says it changed; the time of the look when it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be read, and how much of it."""

    max_bytes: int
    allow_local: bool
    allow_private: bool


def read_release(
    location: str, *, limits: Limits, etag: str | None = None, last_modified: str | None = None
) -> Release | None:
    """Return what lies at a file or URL now, None if it is what etag and last_modified say.

    Raises AddressError for an address that may not be read, DownloadError for one that cannot be.
    """
    address = _judge(location, limits)
    if address.scheme == "file":
        return _read_file(address.path, limits.max_bytes, etag)
    return _download(address, limits, {"If-None-Match": etag, "If-Modified-Since": last_modified})


def is_pdf(data: bytes) -> bool:
    """Return whether bytes begin like a PDF."""
    return PDF_MAGIC in data[:MAGIC_WINDOW_BYTES]


def _judge(location: str, limits: Limits) -> Address:
    return check_address(location, allow_local=limits.allow_local, allow_private=limits.allow_private)


def _read_file(path: Path, max_bytes: int, etag: str | None) -> Release | None:
    try:
        if not path.is_file():
            raise DownloadError(f"{path}: not a file; a PDF file expected")
        if time.time() - path.stat().st_mtime < SETTLE_SECONDS:
            time.sleep(SETTLE_SECONDS)
        status = path.stat()
        tag = f"{status.st_size}-{status.st_mtime_ns}"
        if tag == etag:
            return None
        _check_size(status.st_size, max_bytes, str(path))
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DownloadError(f"{path}: cannot be read: {error.strerror}") from error
    _check_size(len(data), max_bytes, str(path))
    return Release(
        data=data, file=path.name, etag=tag, last_modified=None, released_at=min(status.st_mtime, time.time())
    )


def _download(address: Address, limits: Limits, conditions: dict[str, str | None]) -> Release | None:
    headers = HEADERS | {name: value for name, value in conditions.items() if value}
    first = address
    try:
        with httpx.Client(verify=_tls(), timeout=TIMEOUT_SECONDS, follow_redirects=False, headers=headers) as client:
            for _ in range(MAX_REDIRECTS + 1):
                with client.stream("GET", address.url) as response:
                    _check_peer(response, address, limits)
                    if response.status_code == httpx.codes.NOT_MODIFIED:
                        return None
                    if response.status_code in _REDIRECTS and "Location" in response.headers:
                        address = _follow(address, response.headers["Location"], limits)
                        continue
                    return _release(response, first, limits.max_bytes)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = f"{first.url}: cannot be downloaded: {error or type(error).__name__}"
        raise DownloadError(message, host_fault=isinstance(error, httpx.TransportError)) from error
    raise DownloadError(f"{first.url}: more than {MAX_REDIRECTS} redirects")


@cache
def _tls() -> ssl.SSLContext:
    """Return the one TLS context of this process: loading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


def _follow(address: Address, target: str, limits: Limits) -> Address:
    """Return where a redirect leads; never from the network to a local file."""
    found = _judge(urljoin(address.url, target), replace(limits, allow_local=address.scheme == "http"))
    if found.scheme == "file":
        raise DownloadError(f"{address.url}: redirects to a local file")
    return found


def _check_peer(response: httpx.Response, address: Address, limits: Limits) -> None:
    """Refuse an answer from inside a private network if the judged address lay outside."""
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if address.pinned is not None and not limits.allow_private and (peer is None or is_private(str(peer[0]))):
        raise DownloadError(f"{address.url}: {address.host} now leads into a private network")


def _release(response: httpx.Response, address: Address, max_bytes: int) -> Release:
    if response.status_code != httpx.codes.OK:
        reason = f"{response.status_code} {response.reason_phrase}".strip()
        raise DownloadError(
            f"{address.url}: the server answers {reason}; expected 200 with a PDF",
            host_fault=response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error,
            retry_seconds=_retry_seconds(response.headers.get("Retry-After")),
        )
    _check_size(int(response.headers.get("Content-Length", "0") or 0), max_bytes, address.url)
    deadline = time.monotonic() + DOWNLOAD_SECONDS
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        _check_size(len(data), max_bytes, address.url)
        if time.monotonic() > deadline:
            raise DownloadError(f"{address.url}: the download took longer than {DOWNLOAD_SECONDS:g} s")
    modified = response.headers.get("Last-Modified")
    return Release(
        data=bytes(data),
        file=PurePosixPath(unquote(urlsplit(address.url).path)).name or "datasheet.pdf",
        etag=response.headers.get("ETag"),
        last_modified=modified,
        released_at=min(_time(modified), time.time()),
    )


def _check_size(size: int, max_bytes: int, where: str) -> None:
    if size > max_bytes:
        raise DownloadError(f"{where}: larger than the limit of {max_bytes} bytes (max_pdf_bytes in [streams])")


def _retry_seconds(text: str | None) -> float | None:
    """Return how long Retry-After asks to wait, which is seconds or a date."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    return max(0.0, _time(text) - time.time())


def _time(stamp: str | None) -> float:
    try:
        return parsedate_to_datetime(stamp).timestamp() if stamp else time.time()
    except ValueError:
        return time.time()
