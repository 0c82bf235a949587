"""A datasheet source gives its bytes when they changed, within the rules."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from streams.errors import AddressError, DownloadError
from streams.watch.sheets import Limits, is_pdf, read_release

LIMITS = Limits(max_bytes=1000, allow_local=True, allow_private=True)
PDF = b"%PDF-1.7 content"


class Publisher(BaseHTTPRequestHandler):
    """Serves one PDF with conditional requests, some redirects and some traps."""

    def do_GET(self) -> None:
        if self.path == "/AB%2012.pdf" and self.headers["If-None-Match"] != '"one"':
            self.answer(200, PDF, ETag='"one"', **{"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})
        elif self.path == "/AB%2012.pdf":
            self.answer(304)
        elif self.path == "/moved":
            self.answer(302, Location="/AB%2012.pdf")
        elif self.path == "/loop":
            self.answer(302, Location="/loop")
        elif self.path == "/inside":
            self.answer(302, Location="file:///etc/passwd")
        elif self.path == "/big":
            self.answer(200, b"x" * 1001)
        elif self.path == "/lying":
            self.answer(200, b"x" * 5000, length=False)
        else:
            self.answer(404)

    def answer(self, status: int, body: bytes = b"", *, length: bool = True, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length and status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as publisher:
        threading.Thread(target=publisher.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{publisher.server_port}"
        publisher.shutdown()


def test_a_file_is_read_when_it_changed(tmp_path: Path) -> None:
    """The same size and time mean the same bytes; a rewritten file is read again."""
    path = tmp_path / "AB12.pdf"
    path.write_bytes(PDF)

    first = read_release(str(path), limits=LIMITS)

    assert first is not None
    assert (first.data, first.file) == (PDF, "AB12.pdf")
    assert read_release(str(path), limits=LIMITS, etag=first.etag) is None
    path.write_bytes(PDF + b"!")
    second = read_release(str(path), limits=LIMITS, etag=first.etag)
    assert second is not None
    assert second.data == PDF + b"!"


def test_a_url_is_asked_conditionally(server: str) -> None:
    """The server's tag comes back to it, and then nothing is transferred."""
    release = read_release(f"{server}/AB%2012.pdf", limits=LIMITS)

    assert release is not None
    assert (release.data, release.file, release.etag, release.released_at) == (PDF, "AB 12.pdf", '"one"', 1704067200)
    again = read_release(f"{server}/AB%2012.pdf", limits=LIMITS, etag=release.etag, last_modified=release.last_modified)
    assert again is None


def test_a_redirect_is_followed_and_the_first_name_kept(server: str) -> None:
    """Vendors' short links work."""
    release = read_release(f"{server}/moved", limits=LIMITS)

    assert release is not None
    assert (release.data, release.file) == (PDF, "moved")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/loop", "more than 5 redirects"),
        ("/inside", "redirects to a local file"),
        ("/big", "larger than the limit of 1000 bytes"),
        ("/lying", "larger than the limit of 1000 bytes"),
        ("/nothing", "the server answers 404"),
    ],
)
def test_what_a_server_should_not_do_is_refused(server: str, path: str, message: str) -> None:
    """Loops, ways to local files, too much data and missing pages are errors that name the address."""
    with pytest.raises(DownloadError, match=message) as caught:
        read_release(server + path, limits=LIMITS)

    assert server in str(caught.value)


def test_a_private_address_needs_the_setting(server: str) -> None:
    """Loopback is private: nobody makes us read a service of this machine."""
    with pytest.raises(AddressError, match="private network"):
        read_release(f"{server}/moved", limits=Limits(max_bytes=1000, allow_local=True, allow_private=False))


def test_a_name_that_moves_into_the_private_network_is_caught(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer of the connection is judged too, not only what the name said first."""
    monkeypatch.setattr("streams.watch.address._resolve", lambda *_: ["93.184.216.34"])

    with pytest.raises(DownloadError, match="leads into a private network"):
        read_release(f"{server}/moved", limits=Limits(max_bytes=1000, allow_local=True, allow_private=False))


@pytest.mark.parametrize(("name", "message"), [("gone.pdf", "no such file"), ("folder", "not a file")])
def test_what_is_no_file_is_said_to_be_none(tmp_path: Path, name: str, message: str) -> None:
    """A missing file and a folder give different messages."""
    (tmp_path / "folder").mkdir()

    with pytest.raises((AddressError, DownloadError), match=message):
        read_release(str(tmp_path / name), limits=LIMITS)


def test_an_unreachable_server_is_an_error_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on the discard port."""
    monkeypatch.setenv("no_proxy", "*")

    with pytest.raises(DownloadError, match=r"http://127.0.0.1:9/x.pdf: cannot be downloaded"):
        read_release("http://127.0.0.1:9/x.pdf", limits=LIMITS)


def test_the_magic_may_follow_some_junk() -> None:
    """As readers do it."""
    assert is_pdf(b"junk\n" + PDF)
    assert not is_pdf(b"<html>" + b" " * 2000 + PDF)
