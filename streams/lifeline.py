"""Let no process outlive its parent, however the parent ends (kill -9 included).

Linux sends a signal of our choice when the parent dies (prctl PR_SET_PDEATHSIG, prctl(2)); elsewhere a thread
watches the parent's process id.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 1.0


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> None:
    """Arrange for this process to get signum when its parent ends; at once if that has happened already."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum))
    else:
        threading.Thread(target=_watch, args=(parent, signum), daemon=True, name="lifeline").start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)


def child_setup(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """Return what subprocess's preexec_fn needs so that the child dies with us; None where the system has no such call.

    The system library is loaded here, not in the child: between fork and exec only the call itself may run.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, int(signum))


def _watch(parent: int, signum: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signum)
