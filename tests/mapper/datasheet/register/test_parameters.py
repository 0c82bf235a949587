"""Electrical parameters from tables with min, typ and max columns."""

from dataclasses import replace
from typing import Any

import pytest

from mapper.datasheet import diff_datasheets, read_datasheet
from mapper.datasheet.register.parameters import is_parameter_header

ROWS = (
    ("Parameter", "Symbol", "Conditions", "Min", "Typ", "Max", "Unit"),
    ("Supply voltage", "VDD", "", "1.71", "1.8", "3.6", "V"),
    ("Sleep current", "IDDSL", "at 25 degC", "-", "0.15", "1", "uA"),
)
WIDTHS = (110, 50, 100, 40, 40, 40, 40)


def _parameters(drawing: Any, rules: str) -> list[tuple[str, ...]]:
    drawing.text("Electrical characteristics of this part, see the table below for what holds and when.")
    drawing.table(ROWS, WIDTHS, rules=rules)
    found = read_datasheet(drawing.pdf(), file="a.pdf").parameters
    return [(p.name, p.symbol, p.min, p.typ, p.max, p.unit, p.conditions, p.page) for p in found]  # type: ignore[misc]


@pytest.mark.parametrize("rules", ["all", "horizontal", "none"])
def test_rows_with_values_are_parameters(drawing: Any, rules: str) -> None:
    """Each row with a value gives one, as printed, whether the table is ruled or not; a dash is no value."""
    assert _parameters(drawing, rules) == [
        ("Supply voltage", "VDD", "1.71", "1.8", "3.6", "V", "", 1),
        ("Sleep current", "IDDSL", None, "0.15", "1", "uA", "at 25 degC", 1),
    ]


def test_header_needs_two_limits_and_a_name() -> None:
    """A table with only a maximum, or with limits and nothing else, is none of parameters."""
    assert is_parameter_header(["Parameter", "Min.", "Typ.", "Max.", "Unit"]) == (1, 2, 3)
    assert is_parameter_header(["Parameter", "Max", "Unit"]) == ()
    assert is_parameter_header(["Min", "Max"]) == ()


def test_changed_limit_is_one_change(drawing: Any) -> None:
    """Between two revisions a parameter with another limit gives that limit's old and new value."""
    drawing.text("Electrical characteristics of this part, see the table below for what holds and when.")
    drawing.table(ROWS, WIDTHS)
    old = read_datasheet(drawing.pdf(), file="a.pdf")
    new = replace(old, parameters=(replace(old.parameters[0], max="5.5"), *old.parameters[1:]))

    changes = diff_datasheets(old, new)

    assert [(c.anchor, c.what, c.old, c.new) for c in changes] == [
        ("parameter/Supply voltage VDD", "max", "3.6", "5.5")
    ]
