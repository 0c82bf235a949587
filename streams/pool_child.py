"""The child process of streams/pool.py: take calls from a pipe, run them within their limits, send answers back.

A limit is set before an item and taken back after it. Memory that runs out is an error here, which is told before the
process ends; CPU time that runs out ends it (SIGXCPU), and time by the clock is the parent's to watch.
"""

import math
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from streams.lifeline import die_with_parent

READY = b"ready"
STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function, and the arguments of each time it is to be called."""

    function: Callable[..., Any]
    items: tuple[tuple[Any, ...], ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    memory_bytes: int | None = None
    cpu_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one item came to: a value, what the function raised, or that memory ran out."""

    value: Any = None
    error: Exception | None = None
    is_out_of_memory: bool = False


def serve(pipe: "Connection[bytes, bytes]") -> None:
    """Answer calls until the pipe is closed, or memory ran out: what a process is like then nobody knows."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; our parent decides what follows
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send_bytes(READY)
    while True:
        try:
            request = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        if not _serve_call(pipe, request):
            return


def _serve_call(pipe: "Connection[bytes, bytes]", request: bytes) -> bool:
    """Return whether the process is fit for another call."""
    try:
        call: Call = pickle.loads(request)  # noqa: S301 - from our parent
    except Exception as error:  # noqa: BLE001 - a function that can not be found here: as if it had raised
        pipe.send_bytes(pickle.dumps(Answer(error=_portable(error))))
        return False
    for item in call.items:
        answer = _answer(call, item)
        try:
            data = pickle.dumps(answer)
        except Exception as error:  # noqa: BLE001 - an answer that does not travel
            data = pickle.dumps(Answer(error=_portable(error)))
        pipe.send_bytes(data)
        if answer.is_out_of_memory:
            return False
    return True


def _answer(call: Call, item: tuple[Any, ...]) -> Answer:
    try:
        _limit(call)
        value = call.function(*item, **call.keywords)
    except MemoryError:
        return Answer(is_out_of_memory=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, it has to cross the process border
        return Answer(error=_portable(error))
    finally:
        _unlimit()
    return Answer(value=value)


def _limit(call: Call) -> None:
    if call.cpu_seconds is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _set_soft(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime) + call.cpu_seconds)
    if call.memory_bytes is not None and sys.platform == "linux":
        _set_soft(resource.RLIMIT_AS, _address_space() + call.memory_bytes)


def _unlimit() -> None:
    for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))


def _set_soft(kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _address_space() -> int:
    """Return the bytes of address space that this process has now."""
    return int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _portable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or its text when it does not survive the way back."""
    trace = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - an error with arguments of its own
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"in the pool's process:\n{trace}")
    return error
