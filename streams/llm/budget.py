"""The budget: tokens are booked before a prompt is sent, for the run and for the day, and corrected by its answer."""

import threading
from dataclasses import dataclass

from streams.llm.store import Store


@dataclass(frozen=True, slots=True)
class Booking:
    """Tokens that one prompt and its answer may take, and the day they were booked on."""

    tokens: int
    day: str


class Budget:
    """The tokens that a run, and all runs of a day, may still take."""

    def __init__(self, store: Store, *, per_run: int, per_day: int) -> None:
        self._store = store
        self._per_run = per_run
        self._per_day = per_day
        self._spent = 0
        self._lock = threading.Lock()

    @property
    def spent(self) -> int:
        """Return the tokens of this run, booked ones included."""
        return self._spent

    def book(self, tokens: int) -> Booking | str:
        """Return a booking, or which budget is too small for it: run_budget or day_budget."""
        with self._lock:
            if self._spent + tokens > self._per_run:
                return "run_budget"
            day = self._store.book(tokens, self._per_day)
            if day is None:
                return "day_budget"
            self._spent += tokens
        return Booking(tokens, day)

    def settle(self, booking: Booking, tokens: int) -> None:
        """Put what a prompt really took in the place of what was booked for it."""
        with self._lock:
            self._spent += tokens - booking.tokens
        self._store.correct(booking.day, tokens - booking.tokens)
