"""What is kept between runs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streams.errors import LlmError
from streams.llm.budget import Booking, Budget
from streams.llm.store import Kept, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    store = Store(tmp_path / "llm.db")
    yield store
    store.close()


def test_the_first_answer_is_the_one_that_is_kept(store: Store) -> None:
    """Two processes that asked the same get the same from then on."""
    first = Kept(text="one", prompt_tokens=1, completion_tokens=2)

    assert store.keep("k", "m", first) == first
    assert store.keep("k", "m", Kept(text="two", prompt_tokens=1, completion_tokens=2)) == first
    assert store.find("other") is None


def test_a_day_takes_no_more_than_its_limit(store: Store) -> None:
    """Whatever the order in which threads book."""
    with ThreadPoolExecutor(8) as pool:
        booked = [day for day in pool.map(lambda _: store.book(10, 95), range(20)) if day]

    assert len(booked) == 9
    assert store.spent() == 90


def test_days_are_apart(store: Store) -> None:
    """What was spent yesterday is no matter today."""
    assert store.book(10, 10, "2026-01-01")
    assert store.book(10, 10, "2026-01-02")
    assert store.book(1, 10, "2026-01-02") is None


def test_settling_gives_back_what_was_not_needed(store: Store) -> None:
    """The figure is what was used, for run and day; a prompt that took more counts in full."""
    budget = Budget(store, per_run=100, per_day=1000)

    booking = budget.book(90)
    assert budget.book(20) == "run_budget"
    assert isinstance(booking, Booking)
    budget.settle(booking, 30)

    assert (budget.spent, store.spent()) == (30, 30)
    assert isinstance(budget.book(70), Booking)


def test_a_file_that_is_none_of_ours(tmp_path: Path) -> None:
    """It is named, and left as it is."""
    (tmp_path / "llm.db").write_bytes(b"not a database at all, but some text" * 100)

    with pytest.raises(LlmError, match=r"llm\.db"):
        Store(tmp_path / "llm.db")
