"""The figures of one set: ours and the baselines on the same labels, plain and hidden, and how they are shown."""

import json
import re
from pathlib import Path

import pytest

from bench.mapper.kernel import NoKernelError, kernel_folder
from bench.mapper.measure import OURS, Measured, gold_symbols, hide, measure_case, set_sizes
from bench.mapper.report import report_json, report_lines
from bench.mapper.sets import Case, Places
from bench.mapper.trees import Parser


@pytest.fixture
def measured(case: Case) -> list[Measured]:
    concealed = hide(case, ["ZQ4071"])
    return [
        *measure_case(case, Parser(None).parse(case.tree), hidden=False),
        *measure_case(concealed, Parser(None).parse(concealed.tree), hidden=True),
    ]


def test_every_method_is_scored_on_the_same_labels(measured: list[Measured]) -> None:
    """Ours, four rankings with two queries and the part number, each also by role: one row each, names plain."""
    plain = {m.method: m for m in measured if not m.hidden}

    assert len(plain) == 1 + 4 * 2 * 2 + 2
    assert {m.report.hit_at_1.total for m in plain.values()} == {1}
    assert plain[OURS].report.hit_at_1.hits == plain["partnumber"].report.hit_at_1.hits == 1
    assert plain["tfidf whole"].report.read[-1].nil.hits == 0


def test_without_names_the_part_number_finds_nothing(measured: list[Measured]) -> None:
    """What is left are registers and words."""
    hidden = {m.method: m for m in measured if m.hidden}

    assert hidden["partnumber"].report.hit_at_1.hits == 0
    assert hidden[OURS].report.hit_at_1.hits == 1


def test_the_hidden_case_has_no_name_and_the_same_labels(case: Case) -> None:
    """Labels point into the hidden tree."""
    hidden = hide(case, ["ZQ4071"])

    assert not any(re.search(rb"4071", path.encode() + data) for path, data in hidden.tree.contents.items())
    assert {row["path"] for row in hidden.gold} <= set(hidden.tree.contents)
    assert set_sizes(hidden.gold) == set_sizes(case.gold) == {"zq4071.pdf": 1}


def test_each_labelled_symbol_is_asked_about_once(case: Case) -> None:
    """Labels of one symbol from two sources are one question."""
    names = [symbol.name for symbol in gold_symbols([*case.gold, case.gold[1]])["zq4071.pdf"]]

    assert names == ["ZQ4071_REG_STATUS", "ZQ4071_REG_RATE", "motor_step"]


def test_totals_come_first_and_every_share_has_its_denominator(measured: list[Measured]) -> None:
    """The text begins with the totals, plain and hidden; the JSON holds every method with what it ran on."""
    lines = list(report_lines(measured, details=True))
    figures = json.loads(json.dumps(report_json(measured)))

    assert lines[0].startswith("== tuned on, names plain: made up")
    assert any(line.split()[:3] == [OURS, "1.000", "1/1"] for line in lines)
    assert set(figures["sets"]) == {"made up, names plain", "made up, names hidden"}
    assert figures["environment"]["libraries"]["scikit-learn"]


def test_a_missing_kernel_says_how_to_get_it(tmp_path: Path, places: Places) -> None:
    """The message names the package; a folder given is taken as it is."""
    with pytest.raises(NoKernelError, match="apt install linux-source"):
        kernel_folder(tmp_path / "none.tar.xz", places)

    assert kernel_folder(tmp_path, places) == tmp_path
