"""Tests of trainer.config."""

from pathlib import Path

import pytest

from trainer.config import LaunchedAs, TrainSettings, launched_as, load_settings
from trainer.errors import ConfigError


def test_file_environment_and_arguments_win_in_that_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument wins over the environment, which wins over HOME/sheetstream.toml, which wins over the default."""
    (tmp_path / "sheetstream.toml").write_text("[trainer]\nrank = 8\nalpha = 16.0\nmax_steps = 5\n")
    monkeypatch.setenv("SHEETSTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("SHEETSTREAM_TRAIN_RANK", "9")

    settings = load_settings(max_steps=7)

    assert (settings.home, settings.rank, settings.alpha, settings.max_steps) == (tmp_path, 9, 16.0, 7)
    assert settings.shards_dir == tmp_path / "shards"


def test_unknown_key_names_the_nearest_setting(tmp_path: Path) -> None:
    """A misspelt key in the file is an error that says which setting was probably meant."""
    (tmp_path / "sheetstream.toml").write_text("[trainer]\nmax_step = 5\n")

    with pytest.raises(ConfigError, match=r"\[trainer\] max_step: no such setting; did you mean max_steps\?"):
        load_settings(home=tmp_path)


def test_value_out_of_range_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that cannot be used is an error with the setting's name and the value."""
    monkeypatch.setenv("SHEETSTREAM_TRAIN_SEQ_LEN", "3")

    with pytest.raises(ConfigError, match=r"seq_len: .* got '3'"):
        load_settings(home=tmp_path)


@pytest.mark.parametrize("text", ["[trainer\n", "trainer = 3\n"])
def test_file_that_is_no_table_is_an_error(tmp_path: Path, text: str) -> None:
    """A file that is not TOML or whose [trainer] is no table is refused by name."""
    file = tmp_path / "mine.toml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"mine.toml"):
        load_settings(file)


def test_missing_config_file_is_an_error(tmp_path: Path) -> None:
    """A file named on the command line must exist."""
    with pytest.raises(ConfigError, match=r"no such file"):
        load_settings(tmp_path / "absent.toml")


def test_users_home_is_not_the_data_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable HOME of the shell is not read as the data home."""
    monkeypatch.delenv("SHEETSTREAM_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")

    assert TrainSettings().home == Path("/home/someone/.local/share/sheetstream")


def test_torchrun_says_who_this_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank and world size come from torchrun's variables; without them a process is alone."""
    assert launched_as() == LaunchedAs()

    for name, value in {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert launched_as() == LaunchedAs(rank=3, local_rank=1, size=4, local_size=2)
