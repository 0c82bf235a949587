"""Settings of the benchmark."""

from pathlib import Path

import pytest

from eval.config import EvalSettings, load_settings
from eval.errors import ConfigError


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable counts more than the table [eval], and other tables are left alone."""
    (tmp_path / "sheetstream.toml").write_text("[streams]\nx = 1\n[eval]\nbatch_size = 3\nthreads = 5\n")
    monkeypatch.setenv("SHEETSTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("SHEETSTREAM_EVAL_THREADS", "7")

    settings = EvalSettings()

    assert (settings.batch_size, settings.threads, settings.suite_dir) == (3, 7, tmp_path / "suite")


def test_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt setting is an error that says which one was meant."""
    (tmp_path / "sheetstream.toml").write_text("[eval]\nbatchsize = 3\n")

    with pytest.raises(ConfigError, match=r"batchsize.*did you mean batch_size"):
        load_settings(home=tmp_path)


def test_value_out_of_range_names_setting_and_variable() -> None:
    """A bad value is an error with the setting, its variable and the value."""
    with pytest.raises(ConfigError, match=r"threads.*SHEETSTREAM_EVAL_THREADS.*got 0"):
        load_settings(threads=0)


def test_file_that_is_not_toml_is_our_error(tmp_path: Path) -> None:
    """A broken file is one line, not a traceback of the parser."""
    (tmp_path / "sheetstream.toml").write_text("[eval\n")

    with pytest.raises(ConfigError, match="not TOML"):
        load_settings(home=tmp_path)
