"""The stop rule."""

from eval.complete.stop import apply_stop


def test_completion_has_as_many_lines_as_the_reference() -> None:
    """What a model writes after the asked lines does not count."""
    assert apply_stop("a = 1;\nb = 2;\n", "a = 1;\n") == ("a = 1;\n", "lines")


def test_blank_lines_do_not_count() -> None:
    """A blank line before the answer is kept and costs nothing."""
    assert apply_stop("\nabc\nd\n", "a = 1;\n")[0] == "\nabc\n"


def test_budget_is_one_and_a_half_times_the_reference() -> None:
    """A line that does not end is cut."""
    assert apply_stop("x" * 100, "12345678\n") == ("x" * 14, "budget")


def test_model_that_ends_early_ended_itself() -> None:
    """Fewer lines than asked are the model's own end."""
    assert apply_stop("a", "abc\ndef\n") == ("a", "end")
