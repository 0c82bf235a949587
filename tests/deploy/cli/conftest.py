"""The command line over a home folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from deploy.cli.main import app
from streams.config import StreamsSettings
from streams.ledger.engine import open_ledger
from streams.ledger.migrate import upgrade

Cli = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder that does not exist yet; Kafka's address leads nowhere."""
    monkeypatch.setenv("SHEETSTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHEETSTREAM_KAFKA", "127.0.0.1:9")
    return tmp_path / "home"


@pytest.fixture
def engine(home: Path) -> Engine:
    """Return a ledger without content."""
    engine = open_ledger(StreamsSettings(home=home).database_url)
    upgrade(engine)
    return engine


@pytest.fixture
def cli(home: Path) -> Cli:
    """Give a function that runs `sheetstream` with these words and returns its result."""
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def cli_json(cli: Cli) -> Cli:
    """Give a function that runs a command with --json and returns what it wrote on stdout."""

    def run(*words: object) -> Any:
        result = cli(*words, "--json")
        return json.loads(result.stdout)

    return run
