"""Intervals and differences."""

import numpy as np
import pytest

from eval.statistics import Estimate, Resampler, difference, holm, macro

FILES = [f"file{n}" for n in range(10)]


def resampler(files: list[str] = FILES) -> Resampler:
    return Resampler(files, resamples=2000, seed=0, name="cell")


def test_interval_holds_the_mean() -> None:
    """A ratio lies in its interval, whose width is about that of the normal theory."""
    estimate = resampler().ratio([(float(n), 1.0) for n in range(10)])

    low, high = estimate.interval
    assert estimate.value == 4.5
    assert low < 4.5 < high
    assert high - low == pytest.approx(2 * 1.96 * np.std(range(10)) / 10**0.5, rel=0.15)


def test_ratio_weighs_by_the_denominator() -> None:
    """Nine tokens count nine times; items that do not count are left out."""
    assert resampler().ratio([(9.0, 9.0), (0.0, 1.0), *[None] * 8]).value == 0.9
    assert resampler().ratio([None] * 10) is None


def test_files_are_resampled_where_there_are_enough() -> None:
    """Items of a file come and go together; with few files, items are resampled."""
    assert resampler([f"file{n // 2}" for n in range(20)]).num_clusters == 10
    assert resampler(["one"] * 7 + ["two"] * 3).num_clusters == 10


def test_pairing_finds_a_small_difference() -> None:
    """A constant gain shows although the items differ far more than the models."""
    cell = resampler()
    before = cell.ratio([(float(n), 1.0) for n in range(10)])
    after = cell.ratio([(n - 0.1, 1.0) for n in range(10)])

    found = difference(after, before)

    assert found.below_zero
    assert found.p < 0.05
    assert found.value == pytest.approx(-0.1)
    assert found.low == pytest.approx(-0.1)


def test_few_clusters_never_show_a_difference() -> None:
    """Three items that all got worse may be chance: 2 to the power 1 - 3 is a quarter."""
    cell = resampler(["a", "b", "c"])
    before, after = (cell.ratio([(value, 1.0)] * 3) for value in (1.0, 2.0))

    assert difference(after, before).p == 0.25
    assert not difference(after, before).above_zero


def test_cells_draw_independently_and_repeatably() -> None:
    """A cell's draws depend on its name and the seed alone."""
    parts = [(float(n), 1.0) for n in range(10)]
    one, again = resampler().ratio(parts), resampler().ratio(parts)
    other = Resampler(FILES, resamples=2000, seed=0, name="other").ratio(parts)

    assert (one.draws == again.draws).all()
    assert abs(np.corrcoef(one.draws, other.draws)[0, 1]) < 0.1


def test_macro_is_the_plain_mean() -> None:
    """Every cell counts the same, whatever its size."""
    cells = [Estimate(1.0, np.array([1.0, 2.0]), 8), Estimate(3.0, np.array([3.0, 4.0]), 2)]

    assert macro(cells).value == 2
    assert macro(cells).draws.tolist() == [2.0, 3.0]


def test_holm_steps_down() -> None:
    """The smallest p is multiplied by all, the next by one less, and the order never turns."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
