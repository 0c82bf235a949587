"""Intervals by bootstrap, and what may be called a difference.

Percentile bootstrap over files (Efron 1979; Koehn 2004 for paired comparison of models): items of one file are not
independent. Where a cell holds fewer than six files, its items are resampled instead. With n clusters no paired test
can give less than 2^(1-n) (all signs equal), so p is never below that, and fewer than six clusters never show a
difference.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_CLUSTERS = 6  # the smallest number with 2^(1-n) < 0.05
LEVEL = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its bootstrap draws."""

    value: float
    draws: Floats
    num_clusters: int

    @property
    def interval(self) -> tuple[float, float]:
        low, high = np.percentile(self.draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
        return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus reference with its 95 % interval and two-sided p."""

    value: float
    low: float
    high: float
    p: float
    num_clusters: int

    @property
    def above_zero(self) -> bool:
        return self.num_clusters >= MIN_CLUSTERS and self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.num_clusters >= MIN_CLUSTERS and self.high < 0


class Resampler:
    """Draws of one cell (a domain and slice): the same draws for every measure and model, which is what pairs them."""

    def __init__(self, files: Sequence[str], *, resamples: int, seed: int, name: str) -> None:
        """files: the file of each item, in item order. name: makes the draws of different cells independent."""
        by_file = len(set(files)) >= MIN_CLUSTERS
        labels = sorted(set(files)) if by_file else []
        place = {label: number for number, label in enumerate(labels)}
        self._cluster = np.array([place[file] for file in files] if by_file else range(len(files)), dtype=np.intp)
        self.num_clusters = len(labels) if by_file else len(files)
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        shares = np.full(self.num_clusters, 1 / self.num_clusters)
        self._counts = generator.multinomial(self.num_clusters, shares, size=resamples).astype(np.float64)

    def ratio(
        self, parts: Sequence[tuple[float, float] | None], finish: Callable[[Floats], Floats] = np.positive
    ) -> Estimate | None:
        """Return finish(the ratio of the parts' sums over the cell); None where no item counts."""
        numerators = np.array([0.0 if part is None else part[0] for part in parts])
        denominators = np.array([0.0 if part is None else part[1] for part in parts])
        total = denominators.sum()
        if total <= 0:
            return None
        value = float(numerators.sum() / total)
        tops = self._counts @ self._by_cluster(numerators)
        bottoms = self._counts @ self._by_cluster(denominators)
        draws = np.divide(tops, bottoms, out=np.full_like(tops, value), where=bottoms > 0)
        return Estimate(float(finish(np.array(value))), finish(draws), self.num_clusters)

    def _by_cluster(self, values: Floats) -> Floats:
        return np.bincount(self._cluster, weights=values, minlength=self.num_clusters).astype(np.float64)


def difference(candidate: Estimate, reference: Estimate) -> Difference:
    """Return candidate minus reference, draw by draw: both must come from the same cell's resampler."""
    draws = candidate.draws - reference.draws
    low, high = np.percentile(draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = max(2 * (tail + 1) / (len(draws) + 1), 2.0 ** (1 - candidate.num_clusters))
    value = candidate.value - reference.value
    return Difference(value, float(low), float(high), min(p, 1.0), candidate.num_clusters)


def macro(estimates: Sequence[Estimate]) -> Estimate:
    """Return the plain mean of estimates of independent cells."""
    return Estimate(
        float(np.mean([one.value for one in estimates])),
        np.mean([one.draws for one in estimates], axis=0),
        sum(one.num_clusters for one in estimates),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted for testing all of them (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda number: p_values[number])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, number in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[number]))
        adjusted[number] = highest
    return adjusted
