"""Run git on untrusted repositories: every call has the hardened flags, a clean environment and a deadline.

No hook, filter, pager, credential helper, submodule or configuration file takes part; only the transport of the
address at hand is allowed; what arrives is checked by fsck. A call that runs over its time is killed with its helpers.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from streams.config import child_environment
from streams.errors import RepositoryError
from streams.lifeline import child_setup
from streams.watch.address import Address

LOCAL_SECONDS = 120.0
"""Time limit of a command that reads the mirror."""

LOW_SPEED_BYTES = 1000
LOW_SPEED_SECONDS = 30
"""A transfer slower than this many bytes a second for so long is given up."""

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
) -> bytes:
    """Return what git wrote to stdout. Raises RepositoryError with git's own last words, or about the time limit."""
    try:
        process = subprocess.Popen(
            git_command(arguments, folder=folder, address=address),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=git_environment(),
            start_new_session=True,
            preexec_fn=child_setup() if address is not None else None,  # only those that wait for others may last
        )
    except FileNotFoundError as error:
        raise RepositoryError("git is not installed or not in PATH; install git 2.39 or newer") from error
    try:
        answer, complaint = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        where = address.url if address else str(folder)
        raise RepositoryError(
            f"{where}: git {arguments[0]} took longer than {timeout_seconds:g} s and was stopped"
        ) from error
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode != 0:
        raise RepositoryError(_explain(arguments[0], complaint.decode("utf-8", "replace"), address, folder))
    return answer


_EXPLANATIONS = (
    ("does not appear to be a git repository", "not a git repository"),
    ("not found", "no git repository there (not found)"),
    (
        "dubious ownership",
        "the repository belongs to another user, so git refuses to read it; copy it, or change its owner",
    ),
    ("could not read Username", "the server asks for a login; only public repositories can be read"),
    ("Authentication failed", "the server asks for a login; only public repositories can be read"),
    ("Could not resolve host", "the host cannot be resolved"),
    ("Failed to connect", "the server cannot be reached"),
    ("Connection refused", "the server cannot be reached: connection refused"),
    ("unable to update url base from redirection", "the server redirects to another address; give that one"),
    ("redirect", "the server redirects to another address; give that one"),
    ("No space left on device", "no space left on the disk"),
    ("couldn't find remote ref", "no such branch"),
)


def _explain(verb: str, complaint: str, address: Address | None, folder: Path | None) -> str:
    """Return one line about a failed git call: our words where the cause is known, then git's."""
    where = address.url if address else str(folder)
    lines = [line for line in complaint.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    words = (lines or complaint.splitlines() or ["no message"])[0].strip()
    for sign, explanation in _EXPLANATIONS:
        if sign in complaint:
            return f"{where}: {explanation} (git: {words[:300]})"
    return f"{where}: git {verb} failed: {words[:300]}"
