"""What the demo says while it runs, without a terminal."""

import io

import pytest
from rich.console import Console

from deploy.demo import show as module
from deploy.demo.show import Show


def test_a_stage_says_its_start_its_progress_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain lines: one at the start, one now and then, one at the end."""
    monkeypatch.setattr(module, "PLAIN_LINE_SECONDS", 0.0)
    out = io.StringIO()
    show = Show(Console(file=out))

    with show.stage("learning") as update:
        update(1, 4, "step 1")

    assert out.getvalue().splitlines()[:2] == ["learning ...", "learning 25%: step 1"]
    assert show.seconds["learning"] >= 0


def test_a_failed_stage_has_no_time() -> None:
    """An exception passes through, and the stage does not count as done."""
    show = Show(Console(file=io.StringIO()))

    with pytest.raises(ValueError, match="broken"), show.stage("learning"):
        raise ValueError("broken")

    assert show.seconds == {}
