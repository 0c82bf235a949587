"""What keeps the system from starting is one clear error, and nothing stays behind."""

import socket
from pathlib import Path

import psutil
import pytest

from deploy.local.config import LocalSettings
from deploy.local.errors import BrokerError, ConfigError
from deploy.local.home import LOOPBACK
from deploy.local.launch import _wanted, running


def settings(tmp_path: Path, kafka: str) -> LocalSettings:
    return LocalSettings(home=tmp_path / "home", cache=tmp_path / "cache", kafka=kafka, min_free_disk_mb=0)


@pytest.mark.parametrize("name", ["POLL_SECONDS", "TRAIN_LEARNING_RATE", "EVAL_CONTEXT_BYTES"])
def test_a_bad_setting_of_any_process_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No process is started whose settings do not hold, whichever it is."""
    monkeypatch.setenv(f"SHEETSTREAM_{name}", "often")
    before = psutil.Process().children(recursive=True)
    with socket.create_server((LOOPBACK, 0)) as other:
        address = f"{LOOPBACK}:{other.getsockname()[1]}"

        with pytest.raises(ConfigError, match=f"(?i){name.partition('_')[2]}"), running(settings(tmp_path, address)):
            pass

    assert psutil.Process().children(recursive=True) == before


def test_a_broker_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The address, the setting, and what else one can do."""
    with (
        pytest.raises(BrokerError, match=r"127\.0\.0\.1:1\b.*SHEETSTREAM_KAFKA"),
        running(settings(tmp_path, "127.0.0.1:1")),
    ):
        pass


def test_webhooks_are_received_where_a_secret_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one the process is not there; one that will not do is said before anything starts."""
    assert "hooks" not in _wanted(settings(tmp_path, "x:1"), embedded=True)
    secret = tmp_path / "secret"
    secret.write_text("short")
    monkeypatch.setenv("SHEETSTREAM_WEBHOOK_SECRET_FILE", str(secret))

    assert "hooks" in _wanted(settings(tmp_path, "x:1"), embedded=False)
    with pytest.raises(ConfigError, match="webhook_secret_file"), running(settings(tmp_path, "127.0.0.1:1")):
        pass


@pytest.mark.parametrize(
    ("name", "value"), [("SECURITY_PROTOCOL", "SSL"), ("SASL_PASSWORD_FILE", "/nowhere"), ("SSL_CAFILE", "/nowhere")]
)
def test_the_embedded_broker_asks_nobody_who_he_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Settings for a broker of one's own without its address are a mistake, said before Kafka starts."""
    monkeypatch.setenv(f"SHEETSTREAM_KAFKA_{name}", value)
    local = LocalSettings(home=tmp_path / "home", cache=tmp_path / "cache", kafka=None, min_free_disk_mb=0)

    with pytest.raises(ConfigError, match="SHEETSTREAM_KAFKA_SECURITY_PROTOCOL"), running(local):
        pass
