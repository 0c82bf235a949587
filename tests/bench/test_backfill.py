"""bench/backfill.py, and so the whole way of a long history from a look to its links"""

import json
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
