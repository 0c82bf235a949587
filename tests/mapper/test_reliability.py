"""Reliability of scores and the curve fitted to outcomes."""

import pytest

from mapper.reliability import MIN_GROUP, fit_curve, merged, read_outcomes, reliability


def test_the_diagram_compares_prediction_and_observation() -> None:
    """Four links scored 0.9 of which three are right: predicted 0.9, observed 0.75, the error is their distance."""
    diagram = reliability([(0.9, True), (0.9, True), (0.9, True), (0.9, False)])

    (full,) = [entry for entry in diagram.bins if entry.predicted is not None]
    assert (full.low, full.predicted, full.observed.value) == (0.9, pytest.approx(0.9), 0.75)
    assert diagram.calibration_error == pytest.approx(0.15)
    assert diagram.num_outcomes == 4


def test_a_score_of_one_falls_into_the_last_bin() -> None:
    """Ten bins hold all scores, also the largest; nothing at all has no error."""
    assert reliability([(1.0, True)]).bins[-1].observed.hits == 1
    assert reliability([]).calibration_error is None


def test_diagrams_of_two_sets_add_up() -> None:
    """Two diagrams merged are the diagram of all their links; none at all is an empty one."""
    first, second = [(0.9, True), (0.3, False)], [(0.95, False)]

    assert merged([reliability(first), reliability(second)]) == reliability(first + second)
    assert merged([]) == reliability([])


def test_the_curve_is_monotone_and_smoothed() -> None:
    """A higher raw score never means a lower probability, and no group makes certainty."""
    outcomes = [(0.2, False)] * MIN_GROUP + [(0.5, True)] * MIN_GROUP + [(0.7, False)] * MIN_GROUP
    outcomes += [(0.9, True)] * MIN_GROUP

    shares = [share for _, share in fit_curve(outcomes)]

    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_without_outcomes_the_curve_is_the_straight_line() -> None:
    """Nothing is known, so a raw score stands for itself."""
    assert fit_curve([]) == ((0.0, 0.0), (1.0, 1.0))


def test_outcomes_come_from_the_top_links_of_read_symbols() -> None:
    """The link of rank 1 counts, right when its page is among the anchors; labels made mechanically do not count."""
    link = {
        "level": "symbol", "datasheet": {"file": "s.pdf"}, "anchor": {"page": 4}, "score": 0.8, "rank": 1,
        "symbol": {"path": "a.c", "name": "A", "line": 3},
    }  # fmt: skip
    gold = {"level": "symbol", "file": "s.pdf", "path": "a.c", "name": "A", "line": 3}
    read = {**gold, "source": "read", "anchors": [{"page": 4}]}

    assert read_outcomes([{**link, "rank": 2, "score": 0.7}, link], [read, {**gold, "page": 9}]) == ((0.8, True),)


def test_pools_nearer_than_their_tilt_do_not_fall() -> None:
    """A pool ends half a hundredth above its share; the next one, hardly surer, starts no lower."""
    wrong = {0.2: 0, 0.3: 7, 0.4: 5}

    outcomes = [(raw, place >= count) for raw, count in wrong.items() for place in range(100)]
    shares = [share for _, share in fit_curve(outcomes)]

    assert shares == sorted(shares)
