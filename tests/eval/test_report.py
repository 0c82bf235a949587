"""Results beside each other."""

import pytest

from eval.errors import NotFoundError
from eval.gate import compare
from eval.report import baseline_results, compare_results, domain_scores, find_result, show
from eval.result import write_result


def test_comparison_pairs_the_measures(make_result, better, margins) -> None:
    """Macro and weighted means of both, and a row for each domain."""
    base = make_result("base")

    comparison = compare_results(base, better, compare(base, better, margins=margins))

    (before, after), *_ = comparison.measures
    assert before.measure == after.measure == "perplexity"
    assert before.value > after.value
    assert len(comparison.rows) == 13


def test_results_are_found_by_what_they_are_of(make_result, better, settings) -> None:
    """By role, by the checkpoint's name and by digest; an unknown one lists those there are."""
    for result in (make_result("base"), better):
        write_result(settings.results_dir, result)

    assert find_result(settings, "base").model.name == "base"
    assert find_result(settings, "latest") == find_result(settings, "step-00000040") == better
    with pytest.raises(NotFoundError, match="scored: base, step-00000040"):
        find_result(settings, "released")


def test_baselines_leave_likelihood_empty(build, settings) -> None:
    """A measure that does not apply is a dash, never an estimate."""
    copy, *_ = baseline_results(build(), settings)

    _domain, count, scores = domain_scores(copy)[0]
    assert count == 1
    assert show(scores[0]) == "-"
    assert show(scores[4]) != "-"
