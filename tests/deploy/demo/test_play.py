"""The demo's folder: made anew, and never at the cost of something else."""

from pathlib import Path

import pytest

from deploy.demo.play import MARKER, start_clean
from deploy.demo.waiting import DemoError


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    """Run twice, it starts clean."""
    home = tmp_path / "demo"
    start_clean(home)
    (home / "ledger.db").write_text("old")

    start_clean(home)

    assert [path.name for path in home.iterdir()] == [MARKER]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Only what the demo made is removed."""
    home = tmp_path / "demo"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")

    with pytest.raises(DemoError, match="left alone"):
        start_clean(home)

    assert (home / "thesis.tex").exists()
