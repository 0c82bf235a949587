"""Trace links with their states and history, and how relevant files are to datasheets."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, tuple_

from mapper.ids import content_id
from mapper.model import LIVE_STATES, FileRelevance, LinkState, TraceLink
from streams.events import Cause
from streams.ledger.bodies import is_packed, pack, unpack
from streams.ledger.engine import BATCH_ROWS, starts_with
from streams.ledger.indexes import IS_GONE, equals, equals_folded
from streams.ledger.schema import file_relevance, link_history, links
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A link's searchable columns."""

    link_id: str
    repo_id: str
    sheet_family: str
    sheet_sha256: str
    part: str
    symbol_id: str
    anchor_id: str
    state: LinkState
    revision: str
    score: float
    grade: str
    method: str
    path: str
    kind: str
    name: str
    line: int
    anchor_kind: str
    anchor_title: str
    register: str | None
    field: str | None
    page: int
    moved_from: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelevanceRow:
    """How relevant a file of a repository is to a datasheet; rank 1 is the best."""

    sheet_family: str
    path: str
    rank: int
    score: float
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLink:
    """A link as last seen, with its state."""

    link: TraceLink
    state: LinkState
    moved_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """A state a link came into, and what caused it."""

    seq: int
    state: LinkState
    revision: str
    cause_kind: str
    cause_id: str
    detail: str
    changed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStory:
    """A link, its evidence, and all that happened to it, oldest first."""

    row: LinkRow
    link: TraceLink
    history: tuple[HistoryRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTurn:
    """A change of a link's state, with its cause."""

    stored: StoredLink
    cause: Cause
    detail: str


def find_links(
    conn: Connection,
    *,
    symbol: str | None = None,
    path: str | None = None,
    part: str | None = None,
    register: str | None = None,
    state: str | None = None,
    repo_id: str | None = None,
    sheet_family: str | None = None,
    limit: int = 100,
    offset: int = 0,
    after: str | None = None,
) -> list[LinkRow]:
    """Return links, best first within path order; `state` None means live ones, "all" any; path may end with "*".

    offset: so many are left out, after reading them; for lists that are short by their nature.
    after: the id of a link, to have what follows it in this order; one that is unknown gives the first ones.
    """
    query = select(*_COLUMNS).order_by(links.c.path, links.c.line, links.c.score.desc(), links.c.link_id)
    if symbol is not None:
        query = query.where(equals(links.c.name, symbol))
    for column, wanted in ((links.c.repo_id, repo_id), (links.c.sheet_family, sheet_family)):
        if wanted is not None:
            query = query.where(column == wanted)
    for column, wanted in ((links.c.part, part), (links.c.register, register)):
        if wanted is not None:
            query = query.where(equals_folded(column, wanted))
    if path is not None:
        start = path.removesuffix("*")
        query = query.where(links.c.path == path if start == path else starts_with(links.c.path, start))
    if state is None:
        query = query.where(links.c.state.in_(sorted(LIVE_STATES)))
    elif state != "all":
        query = query.where(links.c.state == state)
        is_only = (symbol, path, part, register, repo_id, sheet_family) == (None,) * 6
        if state not in LIVE_STATES and is_only:  # else another index is the better one
            query = query.where(IS_GONE)
    if after is not None:
        query = query.where(*_follows(conn, after))
    return [_row(row) for row in conn.execute(query.limit(limit).offset(offset))]


def link_story(conn: Connection, link_id: str) -> LinkStory | None:
    """Return the story of a link; link_id may be the start of an id if only one link has it."""
    here = starts_with(links.c.link_id, link_id)
    rows = conn.execute(select(*_COLUMNS, links.c.body).where(here).limit(2)).all()
    if len(rows) != 1:
        return None
    row = rows[0]
    columns = [link_history.c[field.name] for field in dataclasses.fields(HistoryRow)]
    query = select(*columns).where(link_history.c.link_id == row.link_id).order_by(link_history.c.seq)
    history = tuple(HistoryRow(**item._mapping) for item in conn.execute(query))
    return LinkStory(row=_row(row), link=unpack(TraceLink, row.body), history=history)


def load_links(
    conn: Connection,
    *,
    repo_id: str | None = None,
    paths: Collection[str] | None = None,
    link_ids: Collection[str] | None = None,
    states: Collection[str] | None = LIVE_STATES,
) -> list[StoredLink]:
    """Return whole links by id: of a repository, of paths of it, or by their ids; states None: any."""
    base = select(links.c.body, links.c.state, links.c.moved_from).order_by(links.c.link_id)
    if repo_id is not None:
        base = base.where(links.c.repo_id == repo_id)
    if states is not None:
        base = base.where(links.c.state.in_(sorted(states)))
    queries = [base]
    for column, wanted in ((links.c.path, paths), (links.c.link_id, link_ids)):
        if wanted is not None:
            ordered = sorted(wanted)
            starts = range(0, len(ordered), BATCH_ROWS)
            queries = [query.where(column.in_(ordered[at : at + BATCH_ROWS])) for query in queries for at in starts]
    found = [
        StoredLink(link=unpack(TraceLink, row.body), state=row.state, moved_from=row.moved_from)
        for query in queries
        for row in conn.execute(query)
    ]
    return sorted(found, key=lambda stored: stored.link.link_id)


def live_paths(conn: Connection, repo_id: str) -> set[str]:
    """Return the paths of a repository that have live links."""
    here = (links.c.repo_id == repo_id) & links.c.state.in_(sorted(LIVE_STATES))
    return set(conn.execute(select(links.c.path).where(here).distinct()).scalars())


def families_of(conn: Connection, repo_id: str) -> set[str]:
    """Return the datasheet families that a repository has links to, dead ones too."""
    return set(conn.execute(select(links.c.sheet_family).where(links.c.repo_id == repo_id).distinct()).scalars())


def differing_links(
    conn: Connection, repo_id: str, sheet_family: str, fresh: Mapping[str, TraceLink]
) -> tuple[list[StoredLink], set[str]]:
    """Return the links of a repository and family that are not live and equal to the fresh one of their id.

    Also the ids of those that are. Only what differs is unpacked.
    """
    columns = (links.c.link_id, links.c.state, links.c.moved_from, links.c.body)
    here = (links.c.repo_id == repo_id) & (links.c.sheet_family == sheet_family)
    differing, same = [], set()
    for row in conn.execute(select(*columns).where(here).order_by(links.c.link_id)):
        link = fresh.get(row.link_id)
        if link is not None and row.state in LIVE_STATES and is_packed(row.body, link):
            same.add(row.link_id)
        else:
            stored = unpack(TraceLink, row.body)
            differing.append(StoredLink(link=stored, state=row.state, moved_from=row.moved_from))
    return differing, same


def count_by_release(conn: Connection, repo_id: str) -> dict[str, int]:
    """Return how many live links of a repository each datasheet release has, by sha256."""
    here = (links.c.repo_id == repo_id) & links.c.state.in_(sorted(LIVE_STATES))
    query = select(links.c.sheet_sha256, func.count()).where(here).group_by(links.c.sheet_sha256)
    return dict(conn.execute(query.order_by(links.c.sheet_sha256)).all())


def write_links(conn: Connection, repo_id: str, stored: Sequence[StoredLink]) -> None:
    """Write links as they are now, without history."""
    upsert(conn, links, [_values(repo_id, item) for item in stored], update=_CHANGING)


def write_turns(conn: Connection, repo_id: str, turns: Sequence[LinkTurn], now: float) -> None:
    """Write links that changed state, and add the changes to their history; the last one again adds nothing."""
    write_links(conn, repo_id, [turn.stored for turn in turns])
    last = _last_changes(conn, [turn.stored.link.link_id for turn in turns])
    rows = []
    for turn in turns:
        link, cause = turn.stored.link, turn.cause
        seq, *known = last.get(link.link_id, (0,))
        # The same change may come again after others: a branch that is forced back to a commit it was at before.
        told = [turn.stored.state, link.revision, cause.kind, cause.id]
        if known == told:
            continue
        last[link.link_id] = (seq + 1, *told)
        rows.append(
            {
                "change_id": content_id("lh2", link.link_id, seq + 1, *told),
                "seq": seq + 1,
                "link_id": link.link_id,
                "state": turn.stored.state,
                "revision": link.revision,
                "cause_kind": cause.kind,
                "cause_id": cause.id,
                "detail": turn.detail,
                "changed_at": now,
            }
        )
    upsert(conn, link_history, rows, update=())


def replace_relevance(
    conn: Connection, repo_id: str, files: Sequence[FileRelevance], *, families: Collection[str] | None = None
) -> None:
    """Make these the file relevances of a repository, or of some datasheet families in it; what differs is written."""
    known = [row for row in load_relevance(conn, repo_id) if families is None or row.sheet_family in families]
    before = {(row.sheet_family, row.path): row for row in known}
    names = [field.name for field in dataclasses.fields(RelevanceRow)]
    now = {(f.sheet_family, f.path): RelevanceRow(**{name: getattr(f, name) for name in names}) for f in files}
    gone = sorted(before.keys() - now.keys())
    for start in range(0, len(gone), BATCH_ROWS):
        here = tuple_(file_relevance.c.sheet_family, file_relevance.c.path).in_(gone[start : start + BATCH_ROWS])
        conn.execute(delete(file_relevance).where(file_relevance.c.repo_id == repo_id, here))
    changed = [row for key, row in now.items() if before.get(key) != row]
    upsert(conn, file_relevance, [{"repo_id": repo_id, **dataclasses.asdict(row)} for row in changed])


def load_relevance(conn: Connection, repo_id: str) -> list[RelevanceRow]:
    """Return the file relevances of a repository, by datasheet and rank."""
    columns = [file_relevance.c[field.name] for field in dataclasses.fields(RelevanceRow)]
    query = select(*columns).where(file_relevance.c.repo_id == repo_id)
    rows = conn.execute(query.order_by(file_relevance.c.sheet_family, file_relevance.c.rank, file_relevance.c.path))
    return [RelevanceRow(**row._mapping) for row in rows]


_IDENTITY = ("link_id", "repo_id", "sheet_family", "symbol_id", "anchor_id", "path", "kind", "name", "register")
"""What the ids are made of: never another for one link, so no index of these is written when a link changes."""

_CHANGING = tuple(column.name for column in links.columns if column.name not in _IDENTITY)
_NAMES = [field.name for field in dataclasses.fields(LinkRow)]
_COLUMNS = [links.c[name] for name in _NAMES]


def _row(row: Sequence[Any]) -> LinkRow:
    """Return what begins with the columns of _COLUMNS."""
    return LinkRow(**dict(zip(_NAMES, row, strict=False)))


def _follows(conn: Connection, link_id: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a link comes after this one: without reading those before it, as an OFFSET does."""
    at = conn.execute(select(links.c.path, links.c.line, links.c.score).where(links.c.link_id == link_id)).one_or_none()
    if at is None:
        return []
    columns = links.c
    same_score = and_(columns.score == at.score, columns.link_id > link_id)
    same_line = and_(columns.line == at.line, or_(columns.score < at.score, same_score))
    return [columns.path >= at.path, or_(columns.path > at.path, columns.line > at.line, same_line)]


def _values(repo_id: str, stored: StoredLink) -> Mapping[str, Any]:
    link = stored.link
    return {
        "link_id": link.link_id,
        "repo_id": repo_id,
        "sheet_family": link.sheet_family,
        "sheet_sha256": link.sheet_sha256,
        "part": link.part,
        "symbol_id": link.symbol_id,
        "anchor_id": link.anchor_id,
        "state": stored.state,
        "revision": link.revision,
        "score": link.score,
        "grade": link.grade,
        "method": link.method,
        "path": link.symbol.path,
        "kind": link.symbol.kind,
        "name": link.symbol.name,
        "line": link.symbol.line,
        "anchor_kind": link.anchor.kind,
        "anchor_title": link.anchor.title,
        "register": link.anchor.register,
        "field": link.anchor.field,
        "page": link.anchor.page,
        "moved_from": stored.moved_from,
        "body": pack(link),
    }


def _last_changes(conn: Connection, link_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return (seq, state, revision, kind and id of the cause) of the last change of each link that has a history."""
    found: dict[str, tuple[Any, ...]] = {}
    told = link_history.c
    columns = (told.seq, told.state, told.revision, told.cause_kind, told.cause_id)
    for start in range(0, len(link_ids), BATCH_ROWS):
        here = told.link_id.in_(link_ids[start : start + BATCH_ROWS])
        query = select(told.link_id, *columns).where(here).order_by(told.link_id, told.seq)
        found.update({row.link_id: tuple(row[1:]) for row in conn.execute(query)})
    return found
