"""Run git on untrusted repositories: every call has the hardened flags, a clean environment and a deadline.

No hook, filter, pager, credential helper, submodule or configuration file takes part; only the transport of the
address at hand is allowed; what arrives is checked by fsck. A call that runs over its time is killed with its helpers.
"""

import os
import resource
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streams.config import child_environment
from streams.errors import RepositoryError
from streams.lifeline import child_setup
from streams.watch.address import Address

LOCAL_SECONDS = 120.0
"""Time limit of a command that reads the mirror."""

LOW_SPEED_BYTES = 1000
LOW_SPEED_SECONDS = 30
"""A transfer slower than this many bytes a second for so long is given up."""

TOO_LARGE = "what it sends is larger than the limit (max_repository_bytes in [streams])"

_SETTINGS = (
    "protocol.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",
    "core.quotePath=false",
    "credential.helper=",
    "transfer.fsckObjects=true",
    # Harmless faults of old histories, which real vendors have:
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "submodule.recurse=false",
    "gc.auto=0",  # agents read old commits too; nothing a mirror ever had may go away
    "maintenance.auto=false",
    "http.followRedirects=false",
    f"http.lowSpeedLimit={LOW_SPEED_BYTES}",
    f"http.lowSpeedTime={LOW_SPEED_SECONDS}",
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GIT_SSH_COMMAND": "false",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}


def git_command(arguments: Sequence[str], *, folder: Path | None = None, address: Address | None = None) -> list[str]:
    """Return the full command line; address opens its transport and no other."""
    settings = list(_SETTINGS)
    if address is not None:
        settings.append(f"protocol.{address.scheme}.allow=always")
        if address.pinned is not None:
            pinned = f"[{address.pinned}]" if ":" in address.pinned else address.pinned
            settings.append(f"http.curloptResolve={address.host}:{address.port}:{pinned}")
    flags = [word for setting in settings for word in ("-c", setting)]
    place = ["--git-dir", str(folder)] if folder is not None else []
    return ["git", *flags, *place, *arguments]


def git_environment() -> dict[str, str]:
    """Return the environment of every git call: nothing of ours but paths and proxies."""
    return child_environment() | _ENVIRONMENT


def run_git(
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    address: Address | None = None,
    timeout_seconds: float = LOCAL_SECONDS,
    max_file_bytes: int | None = None,
) -> bytes:
    """Return what git wrote to stdout. Raises RepositoryError with git's own last words, or about the time limit.

    max_file_bytes ends a git that writes a larger file, such as a pack that it receives.
    """
    try:
        process = subprocess.Popen(
            git_command(arguments, folder=folder, address=address),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=git_environment(),
            start_new_session=True,
            preexec_fn=_setup(address, max_file_bytes),
        )
    except FileNotFoundError as error:
        raise RepositoryError("git is not installed or not in PATH; install git 2.39 or newer") from error
    try:
        answer, complaint = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise RepositoryError(
            _took_long(arguments[0], address, folder, timeout_seconds), host_fault=address is not None
        ) from error
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode != 0:
        raise _fault(arguments[0], complaint.decode("utf-8", "replace"), address, folder)
    return answer


@contextmanager
def stream_git(
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    address: Address | None = None,
    timeout_seconds: float = LOCAL_SECONDS,
) -> Iterator[IO[bytes]]:
    """Give git's stdout to read from as it comes; leaving early ends git. Raises RepositoryError as run_git does."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            git_command(arguments, folder=folder, address=address),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=git_environment(),
            start_new_session=True,
            preexec_fn=_setup(address, None),
        )
        assert process.stdout
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(timeout_seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield process.stdout
            ended_early = bool(process.stdout.read(1))
            if ended_early:
                os.killpg(process.pid, signal.SIGKILL)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
            timer.join()  # a fork while a thread is about to end is warned of
            process.stdout.close()
            process.wait()
        if late.is_set():
            raise RepositoryError(_took_long(arguments[0], address, folder, timeout_seconds), host_fault=True)
        if process.returncode != 0 and not ended_early:
            complaints.seek(0)
            raise _fault(arguments[0], complaints.read().decode("utf-8", "replace"), address, folder)


def _setup(address: Address | None, max_file_bytes: int | None) -> Callable[[], None] | None:
    """Return what a git process does before it starts: those that wait for others may not outlast us."""
    last = child_setup() if address is not None else None
    if max_file_bytes is None:
        return last
    limit = max_file_bytes

    def setup() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if last is not None:
            last()

    return setup


_EXPLANATIONS = (
    ("does not appear to be a git repository", "not a git repository"),
    ("not found", "no git repository there (not found)"),
    (
        "dubious ownership",
        "the repository belongs to another user, so git refuses to read it; copy it, or change its owner",
    ),
    ("could not read Username", "the server asks for a login; only public repositories can be read"),
    ("Authentication failed", "the server asks for a login; only public repositories can be read"),
    ("unable to update url base from redirection", "the server redirects to another address; give that one"),
    ("redirect", "the server redirects to another address; give that one"),
    ("No space left on device", "no space left on the disk"),
    ("couldn't find remote ref", "no such branch or tag"),
    ("died of signal 25", TOO_LARGE),  # SIGXFSZ
    ("File too large", TOO_LARGE),
)
_HOST_EXPLANATIONS = (
    ("Could not resolve host", "the host cannot be resolved"),
    ("Failed to connect", "the server cannot be reached"),
    ("Connection refused", "the server cannot be reached: connection refused"),
    ("returned error: 429", "the server asks for fewer requests"),
    ("returned error: 5", "the server has a fault of its own"),
    ("Operation too slow", "the server answers too slowly"),
    ("timed out", "the server does not answer in time"),
)
"""Faults of a host, which each of its repositories would meet: the others need not try."""


def _fault(verb: str, complaint: str, address: Address | None, folder: Path | None) -> RepositoryError:
    """Return the error about a failed git call, in one line: our words where the cause is known, then git's."""
    where = address.url if address else str(folder)
    lines = [line for line in complaint.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    words = (lines or complaint.splitlines() or ["no message"])[0].strip()
    for explanations, host_fault in ((_EXPLANATIONS, False), (_HOST_EXPLANATIONS, address is not None)):
        for sign, explanation in explanations:
            if sign in complaint:
                return RepositoryError(f"{where}: {explanation} (git: {words[:300]})", host_fault=host_fault)
    return RepositoryError(f"{where}: git {verb} failed: {words[:300]}")


def _took_long(verb: str, address: Address | None, folder: Path | None, seconds: float) -> str:
    where = address.url if address else str(folder)
    return f"{where}: git {verb} took longer than {seconds:g} s and was stopped"
