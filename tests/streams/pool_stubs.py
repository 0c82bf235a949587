"""What tests let the pool's process do: loop, take memory, die. Light to import, as each new process does so."""

import ctypes
import os
import signal
import time
from pathlib import Path

from streams.agents.one_file import parse_one

KEPT = []
BOMB, EATER, LOOPER = b"bomb", b"eater", b"looper"


def loop(*_: object) -> None:
    """Never come back."""
    while True:
        pass


def sleep(seconds: float) -> float:
    """Come back late, without any CPU time."""
    time.sleep(seconds)
    return seconds


def take(num_bytes: int) -> int:
    """Take memory for a moment."""
    return len(bytearray(num_bytes))


def keep(num_bytes: int) -> int:
    """Take memory for good."""
    KEPT.append(bytearray(num_bytes))
    return num_bytes


def step(number: int, folder: str = "") -> int:
    """Give the number back; 13 crashes, a negative one is killed the first time."""
    if number == 13:
        ctypes.string_at(0)  # a segmentation fault
    if number < 0 and not (mark := Path(folder, str(number))).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def parse(path: str, data: bytes) -> object:
    """Stand for the parser: some contents kill it, others it takes."""
    if data == LOOPER:
        loop()
    if data == EATER:
        take(1 << 40)
    if data == BOMB:
        ctypes.string_at(0)
    return parse_one(path, data)


def broken(path: str, data: bytes) -> object:
    """Stand for a parser that takes nothing at all: a package is missing, say."""
    raise ImportError("no grammar")
