"""Measures of quality."""

import pytest

from eval.scores import (
    BY_NAME,
    c_token_accuracy,
    c_token_lcs,
    edit_similarity,
    exact_match,
    identifier_f1,
    leading_match,
    legacy_accuracy,
    literal_f1,
)


def test_exact_match_forgives_newlines_only() -> None:
    """Line ends may differ, white space may not."""
    assert exact_match("a;\r\nb;\n", "a;\nb;") == 1
    assert exact_match("a;\n", " a;\n") == 0


def test_edit_similarity_is_over_the_longer_text() -> None:
    """One of four characters differs."""
    assert edit_similarity("abcd", "abcx") == 0.75
    assert edit_similarity("ab", "") == 0


def test_token_accuracy_is_positional() -> None:
    """An inserted token spoils every place after it, but not the longest common subsequence."""
    assert c_token_accuracy("x = 1;", "x += 1;") == 0.75
    assert c_token_accuracy("x = 1;", "int x = 1;") == 0
    assert c_token_lcs("x = 1;", "int x = 1;") == 0.8


def test_comments_are_no_code() -> None:
    """A comment in either text changes nothing, and an item of comments alone does not count."""
    assert c_token_accuracy("x = 1; // one", "x = 1; /* uno */") == 1
    assert c_token_accuracy("/* only */", "x") is None


def test_leading_match_counts_tokens_before_the_first_error() -> None:
    """Three tokens agree, whatever follows."""
    assert leading_match("a = b + c;", "a = b - c;") == 3
    assert leading_match("a = b", "a = b; x") == 3


def test_f1_counts_each_use() -> None:
    """Identifiers count as often as they are used; a text without any does not count."""
    assert identifier_f1("a + a + b", "a + b + c") == pytest.approx(4 / 6)
    assert identifier_f1("1 + 2", "a") is None


def test_literals_are_compared_by_value() -> None:
    """Base and suffix of a number do not matter, its value does."""
    assert literal_f1("0x10U | 010 | 3", "16 | 8 | 4") == pytest.approx(4 / 6)


def test_legacy_accuracy_is_over_the_longer_list() -> None:
    """Places of the model's own tokens."""
    assert legacy_accuracy([1, 2, 3], [1, 9, 3, 4]) == 0.5


def test_likelihood_measures_are_ratios_of_sums(make_output) -> None:
    """Perplexity counts tokens, bits per byte count bytes, and an item without likelihood does not count."""
    output = make_output(1)

    assert BY_NAME["perplexity"].parts(output) == (20.0, 10.0)
    assert BY_NAME["bits_per_byte"].parts(output) == (pytest.approx(20 / 0.693147, rel=1e-5), 20.0)
    assert BY_NAME["exact_match"].parts(output) is None
