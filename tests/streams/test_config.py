"""streams/config.py"""

from pathlib import Path

import pytest

from streams.config import StreamsSettings
from streams.errors import ConfigError


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments, then environment, then sheetstream.toml, then defaults."""
    (tmp_path / "sheetstream.toml").write_text("[streams]\npartitions = 8\npoll_seconds = 9.0\n")
    monkeypatch.setenv("SHEETSTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("SHEETSTREAM_POLL_SECONDS", "2")

    settings = StreamsSettings()

    assert (settings.partitions, settings.poll_seconds, settings.replication_factor) == (8, 2.0, 1)
    assert settings.database_url == f"sqlite:///{tmp_path / 'ledger.db'}"


def test_an_unknown_key_is_named_with_the_nearest(tmp_path: Path) -> None:
    """A misspelt setting is an error, not ignored."""
    (tmp_path / "sheetstream.toml").write_text("[streams]\npoll_second = 9.0\n")

    with pytest.raises(ConfigError, match=r"streams\.poll_second: unknown setting; did you mean poll_seconds"):
        StreamsSettings(home=tmp_path)


def test_a_value_out_of_range_names_setting_and_variable(tmp_path: Path) -> None:
    """The message says what was expected, what came, and which variable sets it."""
    with pytest.raises(ConfigError, match=r"partitions: .* got 0 \(environment: SHEETSTREAM_PARTITIONS\)"):
        StreamsSettings(home=tmp_path, partitions=0)


def test_a_table_in_a_variable_is_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is none names the setting, and is not repeated."""
    monkeypatch.setenv("SHEETSTREAM_KAFKA_PRINCIPALS", "worker=CN=worker")

    with pytest.raises(ConfigError, match=r"^kafka_principals: JSON expected \(.*SHEETSTREAM_KAFKA_PRINCIPALS\)$"):
        StreamsSettings(home=tmp_path)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "sheetstream.toml").write_text("[streams\n")

    with pytest.raises(ConfigError, match=r"sheetstream\.toml: a readable TOML file expected"):
        StreamsSettings(home=tmp_path)


@pytest.mark.parametrize("url", ["models.example/v1", "ftp://models.example", "https://me:pw@models.example/v1"])
def test_an_address_of_a_model_that_is_none(tmp_path: Path, url: str) -> None:
    """http or https, a host, and no password in it."""
    with pytest.raises(ConfigError, match="llm_base_url"):
        StreamsSettings(home=tmp_path, llm_base_url=url)


@pytest.mark.parametrize(
    ("url", "key"), [("https://api.openai.com/v1", "sk-known"), ("https://models.example/v1", None), ("", None)]
)
def test_openais_key_is_for_openai_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, key: str | None
) -> None:
    """The usual variable is not sent to another server."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-known")

    found = StreamsSettings(home=tmp_path, llm_base_url=url).llm_api_key

    assert (found.get_secret_value() if found else None) == key


def test_a_key_is_never_repeated(tmp_path: Path) -> None:
    """Neither in a message about it nor where settings are shown."""
    with pytest.raises(ConfigError) as caught:
        StreamsSettings(home=tmp_path, llm_api_key=["sk-known"])  # type: ignore[arg-type]

    assert "sk-known" not in str(caught.value)
    assert "sk-known" not in str(StreamsSettings(home=tmp_path, llm_api_key="sk-known").model_dump(mode="json"))
