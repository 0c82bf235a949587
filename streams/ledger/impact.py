"""What a datasheet revision or a commit touched: links, conflicts, in which repositories, and what differed.

Of a revision: links at the places it changed (sheet_changes joined with links by register or section), and all that it
caused of links (link_history). Links that it only confirmed are counted. Of a commit: what it caused of links, and the
links of symbols it was the last to change. No body is read, and every query goes through an index.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select

from mapper.model import LIVE_STATES
from streams.ledger import conflicts, sheets
from streams.ledger.conflicts import ConflictRow
from streams.ledger.engine import BATCH_ROWS, starts_with
from streams.ledger.schema import commits, link_history, links, symbols
from streams.ledger.sheets import SheetChangeRow, SheetRow
from streams.ledger.symbols import AppliedCommit
from streams.ledger.touched import COLUMNS, Changes, TouchedLink, in_order, register_names, repositories_of, touched

MAX_LINKS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryImpact:
    """What one repository has of it."""

    repo_id: str
    url: str
    symbols: int
    happened: Mapping[str, int]
    """State that links came into -> how many; "unchanged": at a changed place, and standing as they were."""
    conflicts_opened: int
    conflicts_resolved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a cause touched; at most MAX_LINKS links, `more` when there are others."""

    repositories: tuple[RepositoryImpact, ...]
    links: tuple[TouchedLink, ...]
    opened: tuple[ConflictRow, ...]
    resolved: tuple[ConflictRow, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetImpact:
    """What a revision of a datasheet touched."""

    sheet: SheetRow
    before: SheetRow | None
    """The release it replaced; None: it was the first, or its predecessor is not known."""
    changes: tuple[SheetChangeRow, ...]
    confirmed: int
    """Links that were derived again, at places where nothing changed."""
    impact: Impact


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitImpact:
    """What a commit touched, in all repositories that have it."""

    commits: tuple[AppliedCommit, ...]
    impact: Impact


def sheet_impact(
    conn: Connection, sha256: str, *, register: str | None = None, repo_id: str | None = None, limit: int = MAX_LINKS
) -> SheetImpact:
    """Return what a release that is known touched; register (any case) narrows it to one."""
    sheet = sheets.get_sheet(conn, sha256)
    assert sheet is not None
    changes = sheets.find_sheet_changes(conn, new_sha256=sha256, limit=MAX_LINKS)
    before = sheets.get_sheet(conn, changes[0].old_sha256) if changes else None
    if register is not None:
        changes = [c for c in changes if register.lower() in {name.lower() for name in register_names(c)}]
    places, found = Changes(changes), dict[str, TouchedLink]()
    here = _here(repo_id, register, changes)
    by_cause = link_history.c.cause_id == sha256
    query = _caused(and_(by_cause, link_history.c.state != "kept", *here)).limit(limit + 1)
    for row in conn.execute(query):
        found[row.link_id] = touched(row, happened=row.happened, detail=row.detail, changes=places)
    more = len(found) > limit
    kept = 0
    for row in _at_changed_places(conn, sheet.family, places, by_cause, here, limit):
        link = touched(row, happened=row.happened, detail=row.detail, changes=places)
        kept += row.happened == "kept"
        if link.link_id not in found and link.differences:
            found[link.link_id] = link
    total_kept = select(func.count()).where(by_cause, link_history.c.state == "kept")
    return SheetImpact(
        sheet=sheet,
        before=before,
        changes=tuple(changes),
        confirmed=max(0, conn.execute(total_kept).scalar_one() - kept) if not here else 0,
        impact=_impact(conn, sha256, found.values(), repo_id, register, limit, more=more),
    )


def commit_impact(
    conn: Connection, commit: str, *, repo_id: str | None = None, limit: int = MAX_LINKS
) -> CommitImpact | None:
    """Return what a commit (its id, or the start of it) touched; None when none is known, or several start so."""
    query = select(commits).where(starts_with(commits.c.commit_id, commit)).order_by(commits.c.applied_at).limit(100)
    if repo_id is not None:
        query = query.where(commits.c.repo_id == repo_id)
    rows = {(row.repo_id, row.commit_id): AppliedCommit(**row._mapping) for row in conn.execute(query)}
    ids = {commit_id for _, commit_id in rows}
    if len(ids) != 1:
        return None
    (identity,) = ids
    here = _here(repo_id, None, ())
    by_cause = and_(link_history.c.cause_id == identity, *here)
    found = dict[str, TouchedLink]()
    for row in conn.execute(_caused(by_cause).limit(limit + 1)):
        found[row.link_id] = touched(row, happened=row.happened, detail=row.detail)
    more = len(found) > limit
    last = select(*COLUMNS).join(symbols, symbols.c.symbol_id == links.c.symbol_id)
    for row in conn.execute(last.where(symbols.c.commit_id == identity, _is_live(), *here).limit(limit + 1)):
        found.setdefault(row.link_id, touched(row, happened=None, detail=None))
    more = more or len(found) > limit
    return CommitImpact(
        commits=tuple(rows.values()), impact=_impact(conn, identity, found.values(), repo_id, None, limit, more=more)
    )


def _caused(where: ColumnElement[bool]) -> Select[Any]:
    """Return the query of links with what a cause did to them; the last thing, if it did several, comes last."""
    columns = (*COLUMNS, link_history.c.state.label("happened"), link_history.c.detail)
    query = select(*columns).join(link_history, link_history.c.link_id == links.c.link_id)
    return query.where(where).order_by(link_history.c.state, link_history.c.seq)


def _at_changed_places(
    conn: Connection,
    family: str,
    places: Changes,
    by_cause: ColumnElement[bool],
    here: tuple[ColumnElement[bool], ...],
    limit: int,
) -> Iterator[Row[Any]]:
    """Yield the live links at places that changed, with what the cause did to them, if anything."""
    columns = (*COLUMNS, link_history.c.state.label("happened"), link_history.c.detail)
    joined = select(*columns).outerjoin(link_history, and_(link_history.c.link_id == links.c.link_id, by_cause))
    base = joined.where(links.c.sheet_family == family, _is_live(), *here).limit(limit)
    names = places.registers
    for start in range(0, len(names), BATCH_ROWS):
        yield from conn.execute(base.where(links.c.register.in_(names[start : start + BATCH_ROWS])))
    if places.has_sections:
        yield from conn.execute(base.where(links.c.register.is_(None), links.c.anchor_kind == "section"))


def _here(
    repo_id: str | None, register: str | None, changes: Iterable[SheetChangeRow]
) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that narrow links down; a register also by the names it had."""
    conditions: list[ColumnElement[bool]] = []
    if repo_id is not None:
        conditions.append(links.c.repo_id == repo_id)
    if register is not None:
        names = {name.lower() for change in changes for name in register_names(change)} | {register.lower()}
        conditions.append(func.lower(links.c.register).in_(sorted(names)))
    return tuple(conditions)


def _is_live() -> ColumnElement[bool]:
    return links.c.state.in_(sorted(LIVE_STATES))


def _impact(
    conn: Connection,
    cause_id: str,
    found: Iterable[TouchedLink],
    repo_id: str | None,
    register: str | None,
    limit: int,
    *,
    more: bool,
) -> Impact:
    shown = in_order(found)[:limit]
    opened, resolved = conflicts.by_cause(conn, cause_id, repo_id=repo_id)
    if register is not None:
        opened, resolved = (
            [row for row in side if (row.register or "").lower() == register.lower()] for side in (opened, resolved)
        )
    happened: dict[str, Counter[str]] = defaultdict(Counter)
    symbol_ids: dict[str, set[str]] = defaultdict(set)
    for link in shown:
        happened[link.repo_id][link.happened or "unchanged"] += 1
        symbol_ids[link.repo_id].add(link.symbol_id)
    repo_ids = sorted({*happened, *(row.repo_id for row in (*opened, *resolved))})
    urls = repositories_of(conn, repo_ids)
    return Impact(
        repositories=tuple(
            RepositoryImpact(
                repo_id=key,
                url=urls.get(key, key),
                symbols=len(symbol_ids[key]),
                happened=dict(sorted(happened[key].items())),
                conflicts_opened=sum(row.repo_id == key for row in opened),
                conflicts_resolved=sum(row.repo_id == key for row in resolved),
            )
            for key in repo_ids
        ),
        links=shown,
        opened=tuple(opened),
        resolved=tuple(resolved),
        more=more,
    )
