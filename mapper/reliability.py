"""Reliability of scores: are links with score 0.8 right in 80 of 100 cases? And the curve that makes them so.

The diagram is the usual one (ten bins, expected calibration error); the curve is fitted by pooling adjacent violators
(isotonic regression; Ayer et al. 1955) over groups of equal size, each share smoothed by one right and one wrong case,
because a group of twenty right links is no proof of certainty.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from mapper.figures import Ratio, number_of, object_of, pages_of, text_of

NUM_BINS = 10
TILT = 0.005
"""Half the rise within a pool: of two links the surer one keeps the higher score."""
MIN_GROUP = 15
"""Outcomes in a group of the fit, at least."""

Outcome = tuple[float, bool]
"""A score, and whether its link is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The links whose scores lie from low to high (high not included, but in the last bin)."""

    low: float
    high: float
    predicted: float | None
    """Mean score, None without a link."""
    observed: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """A reliability diagram."""

    bins: tuple[Bin, ...]
    calibration_error: float | None
    """Mean distance of predicted and observed share, weighted by the links in each bin."""

    @property
    def num_outcomes(self) -> int:
        return sum(entry.observed.total for entry in self.bins)


def reliability(outcomes: Iterable[Outcome]) -> Reliability:
    """Return the diagram of scores from 0 to 1."""
    groups: dict[int, list[Outcome]] = defaultdict(list)
    for score, right in outcomes:
        groups[min(int(score * NUM_BINS), NUM_BINS - 1)].append((score, right))
    bins = tuple(_bin(place, groups.get(place, [])) for place in range(NUM_BINS))
    return Reliability(bins=bins, calibration_error=_error(bins))


def merged(diagrams: Iterable[Reliability]) -> Reliability:
    """Return the diagram of all links of several diagrams."""
    columns = list(zip(*(diagram.bins for diagram in diagrams), strict=True)) or [()] * NUM_BINS
    bins = tuple(_merged_bin(place, entries) for place, entries in enumerate(columns))
    return Reliability(bins=bins, calibration_error=_error(bins))


def read_outcomes(links: Iterable[Mapping[str, object]], gold: Iterable[Mapping[str, object]]) -> tuple[Outcome, ...]:
    """Return score and rightness of the top link of each symbol that was labelled by reading. Raises FormatError."""
    tops: dict[tuple[str, str, str], list[tuple[int, int, float, int]]] = defaultdict(list)
    for row in links:
        if row.get("level") != "symbol":
            continue
        symbol, page = object_of(row, "symbol"), number_of(object_of(row, "anchor"), "page", row)
        key = (
            text_of(object_of(row, "datasheet"), "file", row),
            text_of(symbol, "path", row),
            text_of(symbol, "name", row),
        )
        score = row.get("score")
        if isinstance(score, float | int):
            tops[key].append((number_of(symbol, "line", row), number_of(row, "rank", row), float(score), page))
    outcomes: list[Outcome] = []
    for row in gold:
        if row.get("level") != "symbol" or row.get("source") != "read":
            continue
        found = tops.get((text_of(row, "file", row), text_of(row, "path", row), text_of(row, "name", row)), [])
        line = row.get("line")
        near = min(found, key=lambda top: (abs(top[0] - line) if isinstance(line, int) else 0, top[1]), default=None)
        if near is not None:
            outcomes.append((near[2], near[3] in pages_of(row)))
    return tuple(outcomes)


def fit_curve(outcomes: Iterable[Outcome]) -> tuple[tuple[float, float], ...]:
    """Return the knots of the monotone curve from raw score to share of right links, from (0, 0) to (1, last share).

    A pool rises by TILT around its share, from its first group's mean to its last one's. Without outcomes: a line.
    """
    pools: list[_Pool] = []
    for group in _groups(sorted(outcomes)):
        mean = sum(raw for raw, _ in group) / len(group)
        pools.append(_Pool(mean, mean, sum(right for _, right in group), len(group)))
        while len(pools) > 1 and pools[-2].share >= pools[-1].share:
            last, first = pools.pop(), pools.pop()
            pools.append(_Pool(first.low, last.high, first.right + last.right, first.total + last.total))
    given = [knot for pool in pools for knot in pool.knots()]
    rising = accumulate((share for _, share in given), max)  # two pools may lie nearer than their tilt
    knots = [(raw, share) for (raw, _), share in zip(given, rising, strict=True)]
    return ((0.0, 0.0), *knots, (1.0, knots[-1][1] if knots else 1.0))


@dataclass(frozen=True, slots=True)
class _Pool:
    """Neighbouring groups: mean raw scores of the first and the last, right links, all links."""

    low: float
    high: float
    right: int
    total: int

    @property
    def share(self) -> float:
        return (self.right + 1) / (self.total + 2)

    def knots(self) -> list[tuple[float, float]]:
        if self.low == self.high:
            return [(round(self.low, 3), round(self.share, 3))]
        return [(round(self.low, 3), round(self.share - TILT, 3)), (round(self.high, 3), round(self.share + TILT, 3))]


def _groups(ordered: Sequence[Outcome]) -> list[Sequence[Outcome]]:
    count = max(1, len(ordered) // MIN_GROUP)
    edges = [round(place * len(ordered) / count) for place in range(count + 1)]
    return [ordered[low:high] for low, high in pairwise(edges) if high > low]


def _error(bins: Sequence[Bin]) -> float | None:
    total = sum(entry.observed.total for entry in bins)
    distance = sum(
        entry.observed.total * abs((entry.observed.value or 0.0) - entry.predicted)
        for entry in bins
        if entry.predicted is not None
    )
    return distance / total if total else None


def _merged_bin(place: int, entries: Sequence[Bin]) -> Bin:
    total = sum(entry.observed.total for entry in entries)
    predicted = sum((entry.predicted or 0.0) * entry.observed.total for entry in entries)
    return Bin(
        low=place / NUM_BINS,
        high=(place + 1) / NUM_BINS,
        predicted=predicted / total if total else None,
        observed=Ratio(hits=sum(entry.observed.hits for entry in entries), total=total),
    )


def _bin(place: int, outcomes: Sequence[Outcome]) -> Bin:
    scores = [score for score, _ in outcomes]
    return Bin(
        low=place / NUM_BINS,
        high=(place + 1) / NUM_BINS,
        predicted=sum(scores) / len(scores) if scores else None,
        observed=Ratio(hits=sum(right for _, right in outcomes), total=len(outcomes)),
    )
