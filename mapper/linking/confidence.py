"""From evidence to a probability that a link is right.

The raw score of a rule is mapped by a monotone, piecewise linear curve. Its knots are fitted to symbols labelled by
reading (`python -m bench.calibration --all` prints them) and are no property of any one part or repository.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

ACCEPT = 0.65
"""Links below this probability are not made: the symbol counts as having no counterpart."""
ACCEPT_FILE = 0.6
"""Files from this score on are in the answer set of a datasheet."""
KNOTS: Sequence[tuple[float, float]] = (
    (0.0, 0.0),
    (0.305, 0.278),
    (0.403, 0.353),
    (0.614, 0.833),
    (0.648, 0.934),
    (0.671, 0.944),
    (0.69, 0.944),
    (0.707, 0.981),
    (0.979, 0.991),
    (1.0, 0.991),
)


def probability(raw: float) -> float:
    """Return the probability (0 to 1, four decimals) that a link with this raw score is right."""
    raw = min(max(raw, 0.0), 1.0)
    right = min(bisect_right([knot for knot, _ in KNOTS], raw), len(KNOTS) - 1)
    (x0, y0), (x1, y1) = KNOTS[right - 1], KNOTS[right]
    return round(y0 + (y1 - y0) * (raw - x0) / (x1 - x0), 4)


def raw_score(wanted: float) -> float:
    """Return the least raw score, of four decimals, whose probability is at least the wanted one; 1 if none is."""
    return bisect_left(range(10_000), wanted, key=lambda raw: probability(raw / 10_000)) / 10_000
