"""How many rows there are, by repository: kept by the database's triggers (migration 0006), so that none is counted.

Whoever writes rows, the tallies move in the same transaction. `miscounted` counts everything again, and `recount`
writes it down.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, insert, literal, select

from mapper.model import LIVE_STATES
from streams.ledger.schema import (
    commits,
    conflicts,
    drops,
    link_tallies,
    links,
    samples,
    symbols,
    tallies,
    tree_files,
)

NO_LABEL = literal("")
_LABELS: dict[str, tuple[Table, ColumnElement[str]]] = {
    "commits": (commits, NO_LABEL),
    "files": (tree_files, NO_LABEL),
    "symbols": (symbols, NO_LABEL),
    "conflicts": (conflicts, conflicts.c.state),
    "samples": (samples, samples.c.state),
    "drops": (drops, drops.c.stage + "/" + drops.c.reason),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTally:
    """The links of one datasheet family, over all repositories."""

    live: int
    repositories: int
    """Those that have live ones."""
    version: int
    """Another number than before when any link came, went or changed its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A tally that is not what counting gives."""

    what: tuple[str, ...]
    tallied: int
    counted: int


def tallied(conn: Connection, subject: str) -> dict[str, int]:
    """Return the number of rows of one subject, by label, in the labels' order; none that is 0."""
    return total_of_subjects(conn, subject).get(subject, {})


def total_of_subjects(conn: Connection, subject: str | None = None) -> dict[str, dict[str, int]]:
    """Return subject -> label -> number of rows of all repositories; of one subject, or of all."""
    columns = tallies.c
    query = select(columns.subject, columns.label, func.sum(columns.number).label("number"))
    if subject is not None:
        query = query.where(columns.subject == subject)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in conn.execute(query.group_by(columns.subject, columns.label).order_by(columns.subject, columns.label)):
        if row.number:
            found[row.subject][row.label] = int(row.number)
    return dict(found)


def links_by_state(conn: Connection) -> dict[str, int]:
    """Return how many links there are in each state that has some."""
    columns = link_tallies.c
    query = select(columns.state, func.sum(columns.number).label("number")).group_by(columns.state)
    return {row.state: int(row.number) for row in conn.execute(query.order_by(columns.state)) if row.number}


def links_by_family(conn: Connection) -> dict[str, LinkTally]:
    """Return the tallies of links by datasheet family."""
    columns = link_tallies.c
    query = select(columns.repo_id, columns.sheet_family, columns.state, columns.number, columns.version)
    live: dict[str, int] = defaultdict(int)
    versions: dict[str, int] = defaultdict(int)
    repositories: dict[str, set[str]] = defaultdict(set)
    for repo_id, family, state, number, version in conn.execute(query):
        versions[family] += version
        if number and state in LIVE_STATES:
            live[family] += number
            repositories[family].add(repo_id)
    return {
        family: LinkTally(live=live[family], repositories=len(repositories[family]), version=version)
        for family, version in versions.items()
    }


def miscounted(conn: Connection) -> list[Miscount]:
    """Return the tallies that differ from what there is, by what they count; reads every table from end to end."""
    known = _by_key([("tallies", row) for row in conn.execute(select(tallies))])
    known |= _by_key([("links", row[:4]) for row in conn.execute(select(link_tallies))])
    counted = _by_key([("links", row) for row in conn.execute(_counting_links())])
    for subject in _LABELS:
        counted |= _by_key([("tallies", row) for row in conn.execute(_counting(subject))])
    return [
        Miscount(what=key, tallied=known.get(key, 0), counted=counted.get(key, 0))
        for key in sorted({*known, *counted})
        if known.get(key, 0) != counted.get(key, 0)
    ]


def recount(conn: Connection) -> None:
    """Write the tallies anew from what there is: after rows were written where no trigger saw it."""
    conn.execute(delete(tallies))
    for subject in _LABELS:
        conn.execute(insert(tallies).from_select(["repo_id", "subject", "label", "number"], _counting(subject)))
    before = func.coalesce(func.max(link_tallies.c.version), 0)
    version = conn.execute(select(before)).scalar_one() + 1  # no version that something was counted at comes again
    conn.execute(delete(link_tallies))
    rows = _counting_links().add_columns(literal(version))
    conn.execute(insert(link_tallies).from_select(["repo_id", "sheet_family", "state", "number", "version"], rows))


def _by_key(rows: list[tuple[str, Any]]) -> dict[tuple[str, ...], int]:
    """Return (kind, *key) -> number, of rows of a key and a number."""
    return {(kind, *row[:-1]): int(row[-1]) for kind, row in rows}


def _counting(subject: str) -> Select[tuple[str, str, str, int]]:
    table, label = _LABELS[subject]
    repo_id = func.coalesce(table.c.repo_id, "")
    rows = select(repo_id.label("repo"), label.label("name")).subquery()
    query = select(rows.c.repo, literal(subject), rows.c.name, func.count())
    return query.group_by(rows.c.repo, rows.c.name)


def _counting_links() -> Select[tuple[str, str, str, int]]:
    columns = (links.c.repo_id, links.c.sheet_family, links.c.state)
    return select(*columns, func.count()).group_by(*columns)
