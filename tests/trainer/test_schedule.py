"""Tests of trainer.schedule."""

import pytest

from trainer.schedule import Bounds, Schedule, decay_is_due, first_schedule, is_finished, with_decay_now


def test_warm_up_constant_and_decay() -> None:
    """The rate rises to the peak, stays, and falls in equal steps towards zero after the last step."""
    schedule = first_schedule(peak=1.0, warmup_steps=3, decay_fraction=0.4, bounds=Bounds(max_steps=10))

    rates = [schedule.learning_rate(step) for step in range(10)]

    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
    assert schedule.end == 10


def test_run_without_end_does_not_decay() -> None:
    """A run that follows the stream for ever keeps the peak."""
    schedule = first_schedule(peak=1.0, warmup_steps=0, decay_fraction=0.4, bounds=Bounds())

    assert schedule.end is None
    assert schedule.learning_rate(10**6) == 1.0


def test_run_bounded_in_time_decays_into_the_rest() -> None:
    """When the share for decay begins, the steps that fit into the time left are fixed."""
    schedule = Schedule(peak=1.0, warmup_steps=0)
    bounds = Bounds(max_seconds=100)

    assert not decay_is_due(trained_seconds=69, decay_fraction=0.3, bounds=bounds)
    assert decay_is_due(trained_seconds=71, decay_fraction=0.3, bounds=bounds)
    assert with_decay_now(schedule, step=20, seconds_left=29, step_seconds=4).end == 27


def test_earlier_end_stays() -> None:
    """A run bounded both ways ends at the bound that comes first."""
    schedule = first_schedule(peak=1.0, warmup_steps=0, decay_fraction=0.5, bounds=Bounds(max_steps=10))

    assert with_decay_now(schedule, step=4, seconds_left=60, step_seconds=1) == schedule
    assert with_decay_now(schedule, step=4, seconds_left=3, step_seconds=1).end == 7


@pytest.mark.parametrize(
    ("step", "seconds", "decay_end", "bounds", "finished"),
    [
        (10, 0.0, None, Bounds(), False),
        (10, 0.0, None, Bounds(max_steps=10), True),
        (9, 0.0, 10, Bounds(max_steps=10), False),
        (9, 95.0, None, Bounds(max_seconds=100), False),
        (9, 95.0, 9, Bounds(max_seconds=100), True),
        (9, 95.0, 9, Bounds(max_seconds=1000), False),
    ],
)
def test_finished(step: int, seconds: float, decay_end: int | None, bounds: Bounds, finished: bool) -> None:
    """A run is finished at its last step, or after the decay that its time bound began; a raised bound reopens it."""
    assert (
        is_finished(step=step, trained_seconds=seconds, decay_end=decay_end, decay_fraction=0.3, bounds=bounds)
        is finished
    )
