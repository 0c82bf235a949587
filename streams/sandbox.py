"""Read an untrusted PDF in a child process with limits.

PDFium is C++ and ends the process by SIGABRT when memory runs out, so a bad PDF must never be opened in a process
that does anything else. The child (streams/sandbox_child.py) limits its own memory, CPU time and file size, has its
own session, so that it is killed with whatever it started, and ends when this process ends, however that happens.
Request, PDF and answer lie in a temporary folder that only the two share: no pipe can fill up or block.

Blocking: an asyncio process calls it in a thread.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from mapper.errors import DatasheetError
from mapper.model import Datasheet
from streams.config import child_environment
from streams.sandbox_child import REQUEST, Answer, Request

logger = logging.getLogger(__name__)

MEMORY_BYTES = 2 * 1024**3
ANSWER_BYTES = 256 * 1024**2
"""Cap of one file the child writes. A reference manual of 3,000 pages answers with about 20 MB."""

CHILD = (sys.executable, "-P", "-m", "streams.sandbox_child")


def read_sheet(
    pdf: bytes,
    *,
    file: str,
    parts: Sequence[str] = (),
    timeout_seconds: float = 120.0,
    memory_bytes: int = MEMORY_BYTES,
    command: Sequence[str] = CHILD,
) -> Datasheet:
    """Return what mapper.datasheet.read_datasheet gives for these bytes, computed in a child process.

    Raises DatasheetError with the reader's reason, or pdf_timeout (wall or CPU time), pdf_bomb (memory or output over
    the limit), pdf_crash (the child died), internal (a fault of the reader).
    """
    with tempfile.TemporaryDirectory(prefix="sheetstream-pdf-") as name:
        folder = Path(name)
        request = Request(
            file=file,
            parts=tuple(parts),
            cpu_seconds=max(1, round(timeout_seconds)),
            memory_bytes=memory_bytes,
            answer_bytes=ANSWER_BYTES,
        )
        (folder / REQUEST.pdf).write_bytes(pdf)
        (folder / REQUEST.request).write_bytes(TypeAdapter(Request).dump_json(request))
        status = _run(command, folder, file, timeout_seconds)
        return _answer(folder, file, status)


def _run(command: Sequence[str], folder: Path, file: str, timeout_seconds: float) -> int:
    """Run the child to its end and return its exit status, negative for a signal."""
    root = str(Path(__file__).resolve().parents[1])
    with (folder / REQUEST.log).open("wb") as log:
        process = subprocess.Popen(
            [*command, str(folder)],
            stdin=subprocess.PIPE,  # never written: the child ends itself when it closes
            stdout=log,
            stderr=log,
            cwd=folder,
            env=child_environment()
            | {"TMPDIR": str(folder), "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        try:
            return process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise DatasheetError(
                f"{file}: reading took longer than {timeout_seconds:g} s and was stopped", reason="pdf_timeout"
            ) from error
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole process group, also when the child itself has ended, and reap it."""
    with contextlib.suppress(
        ProcessLookupError, PermissionError
    ):  # nobody is left (macOS: PermissionError for a zombie)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _answer(folder: Path, file: str, status: int) -> Datasheet:
    """Return the child's datasheet or raise its error; a child without an answer is an error too."""
    if status == -signal.SIGXCPU:
        raise DatasheetError(f"{file}: reading used up its CPU time and was stopped", reason="pdf_timeout")
    try:
        answer = TypeAdapter(Answer).validate_json((folder / REQUEST.answer).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        logger.warning("sandbox died file=%s status=%d log=%s", file, status, json.dumps(_log_tail(folder)))
        raise DatasheetError(
            f"{file}: the reader died ({_death(status)}), out of memory or broken", reason="pdf_crash"
        ) from error
    if answer.sheet is not None:
        return answer.sheet
    if answer.reason == "internal":
        logger.error("sandbox fault file=%s log=%s", file, json.dumps(_log_tail(folder)))
    raise DatasheetError(answer.message, reason=answer.reason)


def _death(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _log_tail(folder: Path, num_bytes: int = 2000) -> str:
    """Return the end of what the child printed."""
    return (folder / REQUEST.log).read_bytes()[-num_bytes:].decode("utf-8", "replace")
