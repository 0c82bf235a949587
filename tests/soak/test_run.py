"""tests/soak/run.py: each scenario once, then again until the time is over; what breaks is a row that failed."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.__main__ import main
from tests.soak.bench import Bench, Ground
from tests.soak.run import run
from tests.soak.scenario import Row, Scenario, load_scenarios

GOOD = Row(scenario="good", kills=1, records=10, lost=0, doubled=0, resent=2)


def good(bench: Bench) -> Row:
    time.sleep(0.05)
    return replace(GOOD, seconds=bench.random.random())


def broken(bench: Bench) -> Row:
    raise ValueError("no such thing")


def play(folder: Path, *scenarios: Scenario, seconds: float = 0.0, seed: int = 1) -> list[Row]:
    return run(Ground(folder, seed), scenarios, seconds=seconds, lanes=1, say=lambda row: None)


def test_what_breaks_or_can_not_run_has_failed(tmp_path: Path) -> None:
    """One line says why, and the others run all the same."""
    rows = play(
        tmp_path,
        Scenario(name="broken", text="", run=broken),
        Scenario(name="absent", text="", run=good, check=lambda: "no server"),
        Scenario(name="good", text="", run=good),
    )

    assert [row.ok for row in rows] == [False, False, True]
    assert "no such thing" in rows[0].findings[0]
    assert rows[1].findings == ("no server",)


def test_a_seed_gives_the_same_random_numbers(tmp_path: Path) -> None:
    """Another seed gives others."""
    scenario = Scenario(name="good", text="", run=good)
    first, again, other = (play(tmp_path, scenario, seed=seed)[0].seconds for seed in (3, 3, 4))

    assert first == again
    assert first != other


def test_scenarios_come_again_until_the_time_is_over(tmp_path: Path) -> None:
    """A turn that the time has run out for is not begun."""
    rows = play(tmp_path, Scenario(name="good", text="", run=good), seconds=10.0)

    assert 1 < len(rows) <= 3


def test_every_scenario_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """--list prints them; a name that none has is a mistake."""
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(load_scenarios())
    assert all(line.split(": ", 1)[1] for line in listed)
    assert main(["--only", "no such name"]) == 2
