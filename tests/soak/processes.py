"""Processes under the hand of a scenario: the product's own, as the supervisor starts them, to be killed or stopped.

A kept process is started again when it dies, as the supervisor does. A failpoint is set for one life.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from streams.failpoints import EXIT_STATUS, SLEEPING

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 40.0
DAMAGE = ("offset gap", "unexpected error", "gauges not refreshed", "look at a source failed")
"""What the log of no process may say, whatever was done to it."""


class Life:
    """One life of a process."""

    def __init__(self, name: str, home: Path, environment: Mapping[str, str], log: Path, failpoint: str) -> None:
        self.name = name
        self.failpoint = failpoint
        self.log = log
        self.was_killed = False
        self.was_asked_to_end = False
        command = [sys.executable, "-m", "deploy.process", name, "--home", str(home), "--metrics-port", "0"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--die-with-parent"],
                env=os.environ | dict(environment) | {"SHEETSTREAM_FAILPOINT": failpoint},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    @property
    def died_at_failpoint(self) -> bool:
        return self.process.poll() == EXIT_STATUS

    @property
    def sleeps_at_failpoint(self) -> bool:
        """Whether it waits at a failpoint set with sleep, by its log."""
        return "=sleep" in self.failpoint and SLEEPING in self.said()

    def said(self) -> str:
        """Return what it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signum)

    def kill(self) -> None:
        """kill -9, and reap."""
        self.was_killed = self.was_killed or not self.is_over
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Ask it to stop, as the supervisor does, and return its status; by force when it does not."""
        self.was_asked_to_end = True
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def damage(self, *, may_end: bool = False) -> list[str]:
        """Return the lines of its log that must not be there, and how it ended if nobody ended it and it may not."""
        found = [f"{self.name}: {line[:300]}" for line in self.said().splitlines() if any(d in line for d in DAMAGE)]
        status = self.process.poll()
        # Asked before its handlers are there, in its first seconds, it ends by the signal itself.
        expected = (None, 0, EXIT_STATUS, *([-signal.SIGTERM] if self.was_asked_to_end else []))
        if status not in expected and not (self.was_killed or may_end):
            found.append(f"{self.name}: ended by itself with status {status}: {self.said()[-600:]}")
        return found
