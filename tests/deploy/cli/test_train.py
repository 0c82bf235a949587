"""Training and the base model on the command line, with stand-ins for what takes long."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer import model
from trainer.errors import ModelError, ShardError
from trainer.tiny import tiny_olmo3

Cli = Callable[..., Any]


def test_train_prints_the_checkpoint(home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint's folder is all that is on stdout; options are passed on as settings."""
    seen: list[Any] = []

    def train(settings: object, **_: object) -> Path:
        seen.append(settings)
        return home / "checkpoints" / "step-00000003"

    monkeypatch.setattr("trainer.follow.train", train)

    result = cli("train", "--max-steps", 3)

    assert result.stdout == f"{home}/checkpoints/step-00000003\n"
    assert (seen[0].home, seen[0].max_steps) == (home, 3)


def test_nothing_to_train_on_is_no_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a batch's worth of data the command says so and ends with 0."""
    monkeypatch.setattr("trainer.follow.train", lambda *_, **__: None)

    result = cli("train")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to learn from yet" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"), [(ShardError("shard-000001.tar: damaged"), 5), (ModelError("nothing: no such model"), 6)]
)
def test_refusals_end_with_their_code(cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int) -> None:
    """Each kind of error is one line on stderr and an exit code of its own."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("trainer.follow.train", fail)

    result = cli("train")

    assert result.exit_code == code
    assert str(error) in result.stderr


def test_bad_setting_ends_with_3(cli: Cli) -> None:
    """A setting that cannot be used is a matter of configuration."""
    result = cli("train", "--max-steps", 0)

    assert result.exit_code == 3
    assert "max_steps" in result.stderr


def test_model_is_prepared_and_shown(tmp_path: Path, cli: Cli, cli_json: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepare prints the folder in the cache; show says where it lies, its digest and its size."""
    monkeypatch.setenv("SHEETSTREAM_CACHE", str(tmp_path / "cache"))

    def make(folder: Path) -> str:
        tiny_olmo3(folder, hidden=16, layers=1, heads=2)
        return "1"

    monkeypatch.setitem(model.PREPARED, "tiny-olmo3", make)

    result = cli("model", "prepare", "tiny-olmo3")

    folder = tmp_path / "cache" / "models" / "tiny-olmo3"
    assert result.stdout == f"{folder}\n"
    facts = cli_json("model", "show", "tiny-olmo3")
    assert (facts["path"], facts["num_hidden_layers"]) == (str(folder), 1)
    assert cli("model", "show", "nothing").exit_code == 6
