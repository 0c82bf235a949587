"""What the gate lets pass and why it refuses."""

import itertools
from dataclasses import replace

import pytest

from eval.errors import ResultError
from eval.gate import compare, decide
from eval.result import Consistency
from mapper.corpus.domain import DOMAINS


@pytest.fixture
def verdict(make_result, margins, agreeing):
    """Decide about a candidate against the base result."""

    def decided(candidate, *, consistency=agreeing, **changes):
        return decide(make_result("base"), candidate, consistency=consistency, margins=replace(margins, **changes))

    return decided


def test_better_everywhere_is_released(verdict, better) -> None:
    """Without a reason against it, a candidate passes, and each domain is called better."""
    decision = verdict(better)

    assert decision.released
    assert decision.reasons == ()
    assert [row.domain for row in decision.rows] == list(DOMAINS)
    assert {row.verdict for row in decision.rows} <= {"better", "same"}


def test_one_worse_domain_refuses(verdict, make_result) -> None:
    """A domain that got worse beyond its interval is named, however good the others are."""
    candidate = make_result("c", lambda domain, number: 15.0 + number + 10 * (domain == "usb_stack"))

    decision = verdict(candidate)

    assert len(decision.reasons) == 1
    assert decision.reasons[0].startswith("usb_stack (held_out): bits per byte")


def test_slices_are_judged_together_and_apart(make_result, better, margins, agreeing) -> None:
    """Where there are two slices, the table has each domain as a whole and then by slice."""

    def in_two_slices(result):
        halves = zip(result.outputs, itertools.cycle(["in_domain", "held_out"]), strict=False)
        return replace(result, outputs=tuple(replace(output, slice=slice_) for output, slice_ in halves))

    decision = decide(in_two_slices(make_result("base")), in_two_slices(better), consistency=agreeing, margins=margins)

    assert decision.released
    assert [(row.slice, row.num_items) for row in decision.rows[::13]] == [
        ("all", 8),
        ("held_out", 4),
        ("in_domain", 4),
    ]


def test_noise_does_not_refuse(verdict, make_result) -> None:
    """A domain that is worse in some items and better in others is the same."""
    candidate = make_result("c", lambda d, n: 15.0 + n + (d == "crypto") * (5 + (9 if n % 2 else -8)))

    assert verdict(candidate).released


def test_general_code_may_lose_its_margin_only(verdict, make_result) -> None:
    """General code is allowed to get a little worse, not more."""
    little = make_result("c", lambda d, n: 20.0 + n + 0.5 if d == "general" else 15.0 + n)
    much = make_result("c", lambda d, n: 20.0 + n + 4 if d == "general" else 15.0 + n)

    assert verdict(little).released
    assert "at most 5% is allowed" in verdict(much).reasons[0]


def test_same_is_not_better(verdict, make_result) -> None:
    """A candidate that equals the reference is not released, unless improvement is not asked for."""
    candidate = make_result("c", text=lambda domain, number: f"value = {number + 1};\n")

    assert verdict(candidate).reasons[0].startswith("not better")
    assert verdict(candidate, require_improvement=False).released


def test_missing_domain_refuses(make_result, margins, agreeing) -> None:
    """All thirteen domains have to be there."""
    before, after = (
        make_result(name, lambda d, n, more=more: more + n, lambda d, n: f"value = {n};\n", DOMAINS[:-1])
        for name, more in (("base", 20.0), ("c", 15.0))
    )

    decision = decide(before, after, consistency=agreeing, margins=margins)

    assert decision.reasons == (f"no item of {DOMAINS[-1]}: all 13 domains are needed",)


def test_constant_or_zero_scores_refuse(verdict, make_result) -> None:
    """No model scores the same on all items, writes one text everywhere, or is never surprised."""
    constant = verdict(make_result("c", lambda d, n: 15.0))
    one_text = verdict(make_result("c", lambda d, n: 15.0 + n, lambda d, n: "value = 7;\n"))
    zero = verdict(make_result("c", lambda d, n: 0.0))

    assert "the same constant" in constant.reasons[0]
    assert "are the same text" in one_text.reasons[0]
    assert "exactly zero" in zero.reasons[0]


def test_logits_that_are_not_finite_refuse(verdict, make_result) -> None:
    """A diverged model is refused, and no table pretends to compare it."""
    decision = verdict(make_result("c", lambda d, n: None if n == 3 else 15.0 + n))

    assert decision.reasons == ("13 of 104 items have logits that are not finite",)
    assert decision.rows == ()


def test_inconsistent_logits_refuse(verdict, better) -> None:
    """Adapter, merged and reloaded model have to be one; not having compared them refuses too."""
    lost = Consistency(merged=0.8, reloaded=0.0, effect=1.0, agrees=False)

    assert "is its scale lost?" in verdict(better, consistency=lost).reasons[0]
    assert "were not compared" in verdict(better, consistency=None).reasons[0]


def test_likelihood_and_generation_must_tell_one_story(verdict, make_result) -> None:
    """Better by likelihood and clearly worse by what it writes is a broken evaluation."""
    candidate = make_result("c", lambda d, n: 15.0 + n, lambda d, n: f"###### {d}{n}\n")

    assert "disagree in sign" in verdict(candidate).reasons[0]


def test_jump_of_perplexity_alone_is_a_broken_evaluation(verdict, make_result) -> None:
    """Likelihood that collapses while generation stays is named as what it is."""
    candidate = make_result("c", lambda d, n: 60.0 + n)

    assert any("jumped" in reason for reason in verdict(candidate).reasons)


def test_other_suite_or_sizes_do_not_compare(make_result, better, margins) -> None:
    """Results of different suites, sizes or items are no pair."""
    base = make_result("base")

    for change in ({"suite_sha256": "6" * 64}, {"settings": {}}, {"outputs": better.outputs[1:]}):
        with pytest.raises(ResultError):
            compare(base, replace(better, **change), margins=margins)
