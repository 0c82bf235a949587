"""Which addresses may be read: schemes, no user info, and no way into a private network (SSRF).

A host name is resolved once and its addresses are judged; the caller connects to what was judged, or checks the peer
it got, so that a name that resolves differently the second time (DNS rebinding) gains nothing. Where a proxy is set,
the proxy connects and decides.
"""

import ipaddress
import re
import socket
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from streams.errors import AddressError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SCP_LIKE = re.compile(r"[^/]+:")
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address that was judged fit to be read."""

    url: str
    """As given; for local ones the absolute path."""
    scheme: str
    """https, http or file."""
    host: str = ""
    port: int = 0
    pinned: str | None = None
    """The judged IP address to connect to; None: local, or a proxy connects."""

    @property
    def path(self) -> Path:
        """The local path of a file address."""
        return Path(self.url)


def check_address(location: str, *, allow_local: bool, allow_private: bool) -> Address:
    """Return the address of a URL or local path. Raises AddressError saying which rule it breaks.

    allow_local admits local paths, file:// and plain http; allow_private admits hosts inside private networks.
    """
    schemes = ("https", "http", "file") if allow_local else ("https",)
    if _SCHEME.match(location) and not _exists(Path(location)):
        parts = _split(location)
        scheme = parts.scheme.lower()
        if scheme not in schemes or location[len(scheme) :].startswith("::"):
            raise AddressError(f"{location}: scheme {scheme!r} is not allowed; expected {_list(schemes)}")
        if scheme == "file":
            return _local(urllib.request.url2pathname(parts.path), location)
        return _remote(location, parts, allow_private=allow_private)
    if not allow_local:
        raise AddressError(f"{location}: local paths are not allowed here; expected an https URL")
    return _local(location, location)


def is_private(address: str) -> bool:
    """Return whether an IP address is anything but a public one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return not ip.is_global or ip.is_multicast


def _split(location: str) -> SplitResult:
    try:
        parts = urlsplit(location)
        _ = parts.port
    except ValueError as error:
        raise AddressError(f"{location}: not a URL: {error}") from error
    return parts


def _local(path: str, location: str) -> Address:
    absolute = Path(path).expanduser().absolute()
    if not _exists(absolute):
        hint = "; for ssh-like addresses use https" if _SCP_LIKE.match(location) and "//" not in location else ""
        raise AddressError(f"{location}: no such file or folder{hint}")
    return Address(url=str(absolute), scheme="file")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long for a file, or with a null byte
        return False


def _remote(location: str, parts: SplitResult, *, allow_private: bool) -> Address:
    if parts.username is not None or parts.password is not None:
        raise AddressError(f"{_without_user(parts)}: user name or password in a URL is not allowed")
    host = parts.hostname
    if not host or any(character.isspace() or ord(character) < 32 for character in location):
        raise AddressError(f"{location!r}: not a URL with a host")
    scheme = parts.scheme.lower()
    port = parts.port or DEFAULT_PORTS[scheme]
    if scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return Address(url=location, scheme=scheme, host=host, port=port)
    addresses = _resolve(host, port, location)
    if not allow_private and any(is_private(address) for address in addresses):
        raise AddressError(
            f"{location}: {host} is an address of a private network ({addresses[0]}); "
            "set allow_private_addresses = true in [streams] of sheetstream.toml to read it"
        )
    return Address(url=location, scheme=scheme, host=host, port=port, pinned=addresses[0])


def _resolve(host: str, port: int, location: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"{location}: host {host} cannot be resolved: {error}") from error
    return [str(entry[4][0]) for entry in found]


def _without_user(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _list(words: Collection[str]) -> str:
    return ", ".join(words)
