"""streams/pool.py"""

import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from streams.agents.faults import Fault, classify
from streams.pool import Pool


def test_calls_run_in_one_other_process() -> None:
    """Two calls, one process, not ours."""
    with Pool() as pool:
        first, second = pool.call(os.getpid), pool.call(os.getpid)

    assert first == second != os.getpid()
    assert not psutil.pid_exists(first)


def test_no_room_for_its_semaphores_is_a_full_disk() -> None:
    """A record is not to blame: the error is one that is waited out, though Python gives it the number 0."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Pool() as pool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
        try:
            with pytest.raises(OSError, match="no room") as caught:
                pool.call(os.getpid)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert classify(caught.value) is Fault.TRANSIENT
        assert pool.call(abs, -1) == 1


def test_an_exception_comes_back() -> None:
    """What the function raises there is raised here."""
    with Pool() as pool, pytest.raises(ValueError, match="invalid literal"):
        pool.call(int, "x")


def test_a_process_that_dies_is_replaced() -> None:
    """The call it died in fails, the next one does not."""
    with Pool() as pool:
        with pytest.raises(BrokenProcessPool):
            pool.call(os._exit, 3)

        assert pool.call(abs, -1) == 1


def test_an_idle_process_is_released() -> None:
    """Its memory goes back to the system; the next call starts another."""
    with Pool(idle_seconds=0.0) as pool:
        before = pool.call(os.getpid)

        pool.release_idle()

        assert pool.call(os.getpid) != before


def test_the_process_dies_with_its_parent() -> None:
    """Even when that is killed."""
    code = "import os; from streams.pool import Pool\nif __name__ == '__main__':\n"
    code += "    pool = Pool(); print(pool.call(os.getpid), flush=True); pool.call(__import__('time').sleep, 60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _is_running(child):
        time.sleep(0.1)
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
