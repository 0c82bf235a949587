"""From evidence to a probability that a link is right.

The raw score of a rule is mapped by a monotone, piecewise linear curve; its knots were set on labelled development
data and are no property of any one part or repository.
"""

from bisect import bisect_right
from collections.abc import Sequence

ACCEPT = 0.6
"""Links below this probability are not made: the symbol counts as having no counterpart."""
ACCEPT_FILE = 0.6
"""Files from this score on are in the answer set of a datasheet."""
SCORE_STEP = 0.03
"""Scores of files closer than this say nothing about which is the better answer."""
CONTENT_STEP = 0.0001
"""The same for files that no name decided about: there ports are told apart before."""
KNOTS: Sequence[tuple[float, float]] = ((0.0, 0.0), (0.4, 0.2), (0.55, 0.5), (0.65, 0.75), (0.8, 0.9), (1.0, 0.98))


def probability(raw: float) -> float:
    """Return the probability (0 to 1, four decimals) that a link with this raw score is right."""
    raw = min(max(raw, 0.0), 1.0)
    right = min(bisect_right([knot for knot, _ in KNOTS], raw), len(KNOTS) - 1)
    (x0, y0), (x1, y1) = KNOTS[right - 1], KNOTS[right]
    return round(y0 + (y1 - y0) * (raw - x0) / (x1 - x0), 4)
