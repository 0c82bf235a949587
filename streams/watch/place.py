"""What a repository's address and a forge's word for it have in common: host and path, however it is fetched."""

import re
from urllib.parse import urlsplit

from streams.watch.address import DEFAULT_PORTS

_SCP_LIKE = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)")


def place_of(url: str) -> str | None:
    """Return host/path of a repository's URL, None for what is no URL of the network (a local folder).

    Small letters, without user, default port, and .git at the end: https, ssh and web address give the same.
    """
    scp = _SCP_LIKE.fullmatch(url)
    try:
        parts = urlsplit(f"ssh://{scp[1]}/{scp[2]}" if scp else url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    path = parts.path.strip("/").removesuffix(".git").rstrip("/")
    if parts.scheme not in {*DEFAULT_PORTS, "ssh", "git"} or not host or not path:
        return None
    shown = "" if port is None or parts.scheme == "ssh" or port == DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{host}{shown}/{path}".lower()


def host_of(location: str) -> str:
    """Return the host that a source lies on; "" for a local one."""
    try:
        parts = urlsplit(location)
        return (parts.hostname or "") if parts.scheme in DEFAULT_PORTS else ""
    except ValueError:
        return ""
