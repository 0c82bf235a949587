"""Fixtures that several packages' tests share: the embedded broker, a PostgreSQL server and the real data."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.postgres import PostgresServer, missing_programs, running_server

if TYPE_CHECKING:
    from tests.kafka_secure import SecureBroker

ROOT = Path(__file__).resolve().parents[1]


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """In CI a test that skips because something is absent fails: there, all must be present."""
    report = pytest.TestReport.from_item_and_call(item, call)
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where what it needs must be present: {call.excinfo and call.excinfo.value}"
    return report


SLOW_FIXTURES = {"vendor", "full_vendor"}  # building the demo's vendor takes seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what waits for a slow fixture, so that the quick run leaves it out."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with real datasheets and gold labels."""
    folder = Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real datasheets at {folder} (SHEETSTREAM_DATA)")
    return folder


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of one embedded broker for the whole run; tests keep apart by topic prefix."""
    from deploy.local.broker import running_broker
    from deploy.local.config import load_settings

    with running_broker(tmp_path_factory.mktemp("broker"), load_settings().cache) as address:
        yield address


@pytest.fixture(scope="session")
def secure_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SecureBroker"]:
    """One broker for the whole run that asks for TLS, passwords and certificates; tests keep apart by topic prefix."""
    from deploy.local.config import load_settings
    from deploy.local.home import Home
    from tests.kafka_secure import SecureBroker

    home = Home(tmp_path_factory.mktemp("secure-broker"))
    home.create()
    broker = SecureBroker(home, load_settings().cache)
    broker.make_certificates()
    with (home.logs / "broker.log").open("wb") as log:
        broker.start(output=log.fileno())
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole run, with a ledger in the database `ledger`."""
    if missing := missing_programs():
        pytest.skip(missing)
    with running_server() as server:
        yield server
