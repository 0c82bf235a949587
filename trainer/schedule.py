"""The learning rate as a function of the step, and when a run with a bound is over.

Linear warm-up, constant, and a linear decay to zero at the end of a bounded run. Constant-then-decay (Hu et al. 2024,
MiniCPM) instead of a cosine: a run that follows a stream has no known length, and the decay, which gives a good part
of the gain, can be added wherever a run ends.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Where a run ends: at a step, after seconds of training, both (whichever is first), or never."""

    max_steps: int | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The learning rate of every step."""

    peak: float
    warmup_steps: int
    decay_from: int | None = None
    """Finished steps after which decay begins; None while no end is known."""
    decay_steps: int = 0

    @property
    def end(self) -> int | None:
        """The step at which the run ends, when that is known."""
        return None if self.decay_from is None else self.decay_from + self.decay_steps

    def learning_rate(self, step: int) -> float:
        """Return the rate of the step that follows `step` finished ones."""
        warm = self.peak * min(1.0, (step + 1) / (self.warmup_steps + 1))
        if self.decay_from is None or step < self.decay_from:
            return warm
        left = self.decay_from + self.decay_steps - step
        return min(warm, self.peak * max(0.0, left / (self.decay_steps + 1)))


def first_schedule(*, peak: float, warmup_steps: int, decay_fraction: float, bounds: Bounds) -> Schedule:
    """Return the schedule at the start of a run: with max_steps its end is known, with max_seconds not yet."""
    schedule = Schedule(peak=peak, warmup_steps=warmup_steps)
    if bounds.max_steps is None:
        return schedule
    decay_steps = round(bounds.max_steps * decay_fraction)
    return replace(schedule, decay_from=bounds.max_steps - decay_steps, decay_steps=decay_steps)


def decay_is_due(*, trained_seconds: float, decay_fraction: float, bounds: Bounds) -> bool:
    """Return whether so much of max_seconds has gone that the rest is for decay."""
    return bounds.max_seconds is not None and trained_seconds >= bounds.max_seconds * (1 - decay_fraction)


def with_decay_now(schedule: Schedule, *, step: int, seconds_left: float, step_seconds: float) -> Schedule:
    """Return the schedule with a decay that starts after `step` steps and fits into the seconds left.

    A schedule that ends sooner anyway is returned as it is.
    """
    decay_steps = max(1, int(seconds_left / step_seconds))
    if schedule.end is not None and schedule.end <= step + decay_steps:
        return schedule
    return replace(schedule, decay_from=step, decay_steps=decay_steps)


def is_finished(
    *, step: int, trained_seconds: float, decay_end: int | None, decay_fraction: float, bounds: Bounds
) -> bool:
    """Return whether a run has reached its bound; decay_end is the end that a schedule decided, if it has."""
    if bounds.max_steps is not None and step >= bounds.max_steps:
        return True
    due = decay_is_due(trained_seconds=trained_seconds, decay_fraction=decay_fraction, bounds=bounds)
    return due and decay_end is not None and step >= decay_end
