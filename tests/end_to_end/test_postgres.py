"""The whole system with its ledger on PostgreSQL: from commits and datasheets to sealed shards."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deploy.demo.play import SMALL, Published, environment, publish_commits, track
from deploy.demo.show import Show
from deploy.demo.vendor import build_vendor
from deploy.demo.waiting import await_drained, await_sealed
from deploy.local.config import load_settings
from deploy.local.launch import System, running
from streams.audit import audit
from streams.config import StreamsSettings
from streams.ledger.counts import counts
from streams.ledger.engine import open_ledger, reading
from streams.ledger.tallies import miscounted
from trainer.tiny import tiny_olmo3

pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(600)]

PLAN = dataclasses.replace(SMALL, training_steps=1)


@pytest.fixture
def system(tmp_path: Path, postgres: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """The system with the vendor's first publication in it, up to sealed shards; still running."""
    vendor = build_vendor(tmp_path / "vendor", small=True)
    published = Published(tmp_path / "published", vendor)
    base = tiny_olmo3(tmp_path / "base")
    with postgres.database() as name:
        monkeypatch.setenv("SHEETSTREAM_DATABASE_URL", postgres.url(name))
        extra = environment(PLAN) | {"SHEETSTREAM_TRAIN_BASE_MODEL": str(base), "SHEETSTREAM_TRAIN_RANK": "8"}
        show = Show(Console(quiet=True))
        with running(load_settings(home=tmp_path / "home"), environment=extra) as system, show.stage("run") as update:
            tips = publish_commits(vendor, 1, 4)
            track(system, vendor, published.sheets(0))
            await_drained(system, tips, update)
            await_sealed(system, update)
            yield system


def test_the_ledger_on_postgresql_ends_in_shards(system: System) -> None:
    """Links are those of a mapping from scratch, tallies those of counting, and the commands read the same ledger."""
    home = system.home.root
    engine = open_ledger(StreamsSettings(home=home).database_url)
    report = audit(engine)
    with reading(engine) as conn:
        found, wrong = counts(conn), miscounted(conn)
    engine.dispose()
    environ = os.environ | {"SHEETSTREAM_HOME": str(home)}
    script = [sys.executable, "-m", "deploy.cli.main", "links", "--json"]
    listed = subprocess.run(script, env=environ, capture_output=True, text=True, check=True, timeout=60)

    assert engine.dialect.name == "postgresql"
    assert not (home / "ledger.db").exists()
    assert report.is_clean
    assert all(repository.links for repository in report.repositories)
    assert wrong == []
    assert len(list((home / "shards").glob("*.tar"))) == found.shards > 0
    assert json.loads(listed.stdout)
