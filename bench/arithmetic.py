"""What many repositories need: `python -m bench.arithmetic [--scale JSON] [--workers JSON] [--links N] ...`.

Bytes a row come from what `bench.scale --json` measured, records a second from `bench.workers --json`, record sizes
from encoding one of each kind with values as long as real ones. All else is multiplication, and printed with it.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.events import Cause, ChangedPath, CommitEvent, LinkedChange, LinkEvent, MappingChange, SampleEvent
from streams.records import ChangeRecord, CommitRecord, LinkedRecord, LinkRecord, SampleRecord

DAY_SECONDS = 86_400
FILES_OF_A_COMMIT = 3
SYMBOLS_OF_A_COMMIT = 12
LINKS_OF_A_COMMIT = 120  # that turn: ten a symbol
RECORDS_OF_A_COMMIT = 3  # that agents take: the commit, its change, its linked paths
_CAUSE = Cause(kind="commit", id="0f" * 20, time=1_750_000_000.25, detail="Correct the reset value of CTRL1")
_PATHS = tuple(f"drivers/vendor/syn0001/registers_{number}.h" for number in range(FILES_OF_A_COMMIT))
_REPO = f"repo1_{'0a' * 16}"


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried."""

    repositories: int
    symbols: int
    links: int
    commits_a_day: int
    history_commits: int
    """Of each repository, when its history is taken in."""


def record_bytes() -> dict[str, int]:
    """Return topic -> bytes of one record's value, of a commit to FILES_OF_A_COMMIT files."""
    symbol_ids = tuple(f"sy1_{number:032x}" for number in range(SYMBOLS_OF_A_COMMIT))
    commit = CommitEvent(
        event_id=f"ce1_{'0b' * 16}",
        repo_id=_REPO,
        family=_REPO,
        ref="refs/heads/main",
        commit=_CAUSE.id,
        base="0e" * 20,
        changed=tuple(ChangedPath(status="M", path=path, blob_id="0c" * 20) for path in _PATHS),
        commit_time=_CAUSE.time,
        summary=_CAUSE.detail,
    )
    link = LinkEvent(
        link_id=f"ln1_{'0d' * 16}",
        revision=f"lr1_{'0d' * 16}",
        state="kept",
        repo_id=_REPO,
        sheet_family=f"fam1_{'0e' * 16}",
        part="SYN0001",
        path=_PATHS[0],
        symbol="SYN0001_REG_CTRL1",
        anchor="CTRL1 (18h)",
        page=16,
        score=0.96,
        cause=_CAUSE,
    )
    sample = SampleEvent(
        sample_id=f"sm1_{'0f' * 16}",
        state="pending",
        repo_id=_REPO,
        path=_PATHS[0],
        domain="register_defs",
        content_hash="5e" * 32,
        cause=_CAUSE,
    )
    change = MappingChange(cause=_CAUSE, repo_id=_REPO, paths=_PATHS, symbol_ids=symbol_ids)
    linked = LinkedChange(repo_id=_REPO, paths=_PATHS, cause=_CAUSE)
    return {
        "repo.commits": len(CommitRecord.from_domain(commit).encode()),
        "mapping.changes": len(ChangeRecord.from_domain(change).encode()),
        "mapping.linked": len(LinkedRecord.from_domain(linked).encode()),
        "trace.links": len(LinkRecord.from_domain(link).encode()),
        "corpus.samples": len(SampleRecord.from_domain(sample).encode()),
    }


def lines(load: Load, scale: dict[str, Any] | None, workers: dict[str, Any] | None) -> list[str]:
    """Return the tables as Markdown."""
    found = [*_topic_lines(load), ""]
    if scale:
        found += [*_ledger_lines(load, scale), ""]
    if workers:
        found += _worker_lines(load, workers)
    return found


def _topic_lines(load: Load) -> list[str]:
    each = {"trace.links": LINKS_OF_A_COMMIT, "corpus.samples": 2 * FILES_OF_A_COMMIT}
    head = ["| topic | bytes a record | records a commit | GB a day | GB in 30 days, RF 3 |", "|---|---|---|---|---|"]
    for topic, size in record_bytes().items():
        number = each.get(topic, 1)
        daily = size * number * load.commits_a_day / 1e9
        head.append(f"| {topic} | {size} | {number} | {daily:.3f} | {daily * 90:.1f} |")
    compacted = record_bytes()["trace.links"] * load.links / 1e9
    return [*head, f"| trace.links, compacted: one a link | | | | {compacted * 3:.0f} (RF 3) |"]


def _ledger_lines(load: Load, scale: dict[str, Any]) -> list[str]:
    factor = load.links / scale["rows"]["links"]
    by_symbol = load.symbols / scale["rows"]["symbols"]
    head = [
        f"| table ({scale['database']}) | rows | bytes a row, with indexes | GB |",
        "|---|---|---|---|",
    ]
    total = 0.0
    sizes = sorted(scale["bytes"].items(), key=lambda item: -sum(item[1].values()))
    for table, size in sizes:
        number = scale["rows"].get(table, 0)
        if number < 1000:
            continue
        wanted = number * (by_symbol if table == "symbols" else factor)
        each = sum(size.values()) / number
        total += wanted * each / 1e9
        head.append(f"| {table} | {wanted:,.0f} | {each:.0f} | {wanted * each / 1e9:.1f} |")
    return [*head, f"| all | | | {total:.0f} |"]


def _worker_lines(load: Load, workers: dict[str, Any]) -> list[str]:
    records = load.repositories * load.history_commits * RECORDS_OF_A_COMMIT
    head = [f"| workers on {workers['cores']} cores | records/s | commits a day | hours for the history |"]
    head.append("|---|---|---|---|")
    for rate in workers["rates"]:
        each = rate["records_per_second"]
        daily = each / RECORDS_OF_A_COMMIT * DAY_SECONDS
        head.append(f"| {rate['workers']} | {each:.1f} | {daily:,.0f} | {records / each / 3600:,.0f} |")
    return head


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.arithmetic", description=__doc__)
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--symbols", type=int, default=10_000_000)
    parser.add_argument("--links", type=int, default=100_000_000)
    parser.add_argument("--commits-a-day", type=int, default=5000)
    parser.add_argument("--history-commits", type=int, default=1000)
    parser.add_argument("--scale", type=Path, help="what bench.scale --json wrote")
    parser.add_argument("--workers", type=Path, help="what bench.workers --json wrote")
    given = parser.parse_args()
    load = Load(given.repositories, given.symbols, given.links, given.commits_a_day, given.history_commits)
    scale = json.loads(given.scale.read_text()) if given.scale else None
    print("\n".join(lines(load, scale, json.loads(given.workers.read_text()) if given.workers else None)))


if __name__ == "__main__":
    main()
