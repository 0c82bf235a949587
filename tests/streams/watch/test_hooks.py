"""A delivery counts when it is signed as its forge signs, whatever else it says."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from streams.errors import HookError
from streams.watch.hooks import Delivery, read_delivery
from streams.watch.place import host_of, place_of

SECRET = "a secret of 16 characters or more"
STANDARD = {  # the example of the Standard Webhooks specification
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps({"repository": {"clone_url": "https://Forge.example/V/sdk.git"}, "commits": "\u00e4\u6f22"}).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes = BODY, secret: str = SECRET, **headers: str) -> dict[str, str]:
    made = {"x-github-event": "push", "x-github-delivery": "d1", "x-hub-signature-256": f"sha256={signature(body)}"}
    return made | {"x-hub-signature-256": f"sha256={signature(body, secret)}"} | headers


def read(headers: dict[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: float = 0) -> Delivery:
    return read_delivery(headers, body, secrets=secrets, now=now, window_seconds=300)


def test_githubs_published_example_holds() -> None:
    """The signature in GitHub's documentation is right for its secret and text; the text is no JSON."""
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    with pytest.raises(HookError) as caught:
        read({"x-hub-signature-256": known}, b"Hello, World!", ("It's a Secret to Everybody",))

    assert caught.value.status == 400


def test_the_example_of_rfc_4231_holds() -> None:
    """Gitea and Forgejo send the bare digits of an HMAC-SHA256."""
    known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    with pytest.raises(HookError) as caught:
        read({"x-gitea-signature": known}, b"what do ya want for nothing?", ("Jefe",))

    assert caught.value.status == 400


def test_the_example_of_standard_webhooks_holds() -> None:
    """GitLab's signing token signs id, time and body; at another time, or with another id, it is refused."""
    body, secrets = b'{"test": 2432232314}', (STANDARD_SECRET,)

    assert read(STANDARD, body, secrets, now=1614265330 + 299).forge == "gitlab"
    for changes, now, status in (
        ({}, 1614265330 + 301, 403),
        ({}, 1614265330 - 301, 403),
        ({"webhook-id": "msg_other"}, 1614265330, 401),
        ({"webhook-timestamp": "1614265331"}, 1614265330, 401),
        ({"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, 1614265330, 401),
    ):
        with pytest.raises(HookError) as caught:
            read(STANDARD | changes, body, secrets, now=now)
        assert caught.value.status == status


def test_one_of_several_signatures_or_secrets_is_enough() -> None:
    """While a secret is exchanged both hold."""
    body, many = b'{"test": 2432232314}', f"v1,AAAA v1a,x {STANDARD['webhook-signature']}"
    assert (
        read(STANDARD | {"webhook-signature": many}, body, (SECRET, STANDARD_SECRET), now=1614265330).forge == "gitlab"
    )
    assert read(github(), secrets=("another secret, long enough", SECRET)).forge == "github"


def test_gitlabs_plain_token_is_compared() -> None:
    """Without a signature the secret itself stands in a header."""
    body = b'{"project": {"git_http_url": "https://gitlab.example:8443/g/sub/sdk.git"}}'

    assert read({"x-gitlab-token": SECRET}, body).places == ("gitlab.example:8443/g/sub/sdk",)
    with pytest.raises(HookError):
        read({"x-gitlab-token": SECRET + " "}, body)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-github-event": "push"},
        github(secret="wrong"),
        github() | {"x-hub-signature-256": signature(BODY)},
        github() | {"x-hub-signature-256": f"sha1={signature(BODY)}"},
        github() | {"x-hub-signature-256": f"SHA256={signature(BODY)}"},
        github() | {"x-hub-signature-256": f"sha256={signature(BODY)[:-1]}"},
        github() | {"x-hub-signature-256": f"sha256={signature(BODY)}\u00e9\udcff"},
        github() | {"x-hub-signature-256": ""},
        github() | {"x-gitea-signature": "0" * 64},
        github(BODY + b" "),
        {"x-gitea-signature": f"sha256={signature(BODY)}"},
        {"x-gitlab-token": ""},
        {"x-gitlab-token": SECRET.upper()},
        {"webhook-signature": ""},
        {"x-hub-signature": "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()},
    ],
)
def test_what_is_not_signed_so_is_refused(headers: dict[str, str]) -> None:
    """No header, another secret, prefix, length, case, script or body; a good signature does not help a bad one."""
    with pytest.raises(HookError, match="missing or wrong") as caught:
        read(headers)

    assert caught.value.status == 401
    assert SECRET not in str(caught.value)


def test_without_a_secret_nothing_is_let_in() -> None:
    """An empty list is no open door."""
    with pytest.raises(HookError):
        read(github(), secrets=())


def test_the_bytes_as_they_came_are_signed() -> None:
    """Other spaces, other escapes, the same JSON: another signature."""
    assert read(github()).places == ("forge.example/v/sdk",)
    rewritten = json.dumps(json.loads(BODY), ensure_ascii=False).encode()
    with pytest.raises(HookError):
        read(github(), rewritten)


def test_a_form_has_the_document_in_a_field() -> None:
    """GitHub's other content type; the signature is over the form."""
    body = b"payload=%7B%22repository%22%3A%7B%22html_url%22%3A%22https%3A%2F%2Fforge.example%2Fv%2Fsdk%22%7D%7D"
    headers = github(body) | {"content-type": "application/x-www-form-urlencoded"}

    assert read(headers, body).places == ("forge.example/v/sdk",)


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff\xfe", b"[" * 200_000, b'"x"', b"NaN", b"payload=1"])
def test_what_is_no_document_is_refused_after_the_signature(body: bytes) -> None:
    """Deep, broken and other JSON ends in one short answer."""
    with pytest.raises(HookError) as caught:
        read(github(body), body)

    assert caught.value.status == 400


@pytest.mark.parametrize(
    "document",
    [{}, {"repository": None}, {"repository": {"url": 5}}, {"repository": "x"}, {"project": []}, {"zen": "."}],
)
def test_a_ping_names_no_repository(document: dict[str, Any]) -> None:
    """Whatever stands there, a delivery without an address is none to look at."""
    body = json.dumps(document).encode()
    assert read(github(body), body).places == ()


def test_a_delivery_is_known_by_its_id_and_by_its_content() -> None:
    """A replay under a made-up id has the same content; another forge's id is another one."""
    first, renamed = read(github()), read(github() | {"x-github-delivery": "made up"})
    assert len(first.keys) == 2
    assert set(first.keys) & set(renamed.keys) == {first.keys[1]}
    other = BODY + b" "
    assert set(read(github(other), other).keys) & set(first.keys) == {first.keys[0]}
    assert not set(read({"x-gitea-signature": signature(BODY), "x-gitea-delivery": "d1"}).keys) & set(first.keys)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://GitHub.example/Vendor/SDK.git", "github.example/vendor/sdk"),
        ("https://github.example:443/vendor/sdk/", "github.example/vendor/sdk"),
        ("git@github.example:vendor/sdk.git", "github.example/vendor/sdk"),
        ("ssh://git@github.example:22/vendor/sdk.git", "github.example/vendor/sdk"),
        ("http://forge.example:3000/v/sdk", "forge.example:3000/v/sdk"),
        ("/home/me/sdk", None),
        ("https://x.example/", None),
        ("https://[bad/x", None),
        ("", None),
    ],
)
def test_one_repository_has_one_place(url: str, place: str | None) -> None:
    """However it is written; a local folder has none."""
    assert place_of(url) == place
    assert host_of("https://A.example/x") == "a.example"
    assert host_of("/local/x") == ""


def test_a_signing_token_that_is_no_base64_is_taken_as_text() -> None:
    """A secret that only begins like one still works for those who sign with it as it stands."""
    secret = "whsec_not base64 at all!"
    content = b"i.5." + BODY
    value = base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "i", "webhook-timestamp": "5", "webhook-signature": f"v1,{value}"}

    assert read(headers, secrets=(secret,), now=5).forge == "gitlab"
