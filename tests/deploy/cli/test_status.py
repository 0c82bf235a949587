"""`status`, `doctor` and `config` on homes where little or nothing is."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.cli.status import age, duration, spell
from deploy.local.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHEETSTREAM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_status_of_nothing_says_how_to_start(home: Path) -> None:
    """A newcomer's first `status` names the next command."""
    result = CliRunner().invoke(app, ["status"])

    assert result.exit_code == 6
    assert "sheetstream up" in result.stderr


def test_status_as_json_is_data_alone(home: Path) -> None:
    """stdout holds one JSON value; nothing runs, so there are no processes."""
    Home(home).create()

    result = CliRunner().invoke(app, ["status", "--json"])

    assert result.exit_code == 0
    assert json.loads(result.stdout)["processes"] == []


def test_doctor_gives_each_finding_a_fix(home: Path) -> None:
    """Whatever is not in order says what to do."""
    findings = json.loads(CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False).stdout)

    assert {"python", "git", "java", "disk"} <= {finding["check"] for finding in findings}
    assert all(finding["fix"] for finding in findings if finding["verdict"] != "ok")


def test_config_says_where_a_value_comes_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over the file, the file over the default."""
    home.mkdir()
    (home / "sheetstream.toml").write_text("[streams]\npoll_seconds = 9.0\npartitions = 2\n")
    monkeypatch.setenv("SHEETSTREAM_PARTITIONS", "3")

    rows = json.loads(CliRunner().invoke(app, ["config", "show", "--json"]).stdout)

    found = {row["setting"]: row for row in rows if row["table"] == "streams"}
    assert (found["partitions"]["value"], found["partitions"]["origin"]) == (3, "SHEETSTREAM_PARTITIONS")
    assert found["poll_seconds"]["value"] == 9.0
    assert found["poll_seconds"]["origin"].endswith("sheetstream.toml [streams]")
    assert found["retry_seconds"]["origin"] == "default"


@pytest.mark.parametrize("section", ["local", "streams", "trainer", "eval"])
def test_an_unknown_key_is_an_error_with_a_hint(home: Path, section: str) -> None:
    """A misspelt setting is not silently ignored."""
    home.mkdir()
    key = {"local": "kafka_heap", "streams": "poll_second", "trainer": "seq_length", "eval": "batch_sizes"}[section]
    (home / "sheetstream.toml").write_text(f"[{section}]\n{key} = 1\n")

    result = CliRunner().invoke(app, ["config", "show"])

    assert result.exit_code == 3
    assert key in result.stderr
    assert "did you mean" in result.stderr


def test_lengths_of_time_in_words() -> None:
    """Two units are enough."""
    assert [duration(seconds) for seconds in (0, 61, 3700, 90000)] == ["0 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]
    assert (age(None, 10.0), age(4.0, 10.0)) == ("never", "6 s")


def test_counts_in_words() -> None:
    """Numbers by name, or the number."""
    assert spell({"new": 3, "kept": 1}) == "3 new, 1 kept"
    assert (spell({}), spell(5)) == ("0", "5")


def test_status_and_doctor_name_a_bad_setting(home: Path) -> None:
    """A misspelt key is one line for the one, a finding for the other."""
    home.mkdir()
    (home / "ledger.db").touch()
    (home / "sheetstream.toml").write_text("[streams]\npoll_second = 1\n")

    status = CliRunner().invoke(app, ["status"])
    findings = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)

    assert status.exit_code == 3
    assert "did you mean poll_seconds" in status.stderr
    assert any("poll_second" in finding["seen"] for finding in findings if finding["verdict"] == "problem")
