"""Only addresses that may be read pass."""

import socket
from pathlib import Path

import pytest

from streams.errors import AddressError
from streams.watch.address import check_address, is_private


def resolve_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
    )


def test_an_https_url_is_pinned_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller connects to the address that was found public, not to what the name says next time."""
    resolve_to(monkeypatch, "93.184.216.34")

    address = check_address("https://vendor.example/sdk.git", allow_local=False, allow_private=False)

    assert (address.host, address.port, address.pinned) == ("vendor.example", 443, "93.184.216.34")


@pytest.mark.parametrize("inside", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"])
def test_a_name_that_leads_into_a_private_network_is_refused(monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    """A public-looking name cannot make us read an internal service; a setting admits it."""
    resolve_to(monkeypatch, inside)

    with pytest.raises(AddressError, match="private network"):
        check_address("https://vendor.example/x", allow_local=False, allow_private=False)
    assert check_address("https://vendor.example/x", allow_local=False, allow_private=True).pinned == inside


@pytest.mark.parametrize("inside", ["::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "224.0.0.1"])
def test_private_addresses_are_known_in_all_forms(inside: str) -> None:
    """Link-local, unique local, mapped and multicast addresses are no public ones."""
    assert is_private(inside)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("ext::sh -c touch% x", "scheme 'ext' is not allowed"),
        ("https::https://vendor.example/x", "scheme 'https' is not allowed|not a URL"),
        ("ssh://git@vendor.example/x", "scheme 'ssh' is not allowed"),
        ("git://vendor.example/x", "scheme 'git' is not allowed"),
        ("https://user:secret@vendor.example/x", "user name or password"),
        ("https:///nowhere", "not a URL with a host"),
        ("https://vendor.example:99999/x", "not a URL"),
        ("https://vendor.example/x\ny", "not a URL"),
        ("--upload-pack=touch x", "no such file or folder"),
        ("git@vendor.example:sdk.git", "for ssh-like addresses use https"),
        ("/nowhere/at/all", "no such file or folder"),
    ],
)
def test_what_is_refused_says_why(location: str, message: str) -> None:
    """Each hostile or mistaken address is refused before any program sees it."""
    with pytest.raises(AddressError, match=message):
        check_address(location, allow_local=True, allow_private=True)


def test_a_url_longer_than_a_file_name_is_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendors' links have long queries."""
    resolve_to(monkeypatch, "93.184.216.34")

    url = "https://vendor.example/x.pdf?" + "q" * 2000
    assert check_address(url, allow_local=True, allow_private=False).url == url


def test_a_secret_in_a_url_is_not_repeated() -> None:
    """The message about a password does not hold it."""
    with pytest.raises(AddressError) as caught:
        check_address("https://user:secret@vendor.example/x", allow_local=True, allow_private=True)

    assert "secret" not in str(caught.value)


def test_local_paths_need_the_setting(tmp_path: Path) -> None:
    """A cluster reads no local paths, whether given plainly or as file://."""
    for location in (str(tmp_path), tmp_path.as_uri()):
        assert check_address(location, allow_local=True, allow_private=False).path == tmp_path
        with pytest.raises(AddressError, match="not allowed"):
            check_address(location, allow_local=False, allow_private=False)
