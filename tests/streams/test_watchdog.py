"""streams/watchdog.py: what counts as a stall, and what a worker does about one."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from streams import watchdog, worker
from streams.config import StreamsSettings
from streams.errors import BrokerError
from streams.metrics import StreamsMetrics
from streams.watchdog import Waiting, Watchdog, watch_partitions
from streams.worker import STALLED_SECONDS, Stall


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def place(reached: int, end: int = 10, number: int = 0, agent: str = "links") -> Waiting:
    return Waiting(agent=agent, partition=("mapping.changes", number), reached=reached, end=end)


def test_input_that_waits_and_never_moves_is_a_stall(clock: Clock) -> None:
    """Not before the time is over; one record that moves begins it anew."""
    dog = Watchdog(180.0, clock=clock)
    found = []
    for reached in (3, 3, 4, 4, 4, 4):
        found.append(len(dog.look([place(reached)], busy=())))
        clock.now += 90

    assert found == [0, 0, 0, 0, 1, 1]


def test_an_idle_partition_and_a_busy_agent_are_none(clock: Clock) -> None:
    """Nothing waits, or the agent has a record in hand that takes its time; other agents' partitions are judged."""
    dog = Watchdog(180.0, clock=clock)
    places = [place(10), place(3, number=1), place(5, number=2, agent="symbols")]
    for _ in range(4):
        found = dog.look(places, busy=["links"])
        clock.now += 90

    assert [stalled.agent for stalled in found] == ["symbols"]


def test_a_partition_that_comes_back_is_new(clock: Clock) -> None:
    """What another worker had meanwhile is judged from its return on."""
    dog = Watchdog(180.0, clock=clock)
    dog.look([place(3)], busy=())
    clock.now += 200
    dog.look([], busy=())

    assert dog.look([place(3)], busy=()) == []


def test_a_worker_that_stalls_ends_after_it_was_seen(clock: Clock) -> None:
    """First it only beats no more; it dies when the stall lasts, and lives when it passes."""
    died: list[int] = []
    stall = Stall(die=died.append, clock=clock)
    stall(True)
    assert stall
    assert not died
    stall(False)
    assert not stall
    stall(True)
    clock.now += STALLED_SECONDS
    stall(True)

    assert died == [70]


@pytest.mark.parametrize(("own", "members", "expected"), [(True, 2, 1.0), (False, 1, 1.0), (False, 2, 0.0)])
def test_a_worker_judges_its_own_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool, members: int, expected: float
) -> None:
    """Those it was assigned; all if it has none and is alone; a broker that is away is no stall."""
    registry, told = CollectorRegistry(), []

    def look_around(*_: object) -> tuple[list[Waiting], int]:
        if len(told) == 1:
            raise BrokerError("away")
        return [place(3)], members

    async def watch() -> None:
        watching = watch_partitions(
            StreamsSettings(home=tmp_path, stall_seconds=0.05),
            None,  # type: ignore[arg-type]
            StreamsMetrics(registry),
            assigned=lambda: {("mapping.changes", 0)} if own else set(),
            busy=lambda: (),
            report=told.append,
        )
        await asyncio.wait_for(watching, 1.0)

    monkeypatch.setattr(watchdog, "look_around", look_around)
    with pytest.raises(TimeoutError):
        asyncio.run(watch())

    assert told[:2] == [False, False]
    assert told[-1] is bool(expected)
    assert registry.get_sample_value("sheetstream_streams_worker_stalled_partitions") == expected


@pytest.mark.parametrize("stalled", [False, True])
def test_a_stalled_worker_beats_no_more(stalled: bool) -> None:
    """So its health check fails; a worker that moves beats."""
    stop, beats, stall = threading.Event(), [], Stall(die=lambda status: None)
    stall(stalled)

    class Nothing:
        def release_idle(self) -> None:
            """Have no process that idles."""

        def check(self) -> None:
            """Have no broker that refuses."""

    async def watch(nothing: Any) -> None:
        running = asyncio.create_task(asyncio.sleep(10))
        asyncio.get_running_loop().call_later(0.3, stop.set)
        await worker._watch(running, [], nothing, stall, nothing, stop, lambda: beats.append(1))
        running.cancel()

    asyncio.run(watch(Nothing()))

    assert bool(beats) is not stalled
