"""Tests of `python -m trainer`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainer import __main__ as program
from trainer.config import TrainSettings
from trainer.errors import ShardError

WriteShard = Callable[..., Path]


def test_exit_codes(tmp_path: Path, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 when trained, 3 for settings that cannot be used, 1 for other errors."""
    monkeypatch.setattr(program.signal, "signal", lambda *_: None)
    monkeypatch.setattr(program, "load_settings", lambda config: settings)

    def fail(*_: object, **__: object) -> None:
        raise ShardError("shard-000001.tar: damaged")

    monkeypatch.setattr(program, "train", lambda *_, **__: tmp_path)
    assert program.main([]) == 0
    monkeypatch.setattr(program, "train", fail)
    assert program.main([]) == 1
    monkeypatch.undo()
    monkeypatch.setattr(program.signal, "signal", lambda *_: None)
    assert program.main(["--config", str(tmp_path / "absent.toml")]) == 3
