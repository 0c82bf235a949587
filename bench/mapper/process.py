"""Run a command in a process of its own and say what it took: wall time, CPU time, memory of it and its children."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.1
KIBIBYTES_A_MEBIBYTE = 1024
MAX_SAID = 2000


class CommandError(Exception):
    """A measured command failed; the message is the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a command took.

    cpu_seconds is user and system time of the process and all its children. peak_mib is the largest sum of the
    proportional set sizes (Linux' PSS: a page shared by n processes counts 1/n in each) of the process and its
    children, sampled every SAMPLE_SECONDS; 0 where the system does not tell.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    said: str
    """What it wrote on stderr."""


def run_measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Spent:
    """Return what a command took. Raises CommandError if it does not end with 0."""
    started = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        env=dict(environment) if environment is not None else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else ""))
    reader.start()
    peak = pid = status = 0
    try:
        while not pid:
            peak = max(peak, sum(_pss_kib(each) for each in _family(process.pid)))
            time.sleep(SAMPLE_SECONDS)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    finally:
        if not pid:
            process.kill()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    reader.join()
    if process.stderr is not None:
        process.stderr.close()
    if process.returncode:
        raise CommandError(f"{' '.join(command[:5])} ... ended with {process.returncode}: {said[0][-MAX_SAID:]}")
    return Spent(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=peak / KIBIBYTES_A_MEBIBYTE,
        said=said[0],
    )


def _family(pid: int) -> list[int]:
    """Return a process and all its descendants that are alive."""
    found = [pid]
    for each in found:
        try:
            lists = [task.read_text() for task in Path(f"/proc/{each}/task").glob("*/children")]
        except OSError:
            continue
        found += [int(child) for listed in lists for child in listed.split()]
    return found


def _pss_kib(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:  # noqa: PTH123 - ten times a second
            return next((int(line.split()[1]) for line in rollup if line.startswith("Pss:")), 0)
    except OSError:
        return 0
