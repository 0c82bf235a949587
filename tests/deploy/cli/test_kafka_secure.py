"""The command on a broker that asks who one is: rights, doctor, and no secret on the screen."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.config import StreamsSettings
from tests.kafka_secure import PASSWORD, SecureBroker

pytestmark = pytest.mark.broker

Cli = Callable[..., Any]


@pytest.fixture
def asked(secure_broker: SecureBroker, home: Path, monkeypatch: pytest.MonkeyPatch) -> StreamsSettings:
    """Settings of an administrator, in the environment."""
    settings = secure_broker.settings(home)
    for name in ("kafka", *(name for name in StreamsSettings.model_fields if name.startswith("kafka_s"))):
        value = getattr(settings, name)
        if value:
            monkeypatch.setenv(f"SHEETSTREAM_{name.upper()}", str(value))
    monkeypatch.setenv("SHEETSTREAM_TOPIC_PREFIX", f"{uuid.uuid4().hex[:8]}.")
    return settings


def test_rights_are_shown_before_they_are_given(asked: StreamsSettings, cli: Cli, cli_json: Cli) -> None:
    """A dry run lists each and ends with 1; applied, nothing is missing."""
    cli("topics", "apply")

    dry = cli("topics", "apply", "--acls", "--dry-run")
    given = cli_json("topics", "apply", "--acls")["acls"]["given"]
    left = cli_json("topics", "apply", "--acls", "--dry-run")["acls"]

    assert dry.exit_code == 1
    assert "lacks User:sheetstream-worker: READ group" in dry.stdout
    assert sorted(f"lacks {right}" for right in given) == sorted(
        line for line in dry.stdout.splitlines() if line.startswith("lacks ")
    )
    assert left["missing"] == []


def test_doctor_says_how_it_is_let_in(asked: StreamsSettings, cli_json: Cli, secure_broker: SecureBroker) -> None:
    """And what production would want: a key that only its owner reads, three copies."""
    cli_json("topics", "apply")
    (secure_broker.certificates.folder / "password").chmod(0o644)

    found = cli_json("doctor")

    by_check = {finding["check"]: finding for finding in found}
    assert "SASL_SSL with SCRAM-SHA-512 as admin, password set" in by_check["kafka access"]["seen"]
    assert "SHEETSTREAM_KAFKA_SASL_PASSWORD_FILE can be read by others" in by_check["kafka secrets"]["seen"]
    assert "fewer than 3 copies" in by_check["kafka durability"]["seen"]
    assert PASSWORD not in str(found)


def test_doctor_says_what_is_wrong(
    asked: StreamsSettings, cli_json: Cli, secure_broker: SecureBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same settings as every client, so the same message."""
    monkeypatch.setenv("SHEETSTREAM_KAFKA_SSL_CAFILE", str(secure_broker.certificates.folder / "stranger.pem"))

    found = cli_json("doctor")

    (problem,) = [finding for finding in found if finding["check"] == "kafka" and finding["verdict"] == "problem"]
    assert "SHEETSTREAM_KAFKA_SSL_CAFILE must name" in problem["seen"]


def test_shown_settings_hold_no_secret(asked: StreamsSettings, cli_json: Cli) -> None:
    """Only that it is set: what stands there may be the password by mistake."""
    rows = cli_json("config", "show")

    shown = {row["setting"]: row["value"] for row in rows if row["table"] == "streams"}
    assert shown["kafka_sasl_password_file"] == "set"
    assert PASSWORD not in str(rows)
