"""Repositories and datasheet sources: what is watched, how far, and what was said of the last poll.

The command line adds and removes, the watcher notes polls and tips, the symbols agent notes the head that is applied.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, or_, select, update

from mapper.ids import content_id, repository_id
from streams import topics
from streams.errors import SourceStateError
from streams.events import Cause, MappingChange
from streams.ledger import outbox, sheets
from streams.ledger.engine import starts_with
from streams.ledger.locks import lock
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import commits, datasheets, drops, repositories, sheet_sources, symbols, tree_files
from streams.ledger.upsert import upsert

LIVE = ("active", "paused")
STATES = ("active", "paused", "removed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository that is or was watched."""

    repo_id: str
    url: str
    family: str
    branch: str | None
    parts: tuple[str, ...]
    path_globs: tuple[str, ...]
    state: str
    tip: str | None
    """Last commit whose event is durable in Kafka."""
    head: str | None
    """Last commit applied to the ledger."""
    head_time: float | None
    linked: str | None
    """Digest of the snapshot that the links are of, see streams/agents/links.py."""
    linked_head: str | None
    """Head of that snapshot."""
    added_at: float
    polled_at: float | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSource:
    """A file or URL where a datasheet is published."""

    source_id: str
    location: str
    parts: tuple[str, ...]
    revision: str | None
    state: str
    etag: str | None
    last_modified: str | None
    sha256: str | None
    """Last bytes whose event is durable in Kafka."""
    added_at: float
    polled_at: float | None
    error: str | None


def add_repository(
    conn: Connection,
    *,
    url: str,
    now: float,
    family: str | None = None,
    branch: str | None = None,
    parts: Sequence[str] = (),
    path_globs: Sequence[str] = (),
) -> Repository:
    """Return the repository of a URL, added or made active again; family None: its own. Its tip starts anew."""
    repo_id = repository_id(url)
    row = {
        "repo_id": repo_id,
        "url": url,
        "family": family or repo_id,
        "branch": branch,
        "parts": list(parts),
        "path_globs": list(path_globs),
        "state": "active",
        "tip": None,
        "head": None,
        "head_time": None,
        "linked": None,
        "linked_head": None,
        "added_at": now,
        "polled_at": None,
        "error": None,
    }
    known = lock_repository(conn, repo_id)
    kept = (
        {"tip", "head", "head_time", "linked", "linked_head", "added_at", "polled_at"}
        if known and known.state != "removed"
        else set()
    )
    upsert(conn, repositories, [row], update=[name for name in row if name not in kept | {"repo_id"}])
    return get_repository(conn, repo_id)


def get_repository(conn: Connection, repo_id: str) -> Repository:
    """Return a repository by its id. Raises SourceStateError when unknown."""
    row = conn.execute(select(repositories).where(repositories.c.repo_id == repo_id)).one_or_none()
    if row is None:
        raise SourceStateError(f"repository {repo_id}: unknown, an id of `sheetstream repo list` expected")
    return _repository(row)


def find_repository(conn: Connection, key: str) -> Repository | None:
    """Return the repository whose id (or the start of it), URL or family is `key`; None when none or several are."""
    columns = repositories.c
    exact = or_(columns.repo_id == key, columns.url == key, columns.family == key)
    rows = conn.execute(select(repositories).where(exact)).all()
    rows = rows or conn.execute(select(repositories).where(starts_with(columns.repo_id, key))).all()
    return _repository(rows[0]) if len(rows) == 1 else None


def list_repositories(conn: Connection, states: Sequence[str] = LIVE) -> list[Repository]:
    """Return the repositories in these states, by id."""
    query = select(repositories).where(repositories.c.state.in_(states)).order_by(repositories.c.repo_id)
    return [_repository(row) for row in conn.execute(query)]


def lock_repository(conn: Connection, repo_id: str) -> Repository | None:
    """Return a repository, its row locked until the transaction ends (SQLite: the whole ledger is)."""
    query = select(repositories).where(repositories.c.repo_id == repo_id).with_for_update()
    row = conn.execute(query).one_or_none()
    return _repository(row) if row else None


def set_repository_state(conn: Connection, repo_id: str, state: str) -> None:
    """Pause ("paused") or resume ("active") a repository; remove_repository removes."""
    _set_state(conn, repositories, repo_id, state)


def record_tip(conn: Connection, repo_id: str, tip: str) -> None:
    """Note the newest commit whose event is durable in Kafka."""
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(tip=tip))


def record_repository_poll(conn: Connection, repo_id: str, *, now: float, error: str | None = None) -> None:
    """Note that a repository was polled, and what went wrong."""
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(polled_at=now, error=error))


def record_head(conn: Connection, repo_id: str, commit: str, commit_time: float) -> None:
    """Note the commit that the ledger's tree is of."""
    values = {"head": commit, "head_time": commit_time}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(values))


def record_linked(conn: Connection, repo_id: str, *, snapshot: str, head: str | None) -> None:
    """Note the snapshot that the ledger's links are of."""
    values = {"linked": snapshot, "linked_head": head}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(values))


def remove_repository(conn: Connection, repo_id: str, now: float) -> None:
    """Remove a repository: its tree and commits at once; the agents, told by the outbox, do so with what follows."""
    lock(conn, "samples")  # before the repository: drops of the samples agent go too, and it holds this over its own
    _set_state(conn, repositories, repo_id, "removed")
    cleared: dict[str, Any] = {"tip": None, "head": None, "head_time": None, "error": None}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(cleared))
    conn.execute(delete(tree_files).where(tree_files.c.repo_id == repo_id))
    conn.execute(delete(symbols).where(symbols.c.repo_id == repo_id))
    conn.execute(delete(drops).where(drops.c.repo_id == repo_id))
    # Added again, its history comes again with the same event ids, and must not look like a redelivery.
    conn.execute(delete(commits).where(commits.c.repo_id == repo_id))
    cause = Cause(kind="removal", id=repo_id, time=now, detail="repository removed")
    put_change(conn, MappingChange(cause=cause, repo_id=repo_id), now)


def add_sheet_source(
    conn: Connection, *, location: str, now: float, parts: Sequence[str] = (), revision: str | None = None
) -> SheetSource:
    """Return the source at a location, added or made active again."""
    source_id = content_id("src1", location)
    row = {
        "source_id": source_id,
        "location": location,
        "parts": list(parts),
        "revision": revision,
        "state": "active",
        "etag": None,
        "last_modified": None,
        "sha256": None,
        "added_at": now,
        "polled_at": None,
        "error": None,
    }
    known = lock_sheet_source(conn, source_id)
    same = known and known.state != "removed" and (known.parts, known.revision) == (tuple(parts), revision)
    kept = {"etag", "last_modified", "sha256", "added_at", "polled_at"} if same else set()
    upsert(conn, sheet_sources, [row], update=[name for name in row if name not in kept | {"source_id"}])
    source = find_sheet_source(conn, source_id)
    assert source is not None
    return source


def find_sheet_source(conn: Connection, key: str) -> SheetSource | None:
    """Return the source whose id (or the start of it) or location is `key`; None when none or several are."""
    columns = sheet_sources.c
    rows = conn.execute(select(sheet_sources).where(or_(columns.source_id == key, columns.location == key))).all()
    rows = rows or conn.execute(select(sheet_sources).where(starts_with(columns.source_id, key))).all()
    return _sheet_source(rows[0]) if len(rows) == 1 else None


def lock_sheet_source(conn: Connection, source_id: str) -> SheetSource | None:
    """Return a source, its row locked until the transaction ends (SQLite: the whole ledger is)."""
    query = select(sheet_sources).where(sheet_sources.c.source_id == source_id).with_for_update()
    row = conn.execute(query).one_or_none()
    return _sheet_source(row) if row else None


def list_sheet_sources(conn: Connection, states: Sequence[str] = LIVE) -> list[SheetSource]:
    """Return the sources in these states, by location."""
    query = select(sheet_sources).where(sheet_sources.c.state.in_(states)).order_by(sheet_sources.c.location)
    return [_sheet_source(row) for row in conn.execute(query)]


def set_sheet_source_state(conn: Connection, source_id: str, state: str) -> None:
    """Pause ("paused") or resume ("active") a datasheet source; remove_sheet_source removes."""
    _set_state(conn, sheet_sources, source_id, state)


def record_sheet_poll(conn: Connection, source_id: str, *, now: float, error: str | None = None) -> None:
    """Note that a source was polled, and what went wrong."""
    conn.execute(update(sheet_sources).where(sheet_sources.c.source_id == source_id).values(polled_at=now, error=error))


def record_sheet_bytes(
    conn: Connection, source_id: str, *, sha256: str, etag: str | None = None, last_modified: str | None = None
) -> None:
    """Note the newest bytes whose event is durable in Kafka, and what the server said to ask again cheaply."""
    values = {"sha256": sha256, "etag": etag, "last_modified": last_modified}
    conn.execute(update(sheet_sources).where(sheet_sources.c.source_id == source_id).values(values))


def remove_sheet_source(conn: Connection, source_id: str, now: float) -> None:
    """Remove a datasheet source: its releases are current no more; the agents retire what was linked to them."""
    _set_state(conn, sheet_sources, source_id, "removed")
    current = select(datasheets.c.family).where(datasheets.c.source_id == source_id, datasheets.c.current.is_(True))
    families = list(conn.execute(current.order_by(datasheets.c.family)).scalars())
    for family in families:
        sheets.lock_family(conn, family)
    conn.execute(update(datasheets).where(datasheets.c.source_id == source_id).values(current=False))
    cause = Cause(kind="removal", id=source_id, time=now, detail="datasheet source removed")
    for family in families:
        put_change(conn, MappingChange(cause=cause, sheet_family=family), now)


def put_change(conn: Connection, change: MappingChange, now: float) -> list[int]:
    """Put a mapping change into the outbox."""
    from streams.records import ChangeRecord  # here, since it loads Faust, and readers of the ledger need it not

    key = change.repo_id or change.sheet_family
    assert key is not None
    record = Outgoing(topic=topics.CHANGES.name, key=key, value=ChangeRecord.from_domain(change).encode())
    return outbox.put(conn, [record], now)


def _set_state(conn: Connection, table: Table, key: str, state: str) -> None:
    assert state in STATES
    identity = next(iter(table.primary_key))
    done = conn.execute(update(table).where(identity == key).values(state=state))
    if not done.rowcount:
        raise SourceStateError(f"{identity.name} {key}: unknown, cannot become {state}")


def _repository(row: Row[Any]) -> Repository:
    fields = {field.name: row._mapping[field.name] for field in dataclasses.fields(Repository)}
    return Repository(**{**fields, "parts": tuple(row.parts), "path_globs": tuple(row.path_globs)})


def _sheet_source(row: Row[Any]) -> SheetSource:
    fields = {field.name: row._mapping[field.name] for field in dataclasses.fields(SheetSource)}
    return SheetSource(**{**fields, "parts": tuple(row.parts)})
