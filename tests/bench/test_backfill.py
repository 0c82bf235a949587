"""bench/backfill.py, and so the whole way of a long history from a look to its links"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import backfill
from bench.backfill import FILES, REGISTERS, apply, generate, watch
from streams.config import StreamsSettings
from streams.ledger import dump, sources, symbols
from streams.ledger.engine import open_ledger, reading

COMMITS = 1200


@pytest.fixture
def taken_in(tmp_path: Path) -> Callable[[str, int, int], dict[str, Any]]:
    """Give a function that takes a generated history in, and returns what was counted and the ledger's dump."""

    def take(name: str, num_commits: int, backfill_commits: int) -> dict[str, Any]:
        home = tmp_path / name
        home.mkdir()
        if not (tmp_path / "vendor.git").exists():
            generate(tmp_path / "vendor.git", num_commits)
        watch(home, tmp_path / "vendor.git", backfill_commits)
        apply(home)
        engine = open_ledger(StreamsSettings(home=home).database_url)
        with reading(engine) as conn:
            (repository,) = sources.list_repositories(conn)
            commits = symbols.recent_commits(conn, limit=10**6)
            text = dump.dump(conn)
        engine.dispose()
        counts: dict[str, Any] = json.loads((home / "counts.json").read_text())
        return counts | {"repository": repository, "commits": commits, "dump": text}

    return take


def test_a_long_history_is_recorded_and_mapped_once(taken_in: Callable[..., dict[str, Any]]) -> None:
    """Of 1,200 commits all are in the ledger, in order; parsed is each file of the last one, mapped is once."""
    found = taken_in("home", COMMITS, 200)

    assert (found["events"], found["recorded"]) == (3, COMMITS)
    assert (found["parsed"], found["mappings"]) == (FILES, 1)
    assert found["links"] >= REGISTERS
    assert [commit.mapped for commit in found["commits"]] == [True] + [False] * (COMMITS - 1)
    assert [commit.summary for commit in found["commits"]] == [f"change {n}" for n in reversed(range(COMMITS))]
    assert found["repository"].head == found["repository"].tip == found["commits"][0].commit_id


def test_the_end_is_the_same_as_commit_by_commit(
    taken_in: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a backfill leaves out on the way changes nothing about where it ends."""
    monkeypatch.setattr(backfill, "FILES", 5)
    commits = 15
    quick, slow = taken_in("quick", commits, 1), taken_in("slow", commits, 1000)

    assert (quick["mappings"], slow["mappings"]) == (1, commits)
    assert quick["dump"] == slow["dump"]
    assert backfill.PART in quick["repository"].parts


KILLED = """
import os, signal, sys
from pathlib import Path
from bench import backfill

send = backfill.FileProducer.send
left = [int(sys.argv[3])]

def send_and_die(self, records):
    send(self, records)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)  # Kafka has it, the ledger does not know

backfill.FileProducer.send = send_and_die
backfill.watch(Path(sys.argv[1]), Path(sys.argv[2]), 200)
"""


def test_a_backfill_that_was_killed_goes_on_in_the_middle(tmp_path: Path) -> None:
    """kill -9 after the second batch: what was durable is not told again but for that batch, and nothing is doubled."""
    home, vendor = tmp_path / "home", tmp_path / "vendor.git"
    home.mkdir()
    generate(vendor, COMMITS)
    command = [sys.executable, "-c", KILLED, str(home), str(vendor), "2"]
    died = subprocess.run(command, cwd=Path(backfill.__file__).parents[1], check=False)

    watch(home, vendor, 200)
    apply(home)

    counts = json.loads((home / "counts.json").read_text())
    assert died.returncode == -signal.SIGKILL
    assert (counts["events"], counts["recorded"], counts["mappings"]) == (4, COMMITS, 1)
