"""supervisord as we configure it: restarts, failed processes, and no survivors."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import SupervisorError
from deploy.local.home import Home
from deploy.local.supervisor import Supervisor

SLEEPER = [sys.executable, "-c", "from streams.lifeline import *; die_with_parent(); import time; time.sleep(300)"]


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home with % and space")
    made.create()
    return made


@pytest.fixture
def supervisor(home: Home) -> Iterator[Supervisor]:
    made = Supervisor(home)
    yield made
    made.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    return next(state.pid for state in supervisor.states() if state.name == name)


@pytest.mark.slow
def test_a_killed_process_comes_back(supervisor: Supervisor) -> None:
    """kill -9 of a process leads to a new one."""
    supervisor.start({"sleeper": SLEEPER}, {}, failures=3)
    supervisor.start_process("sleeper")
    wait_for(lambda: pid_of(supervisor, "sleeper") > 0)
    first = pid_of(supervisor, "sleeper")
    time.sleep(1.0)

    os.kill(first, signal.SIGKILL)

    wait_for(lambda: pid_of(supervisor, "sleeper") not in (0, first))


@pytest.mark.slow
def test_a_process_that_keeps_dying_is_failed(supervisor: Supervisor) -> None:
    """After so many quick deaths it is shown as failed, with the others untouched."""
    supervisor.start({"dying": [sys.executable, "-c", "raise SystemExit(1)"], "sleeper": SLEEPER}, {}, failures=1)
    supervisor.start_process("dying")
    supervisor.start_process("sleeper")

    wait_for(lambda: {state.name: state.state for state in supervisor.states()}["dying"] == "failed")

    assert pid_of(supervisor, "sleeper") > 0


def test_states_without_a_supervisor_is_an_error(home: Home) -> None:
    """Asking a home where nothing runs says so."""
    with pytest.raises(SupervisorError, match="no supervisor answers"):
        Supervisor(home).states()


@pytest.mark.slow
def test_nothing_outlives_a_killed_parent(home: Home) -> None:
    """kill -9 of the process that started the supervisor ends the supervisor and all its processes."""
    script = f"""
import pathlib, time
from deploy.local.home import Home
from deploy.local.supervisor import Supervisor
supervisor = Supervisor(Home(pathlib.Path({str(home.root)!r})))
supervisor.start({{"sleeper": {SLEEPER!r}}}, {{}}, failures=1)
supervisor.start_process("sleeper")
print("started", flush=True)
time.sleep(300)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        wait_for(lambda: len(psutil.Process(parent.pid).children(recursive=True)) == 2)
        family = psutil.Process(parent.pid).children(recursive=True)

        parent.kill()

        wait_for(lambda: not any(process.is_running() for process in family))


@pytest.mark.slow
def test_a_new_supervisor_waits_for_a_killed_runs_one(home: Home) -> None:
    """Right after kill -9 the old supervisor still stops its processes; a new start waits instead of failing."""
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); time.sleep(3); time.sleep(3)"
    script = f"""
import pathlib, sys, time
from deploy.local.home import Home
from deploy.local.supervisor import Supervisor
supervisor = Supervisor(Home(pathlib.Path({str(home.root)!r})))
supervisor.start({{"stubborn": [sys.executable, "-c", {stubborn!r}]}}, {{}}, failures=1)
supervisor.start_process("stubborn")
print("started", flush=True)
time.sleep(300)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        time.sleep(1.0)
        parent.kill()
    supervisor = Supervisor(home)

    supervisor.await_predecessor()
    supervisor.start({"sleeper": SLEEPER}, {}, failures=1)

    assert [state.name for state in supervisor.states()] == ["sleeper"]
    supervisor.stop()
