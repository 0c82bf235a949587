"""`status`, `doctor` and `config` on homes where little or nothing is."""

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.cli.status import age, duration, spell
from deploy.local.home import Home
from streams.config import StreamsSettings
from streams.ledger.audits import Audit, record_audit
from streams.ledger.engine import open_ledger, writing
from streams.ledger.migrate import upgrade
from streams.ledger.offsets import record_applied
from streams.ledger.outbox import Outgoing, put
from streams.ledger.sources import add_repository


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


@pytest.fixture
def engine(home: Path) -> Engine:
    """A ledger with a record that has long been waiting, an agent's place, and an audit that found something."""
    engine = open_ledger(StreamsSettings(home=home).database_url)
    upgrade(engine)
    with writing(engine) as conn:
        repo_id = add_repository(conn, url="/a", now=1.0).repo_id
        put(conn, [Outgoing(topic="t", key="k", value=None)], time.time() - 3600)
        at = {"agent": "links", "topic": "mapping.changes", "topic_id": "i", "partition": 0, "offset": 41}
        record_applied(conn, None, **at, event_time=time.time() - 60, now=1.0)
        audit = Audit(
            repo_id=repo_id,
            snapshot="s",
            depth="deep",
            audited_at=time.time(),
            seconds=0.1,
            mismatches={"links": 2, "tree": 0},
            num_differences=2,
            differences=(),
            digest="d",
        )
        record_audit(conn, audit)
    return engine


def test_status_names_what_waits_and_what_audits_found(engine: Engine) -> None:
    """The outbox with the age of its oldest record, each agent, the differences: findings, and exit code 1."""
    result = CliRunner().invoke(app, ["status"])
    state = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)

    assert result.exit_code == 1
    assert "1, the oldest for 1 h 0 min" in result.stdout
    assert "2 links differ; 0 of 1 repositories audited as they are now" in result.stdout
    assert "audits found differences: 2 links" in result.stderr
    assert "waiting in the outbox for 60 minutes" in result.stderr
    assert [(line["agent"], line["applied"]) for line in state["agents"]] == [("links", 1)]
    assert state["audits"]["mismatches"] == {"links": 2}


def test_doctor_says_how_to_follow_an_audit_up(engine: Engine) -> None:
    """Differences are a problem, a record that does not get out a warning."""
    findings = json.loads(CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False).stdout)

    found = {finding["check"]: finding for finding in findings}
    assert (found["audits"]["verdict"], found["outbox"]["verdict"]) == ("problem", "warning")
    assert "links audit --history" in found["audits"]["fix"]


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
