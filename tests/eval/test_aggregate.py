"""Scores from raw outputs."""

import math
from dataclasses import replace

import pytest

from eval.aggregate import aggregate, rescore


def test_macro_and_weighted_differ_with_sizes(make_output) -> None:
    """Macro means domains, weighted means items."""
    outputs = [make_output(n, "crypto", nll=10.0) for n in range(9)] + [make_output(0, "usb_stack", nll=20.0)]

    scores = {(s.domain, s.slice): s for s in aggregate(outputs, resamples=200, seed=0) if s.measure == "perplexity"}

    assert scores["macro", "all"].value == pytest.approx((math.e + math.e**2) / 2)
    assert scores["weighted", "held_out"].value == pytest.approx(math.exp(110 / 100))
    assert scores["crypto", "all"].num_items == scores["crypto", "all"].num_files == 9


def test_scores_come_from_raw_outputs_alone(make_result) -> None:
    """A result whose scores were lost gets the same scores again."""
    result = make_result("base")

    assert rescore(replace(result, scores=()), resamples=400, seed=0) == result


def test_domain_with_broken_logits_has_no_value(make_output) -> None:
    """One item without a number leaves the domain's likelihood empty."""
    outputs = [make_output(0, nll=None, text="x"), make_output(1, text="x")]

    scores = {s.measure: s for s in aggregate(outputs, resamples=200, seed=0) if s.domain == "crypto"}

    assert scores["perplexity"].value is None
    assert scores["edit_similarity"].value is not None
