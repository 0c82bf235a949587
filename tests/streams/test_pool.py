"""streams/pool.py: a process that exceeds its limits is really killed, and only what it died of is to blame."""

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams.agents.faults import Fault, classify
from streams.errors import PoolError
from streams.pool import Limits, Pool

MIB = 1024 * 1024
STRICT = Limits(name="parse", memory_bytes=256 * MIB, cpu_seconds=30, wall_seconds=20.0)
QUICK = Limits(name="parse", wall_seconds=0.5)


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The functions of pool_stubs.py, which the pool's process can import too."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("pool_stubs")


@pytest.fixture
def pool(stubs: Any) -> Iterator[Pool]:
    """A pool whose process runs."""
    with Pool() as pool:
        pool.call(abs, -1)
        yield pool


def test_calls_run_in_one_other_process() -> None:
    """Two calls, one process, not ours."""
    with Pool() as pool:
        first, second = pool.call(os.getpid), pool.call(os.getpid)

    assert first == second != os.getpid()
    assert not psutil.pid_exists(first)


def test_an_exception_comes_back_with_its_traceback(pool: Pool) -> None:
    """What the function raises there is raised here."""
    with pytest.raises(ValueError, match="invalid literal") as caught:
        pool.call(int, "x")

    assert "Traceback" in caught.value.__notes__[0]


def test_a_process_that_dies_is_replaced(pool: Pool) -> None:
    """The call it died in fails and may be tried again, the next one does not."""
    with pytest.raises(PoolError, match="exit status 3") as caught:
        pool.call(os._exit, 3)

    assert (caught.value.reason, classify(caught.value)) == ("call_crash", Fault.DOUBTFUL)
    assert pool.call(abs, -1) == 1


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(QUICK, "parse_timeout"), (Limits(name="parse", cpu_seconds=1), "parse_timeout")],
    ids=["clock", "cpu"],
)
def test_an_endless_call_is_killed(limits: Limits, reason: str, stubs: Any) -> None:
    """By the clock or by its CPU time: the process is gone, and says why."""
    with Pool(limits=limits) as pool:
        child = pool.call(os.getpid)
        with pytest.raises(PoolError) as caught:
            pool.call(stubs.loop)

        assert caught.value.reason == reason
        assert not is_running(child)


def test_a_call_has_so_much_memory(pool: Pool, stubs: Any) -> None:
    """More is refused with its reason; the same pool then takes a call that stays below."""
    answers = pool.call_each(stubs.take, [(512 * MIB,), (8 * MIB,)], STRICT)

    assert isinstance(answers[0], PoolError)
    assert (answers[0].reason, answers[1]) == ("parse_memory", 8 * MIB)


def test_memory_that_an_earlier_call_kept_is_not_held_against_the_next(pool: Pool, stubs: Any) -> None:
    """The limit is on what a call adds."""
    assert pool.call(stubs.keep, 300 * MIB) == 300 * MIB

    assert pool.call_each(stubs.take, [(100 * MIB,)], STRICT) == [100 * MIB]


def test_one_item_that_kills_leaves_the_others_alone(pool: Pool, stubs: Any) -> None:
    """A segmentation fault, and an exception, are errors in the place of their items."""
    answers = pool.call_each(stubs.step, [(1,), (13,), (2,), ("x",), (3,)], STRICT)

    assert [answers[at] for at in (0, 2, 4)] == [1, 2, 3]
    errors = [answers[at] for at in (1, 3)]
    assert [error.reason for error in errors if isinstance(error, PoolError)] == ["parse_crash", "parse_crash"]
    assert "SIGSEGV" in str(errors[0])
    assert "TypeError" in str(errors[1])


def test_an_item_whose_process_was_killed_once_is_tried_again(pool: Pool, tmp_path: Path, stubs: Any) -> None:
    """By the system when memory is short, say: an innocent item is no error."""
    items = [(number, str(tmp_path)) for number in (1, -1, 2, -2, 3)]

    assert pool.call_each(stubs.step, items, STRICT) == [1, -1, 2, -2, 3]


def test_a_death_does_not_touch_who_waits(pool: Pool) -> None:
    """Calls of other threads run in the next process."""
    with ThreadPoolExecutor(4) as threads:
        dying = threads.submit(pool.call, os._exit, 3)
        waiting = [threads.submit(pool.call, abs, -number) for number in range(3)]

        assert isinstance(dying.exception(), PoolError)
        assert [future.result() for future in waiting] == [0, 1, 2]


def test_the_event_loop_goes_on_while_a_call_does_not(pool: Pool, stubs: Any) -> None:
    """A parser that loops costs its record time, and no heartbeat."""

    async def work() -> list[float]:
        endless = asyncio.create_task(asyncio.to_thread(pool.call_each, stubs.loop, [(1,)], QUICK))
        gaps, last = [], time.monotonic()
        while not endless.done():
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()
        (answer,) = await endless
        assert isinstance(answer, PoolError)
        return gaps

    gaps = asyncio.run(work())

    assert max(gaps) < 0.4 * sum(gaps)
    assert len(gaps) > 20


def test_an_aborted_pool_ends_at_once_and_takes_nothing_more(stubs: Any) -> None:
    """What stops with the worker is no fault of the record."""
    with Pool() as pool:
        child = pool.call(os.getpid)
        threading.Timer(0.3, pool.abort).start()
        for function in (stubs.loop, os.getpid):
            with pytest.raises(PoolError) as caught:
                pool.call(function)

        assert classify(caught.value) is Fault.TRANSIENT
        assert not is_running(child)


def test_an_idle_process_is_released() -> None:
    """Its memory goes back to the system; the next call starts another."""
    with Pool(idle_seconds=0.0) as pool:
        before = pool.call(os.getpid)

        pool.release_idle()

        assert pool.call(os.getpid) != before


def test_the_process_dies_with_its_parent(stubs: Any) -> None:
    """Even when that is killed, and the process is stubs.loop."""
    code = "import os; from streams.pool import Pool\nif __name__ == '__main__':\n"
    code += "    pool = Pool(); print(pool.call(os.getpid), flush=True); pool.call(__import__('time').sleep, 60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and is_running(child):
        time.sleep(0.1)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
