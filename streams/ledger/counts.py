"""Numbers about the whole ledger, for status, console and gauges."""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select

from streams.ledger import letters, outbox, samples
from streams.ledger.schema import commits, conflicts, datasheets, links, repositories, shards, symbols, tree_files
from streams.ledger.sources import LIVE


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
    """Return the counts, all of one snapshot."""
    by_conflict = _grouped(conn, conflicts, "state")
    return LedgerCounts(
        repositories=sum(number for state, number in _grouped(conn, repositories, "state").items() if state in LIVE),
        commits=_count(conn, commits),
        files=_count(conn, tree_files),
        symbols=_count(conn, symbols),
        datasheets=conn.execute(
            select(func.count()).select_from(datasheets).where(datasheets.c.current.is_(True))
        ).scalar_one(),
        releases=_count(conn, datasheets),
        links=_grouped(conn, links, "state"),
        conflicts_open=by_conflict.get("open", 0),
        conflicts_resolved=by_conflict.get("resolved", 0),
        samples=samples.count_by_state(conn),
        shards=_grouped(conn, shards, "state").get("sealed", 0),
        left_out={f"{reason} ({stage})": number for (stage, reason), number in samples.count_drops(conn).items()},
        dead_letters=letters.count_by_reason(conn),
        outbox=outbox.count(conn),
    )


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def _grouped(conn: Connection, table: Table, column: str) -> dict[str, int]:
    query = select(table.c[column], func.count()).group_by(table.c[column]).order_by(table.c[column])
    return dict(conn.execute(query).all())
