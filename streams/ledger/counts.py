"""Numbers about the whole ledger, for status, console and gauges."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from streams.ledger import letters, outbox, samples
from streams.ledger.schema import datasheets, repositories, shards
from streams.ledger.sources import LIVE
from streams.ledger.tallies import links_by_state, total_of_subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """How much of everything there is."""

    repositories: int
    commits: int
    files: int
    symbols: int
    datasheets: int
    """Current releases."""
    releases: int
    links: dict[str, int]
    """By state."""
    conflicts_open: int
    conflicts_resolved: int
    samples: dict[str, int]
    """By state."""
    shards: int
    """Sealed ones."""
    left_out: dict[str, int]
    """Files and passages that are not parsed or not in the corpus, by stage and reason."""
    dead_letters: dict[str, int]
    """By reason."""
    outbox: int


def counts(conn: Connection) -> LedgerCounts:
    """Return the counts, all of one snapshot; what there may be millions of is tallied, not counted."""
    totals = total_of_subjects(conn)
    by_conflict = totals.get("conflicts", {})
    return LedgerCounts(
        repositories=_count(select(repositories.c.repo_id).where(repositories.c.state.in_(LIVE)), conn),
        commits=sum(totals.get("commits", {}).values()),
        files=sum(totals.get("files", {}).values()),
        symbols=sum(totals.get("symbols", {}).values()),
        datasheets=_count(select(datasheets.c.sha256).where(datasheets.c.current.is_(True)), conn),
        releases=_count(select(datasheets.c.sha256), conn),
        links=links_by_state(conn),
        conflicts_open=by_conflict.get("open", 0),
        conflicts_resolved=by_conflict.get("resolved", 0),
        samples=totals.get("samples", {}),
        shards=_count(select(shards.c.seq).where(shards.c.state == "sealed"), conn),
        left_out={f"{reason} ({stage})": number for (stage, reason), number in samples.count_drops(conn).items()},
        dead_letters=letters.count_by_reason(conn),
        outbox=outbox.count(conn),
    )


def _count(rows: Select[Any], conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(rows.subquery())).scalar_one())
