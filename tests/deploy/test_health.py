"""/metrics and /healthz of a process."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from deploy import health
from deploy.health import Heartbeat, serve_health
from deploy.local.home import LOOPBACK
from deploy.metrics import ProcessMetrics


@pytest.fixture
def served() -> Iterator[tuple[str, Heartbeat]]:
    registry = CollectorRegistry()
    heartbeat = Heartbeat(ProcessMetrics(registry).heartbeat)
    server = serve_health(LOOPBACK, 0, registry, heartbeat)
    yield f"http://{LOOPBACK}:{server.server_port}", heartbeat
    server.shutdown()
    server.server_close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_say_what_runs(served: tuple[str, Heartbeat]) -> None:
    """The version is a label of the build information."""
    status, text = get(f"{served[0]}/metrics")

    assert status == 200
    assert 'sheetstream_build_info{version="' in text


def test_a_fresh_beat_is_healthy_and_an_old_one_is_not(
    served: tuple[str, Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that makes no progress is stalled, however alive it is."""
    served[1]()
    assert get(f"{served[0]}/healthz") == (200, "ok\n")

    monkeypatch.setattr(health, "STALLED_SECONDS", -1.0)
    assert get(f"{served[0]}/healthz") == (503, "stalled\n")


def test_other_paths_are_not_found(served: tuple[str, Heartbeat]) -> None:
    """Nothing else is served."""
    assert get(f"{served[0]}/")[0] == 404
