"""Pulling releases."""

import functools
import http.server
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from eval.errors import NotFoundError, SourceUnreachableError, VerificationError
from eval.pull import pull
from eval.registry import Registry
from eval.release import verify_release
from trainer.manifest import checkpoint_digest, read_manifest


@pytest.fixture
def registry(tmp_path: Path, make_checkpoint, released_result) -> Registry:
    """A registry with two releases."""
    registry = Registry(tmp_path / "releases")
    for step in (1, 2):
        folder = make_checkpoint(step)
        manifest = read_manifest(folder)
        registry.publish(folder, checkpoint_digest(folder), manifest, released_result, lambda release: "notes\n")
    return registry


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "pulled"


@pytest.fixture
def address(registry: Registry) -> Iterator[str]:
    """The releases served by the standard library's server, which knows no ranges."""
    with serving(functools.partial(_QuietHandler, directory=str(registry.folder))) as address:
        yield address


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_pulled_release_verifies(registry: Registry, to: Path) -> None:
    """The release is whole, its name holds its digest, and latest names it."""
    path = pull(str(registry.folder), to)

    assert verify_release(path).step == 2
    assert (to / "latest").resolve() == path
    assert visible(to) == ["latest", path.name]


def test_pull_over_http(address: str, to: Path) -> None:
    """Any server of files will do."""
    assert verify_release(pull(address, to)).step == 2


def test_channel_chooses(registry: Registry, to: Path) -> None:
    """The release before the latest, and one by id, which gets no link."""
    previous = pull(str(registry.folder), to, channel="previous")

    assert (to / "previous").resolve() == previous
    assert pull(str(registry.folder), to, channel=registry.state().aliases["previous"]) == previous
    with pytest.raises(NotFoundError, match="nightly: no such release"):
        pull(str(registry.folder), to, channel="nightly")


def test_second_pull_brings_nothing(registry: Registry, to: Path) -> None:
    """What is there and whole is not fetched again; what was damaged is."""
    brought: list[int] = []
    path = pull(str(registry.folder), to)

    pull(str(registry.folder), to, advance=brought.append)
    assert brought == []
    (path / "notes.md").write_text("other")
    pull(str(registry.folder), to, advance=brought.append)
    assert (path / "notes.md").read_text() == "notes\n"


@pytest.mark.parametrize("name", ["adapter/adapter_model.safetensors", "release.json", "adapter/adapter_config.json"])
def test_changed_byte_is_refused(registry: Registry, to: Path, name: str) -> None:
    """Bytes that differ from their digest are refused, and nothing of the release is left."""
    file = registry.path() / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(VerificationError, match="sha256"):
        pull(str(registry.folder), to)
    assert [path.name for path in to.iterdir() if path.name != ".pull.lock"] == []


def test_refusal_keeps_the_release_before(registry: Registry, to: Path) -> None:
    """Latest goes on naming the last whole release."""
    before = pull(str(registry.folder), to, channel=registry.state().aliases["previous"])
    (to / "latest").symlink_to(before.name)
    (registry.path() / "notes.md").write_text("other\n")

    with pytest.raises(VerificationError):
        pull(str(registry.folder), to)
    assert verify_release(to / "latest").step == 1


def interrupt_after(num_bytes: int) -> Callable[[int], None]:
    """Return an advance that raises once so much has come."""
    seen = 0

    def advance(count: int) -> None:
        nonlocal seen
        seen += count
        if seen >= num_bytes:
            raise KeyboardInterrupt

    return advance


@pytest.mark.parametrize("over_http", [False, True])
def test_interrupted_pull_goes_on(
    registry: Registry, address: str, to: Path, monkeypatch: pytest.MonkeyPatch, over_http: bool
) -> None:
    """What came is kept and not visible; the next pull brings the rest only."""
    monkeypatch.setattr("eval.pull.CHUNK_BYTES", 1000)
    source = address if over_http else str(registry.folder)
    brought: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        pull(source, to, advance=interrupt_after(20_000))
    assert visible(to) == []

    release = verify_release(pull(source, to, advance=brought.append))

    assert sum(brought) + 20_000 <= sum(entry.num_bytes for entry in release.files.values()) + 1000


def test_killed_pull_goes_on(registry: Registry, to: Path) -> None:
    """A process killed with -9 in the middle leaves nothing that looks whole."""
    program = (
        "import sys, time; import eval.pull as p; p.CHUNK_BYTES = 1000\n"
        "p.pull(sys.argv[1], p.Path(sys.argv[2]), advance=lambda n: (print(n, flush=True), time.sleep(0.02)))"
    )
    command = [sys.executable, "-c", program, str(registry.folder), str(to)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert visible(to) == []

    assert verify_release(pull(str(registry.folder), to)).step == 2


def test_lost_connection_keeps_what_came(registry: Registry, to: Path) -> None:
    """An answer shorter than announced is no wrong release: the next pull goes on."""

    class Losing(http.server.SimpleHTTPRequestHandler):
        lost = False

        def copyfile(self, source: IO[bytes], outputfile: IO[bytes]) -> None:  # type: ignore[override]
            whole = source.read()
            if self.path.endswith(".safetensors") and not Losing.lost:
                Losing.lost = True
                whole = whole[:1000]
            outputfile.write(whole)

        def log_message(self, format: str, *args: object) -> None:
            pass

    brought: list[int] = []
    with serving(functools.partial(Losing, directory=str(registry.folder))) as address:
        with pytest.raises(SourceUnreachableError, match="too early; pull again"):
            pull(address, to)
        release = verify_release(pull(address, to, advance=brought.append))

    weights = release.files["adapter/adapter_model.safetensors"].num_bytes
    assert sum(brought) == weights - 1000 + release.files["notes.md"].num_bytes


def test_unreachable_source_is_named(to: Path, tmp_path: Path) -> None:
    """A folder that is none, a port that nobody serves and a scheme we don't speak."""
    for source in (str(tmp_path / "none"), "http://127.0.0.1:9", "ftp://example.org/x"):
        with pytest.raises(SourceUnreachableError, match=source):
            pull(source, to)


def test_release_cannot_write_beside_itself(registry: Registry, to: Path) -> None:
    """A registry with a path for an id is refused."""
    file = registry.folder / "registry.json"
    file.write_text(file.read_text().replace(registry.state().aliases["latest"], "../evil"))

    with pytest.raises(Exception, match="a plain name"):
        pull(str(registry.folder), to)
