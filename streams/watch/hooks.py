"""Webhooks of GitHub, GitLab, Gitea and Forgejo: is a delivery from somebody who knows the secret, and which
repository does it speak of?

Pure: bytes and headers in, a value or HookError out. A signature is checked over the bytes as they came, before one of
them is parsed, in constant time and against every secret there is. What a delivery says is a hint of where to look and
is believed in nothing else. How each forge signs (their documentation, and the Standard Webhooks specification):

    GitHub    X-Hub-Signature-256: sha256=HEX           HMAC-SHA256 of the body
    Gitea     X-Gitea-Signature: HEX                    the same; Forgejo calls it X-Forgejo-Signature as well
    GitLab    webhook-signature: v1,BASE64 [v1,...]     HMAC-SHA256 of "ID.TIMESTAMP.BODY", key: base64 after whsec_
              X-Gitlab-Token: SECRET                    no signature, the secret itself
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from mapper.ids import content_id
from streams.errors import HookError
from streams.watch.place import place_of

SIGNING_PREFIX = "whsec_"
MAX_PLACES = 8
_URL_FIELDS = ("clone_url", "git_http_url", "http_url", "html_url", "web_url", "homepage", "url", "ssh_url")
_EVENTS = ("x-forgejo-event", "x-gitea-event", "x-gitlab-event", "x-github-event")
_WRONG = "the signature is missing or wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery from a sender who knows the secret."""

    forge: str
    """github, gitlab or gitea (Forgejo too)."""
    keys: tuple[str, ...]
    """What identifies it: its id as the sender calls it, and its content, as ids are often not signed."""
    places: tuple[str, ...]
    """host/path of the repository it names, as streams.watch.place has them; nothing for a ping."""


def read_delivery(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: float, window_seconds: float
) -> Delivery:
    """Return what a delivery says. headers have small letters.

    Raises HookError: 401 not signed with one of the secrets, 403 signed at another time than about now, 400 no JSON.
    """
    forge = _verify(headers, body, secrets, now, window_seconds)
    return Delivery(
        forge=forge, keys=tuple(_keys(forge, headers, body)), places=tuple(_places(_document(headers, body)))
    )


def forge_of(headers: Mapping[str, str]) -> str:
    """Return which forge a request is from by its own account, "unknown" for none that is known."""
    if "x-forgejo-event" in headers or "x-gitea-event" in headers:
        return "gitea"
    if "x-gitlab-event" in headers:
        return "gitlab"
    return "github" if "x-github-event" in headers else "unknown"


def _verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float, window_seconds: float) -> str:
    """Return the forge whose signature holds: the first that is there decides, no other comes to its help."""
    for name in ("x-forgejo-signature", "x-gitea-signature"):
        if name in headers:
            return _require("gitea", [(headers[name], _hex(secret, body)) for secret in secrets])
    if "webhook-signature" in headers:
        return _verify_standard(headers, body, secrets, now, window_seconds)
    if "x-gitlab-token" in headers:
        return _require("gitlab", [(headers["x-gitlab-token"], secret) for secret in secrets])
    given = headers.get("x-hub-signature-256")
    if given is None:
        raise HookError(_WRONG, status=401)
    return _require("github", [(given, f"sha256={_hex(secret, body)}") for secret in secrets])


def _verify_standard(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float, window_seconds: float
) -> str:
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    content = f"{identity}.{stamp}.".encode("utf-8", "surrogatepass") + body
    wanted = [f"v1,{base64.b64encode(_mac(_signing_key(secret), content)).decode()}" for secret in secrets]
    given = headers["webhook-signature"].split()[: len(secrets) + 8]
    forge = _require("gitlab", [(one, other) for one in given for other in wanted])
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp[:15])) > window_seconds:
        raise HookError("the delivery's time is too far from ours (is this machine's clock right?)", status=403)
    return forge


def _require(forge: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return forge when a pair is equal; all are compared, each in constant time, by digests of one length."""
    held = False
    for given, wanted in pairs:
        held |= hmac.compare_digest(_digest(given), _digest(wanted))
    if not held:
        raise HookError(_WRONG, status=401)
    return forge


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _hex(secret: str, body: bytes) -> str:
    return _mac(secret.encode(), body).hex()


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def _signing_key(secret: str) -> bytes:
    """Return the key of a signing token: base64 after its prefix; any other text is the key itself."""
    if secret.startswith(SIGNING_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _keys(forge: str, headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    names = {
        "gitea": ("x-forgejo-delivery", "x-gitea-delivery"),
        "gitlab": ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
        "github": ("x-github-delivery",),
    }[forge]
    identity = next((headers[name] for name in names if headers.get(name)), None)
    if identity is not None:
        yield content_id("hook1", forge, "id", _digest(identity).hex())
    signed = headers.get("webhook-timestamp", "") if forge == "gitlab" else ""
    yield content_id("hook1", forge, "content", _digest(signed).hex(), hashlib.sha256(body).hexdigest())


def _document(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    text = body
    if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        try:
            text = parse_qs(body, max_num_fields=8).get(b"payload", [b""])[0]
        except ValueError:
            text = b""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise HookError("a JSON object expected (content type application/json)", status=400) from None
    if not isinstance(document, dict):
        raise HookError(f"a JSON object expected, got {type(document).__name__}", status=400)
    return document


def _places(document: dict[str, Any]) -> list[str]:
    found: dict[str, None] = {}
    for name in ("repository", "project"):
        entry = document.get(name)
        if isinstance(entry, dict):
            urls = (entry.get(field) for field in _URL_FIELDS)
            found |= {place: None for url in urls if isinstance(url, str) and (place := place_of(url))}
    return list(found)[:MAX_PLACES]
