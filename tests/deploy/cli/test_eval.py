"""The benchmark on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
DRIVER = "".join(f"int driver_function_{n}(int argument)\n{{\n\treturn argument * {n};\n}}\n" for n in range(12))


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A folder with one driver."""
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/driver.c").write_text(DRIVER)
    return tmp_path / "vendor"


def test_build_counts_items_and_names_what_is_missing(cli: Cli, cli_json: Cli, vendor: Path) -> None:
    """A suite is made of the folders given; domains without items are named."""
    answer = cli_json("eval", "build", "--held-out", vendor, "--items", 3)

    assert answer["items"]["general"] == 3
    assert "no items of infineon_aurix" in cli("eval", "build", "--held-out", vendor, "--items", 3).stderr


def test_baselines_need_no_model(cli: Cli, vendor: Path, home: Path) -> None:
    """They are scored on the suite and kept; what needs likelihood stays empty."""
    cli("eval", "build", "--held-out", vendor, "--items", 3)

    result = cli("eval", "run", "baselines")

    assert result.exit_code == 0
    assert "copy-last-line on suite 1" in result.stdout
    assert len(list((home / "results").glob("*.json"))) == 3


def test_comparison_of_unknown_results_ends_with_6(cli: Cli) -> None:
    """Nothing was scored yet: said in one line."""
    result = cli("eval", "compare")

    assert result.exit_code == 6
    assert "scored: none yet" in result.stderr


def test_run_without_suite_says_how_to_make_one(cli: Cli) -> None:
    """The error names the command that is missing."""
    result = cli("eval", "run", "baselines")

    assert result.exit_code == 2
    assert "sheetstream eval build" in result.stderr


def test_bad_setting_ends_with_3(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting out of range is named with its variable."""
    monkeypatch.setenv("SHEETSTREAM_EVAL_THREADS", "0")

    result = cli("eval", "compare")

    assert result.exit_code == 3
    assert "SHEETSTREAM_EVAL_THREADS" in result.stderr


def test_a_generated_suite_covers_every_domain(cli_json: Cli) -> None:
    """Without any source of one's own the gate has all it asks for."""
    answer = cli_json("eval", "build", "--generated", "--items", 2)

    assert len(answer["items"]) == 13
    assert set(answer["items"].values()) == {2}
