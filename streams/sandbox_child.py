"""The child process of streams/sandbox.py: read one PDF under limits and write the answer next to it.

Run as `python -m streams.sandbox_child FOLDER`. The limits are set before the reader's libraries are imported.
"""

import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from mapper.errors import DatasheetError
from mapper.model import Datasheet

Reader = Callable[[bytes, str, Sequence[str]], Datasheet]


class _Files(NamedTuple):
    """Names inside the shared folder."""

    request: str = "request.json"
    pdf: str = "input.pdf"
    answer: str = "answer.json"
    log: str = "log.txt"


REQUEST = _Files()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to read, and with how much."""

    file: str
    parts: tuple[str, ...]
    cpu_seconds: int
    memory_bytes: int
    answer_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A datasheet, or why there is none."""

    sheet: Datasheet | None = None
    reason: str = ""
    message: str = ""


def serve(folder: Path, read: Reader) -> None:
    """Read the folder's PDF with `read` and write the answer; the caller's process is limited from here on."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    request = TypeAdapter(Request).validate_json((folder / REQUEST.request).read_bytes())
    _limit(request)
    answer = _read(folder, request, read)
    try:
        _write(folder, answer)
    except (OSError, MemoryError):
        _write(folder, Answer(reason="pdf_bomb", message=f"{request.file}: what was read exceeds the output limit"))


def _read(folder: Path, request: Request, read: Reader) -> Answer:
    try:
        return Answer(sheet=read((folder / REQUEST.pdf).read_bytes(), request.file, request.parts))
    except DatasheetError as error:
        return Answer(reason=error.reason, message=str(error))
    except MemoryError:
        limit = f"{request.memory_bytes / 1024**3:.1f} GiB"
        return Answer(reason="pdf_bomb", message=f"{request.file}: reading needs more memory than the limit of {limit}")
    except Exception as error:  # noqa: BLE001 - whatever the reader raises has to cross the process border
        traceback.print_exc()
        return Answer(reason="internal", message=f"{request.file}: the reader failed: {type(error).__name__}: {error}")


def _write(folder: Path, answer: Answer) -> None:
    (folder / REQUEST.answer).write_bytes(TypeAdapter(Answer).dump_json(answer))


def _limit(request: Request) -> None:
    """Set this process's resource limits; a platform that lacks one goes without."""
    for kind, limit in (
        ("RLIMIT_AS", request.memory_bytes),
        ("RLIMIT_CPU", request.cpu_seconds),
        ("RLIMIT_FSIZE", request.answer_bytes),
        ("RLIMIT_CORE", 0),
    ):
        try:
            resource.setrlimit(getattr(resource, kind), (limit, limit))
        except (AttributeError, ValueError, OSError):
            sys.stderr.write(f"{kind} cannot be set here\n")


def _end_with_parent() -> None:
    """Kill this process's group when standard input closes: the parent holds its other end and never writes."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _read_datasheet(pdf: bytes, file: str, parts: Sequence[str]) -> Datasheet:
    from mapper.datasheet import read_datasheet

    return read_datasheet(pdf, file=file, parts=parts)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), _read_datasheet)
