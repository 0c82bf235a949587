"""Repositories and datasheet sources: what is watched, how far, and what was said of the last poll.

The command line adds and removes, the watcher notes polls and tips, the symbols agent notes the head that is applied.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, or_, select, update

from mapper.ids import content_id, repository_id
from mapper.version import parser_version
from streams import topics
from streams.errors import SourceStateError
from streams.events import Cause, MappingChange
from streams.ledger import outbox, sheets
from streams.ledger.engine import starts_with
from streams.ledger.locks import lock
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import (
    commits,
    datasheets,
    drops,
    repositories,
    repository_tags,
    sheet_sources,
    symbols,
    tree_files,
)
from streams.ledger.upsert import upsert

LIVE = ("active", "paused")
STATES = ("active", "paused", "removed")
_KEPT = frozenset(
    (
        *("tip", "head", "head_time", "linked", "linked_head", "linked_tree", "parser", "linked_by"),
        *("added_at", "polled_at"),
        *("tip_ref", "forced_at", "backfill_tip", "backfill_commits"),
    )
)
"""What a repository that is watched keeps when it is added once more."""


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
    linked_tree: str | None
    """Digest of the tree's state for which all decisions were found to hold."""
    added_at: float
    polled_at: float | None
    error: str | None
    tag_glob: str | None = None
    """Which tags are followed instead of a branch."""
    tip_ref: str | None = None
    """Full name of the ref that the tip was told of."""
    forced_at: float | None = None
    """When somebody asked for a look and for the head once more; None once that is durable."""
    backfill_tip: str | None = None
    """Commits up to this one are recorded without being mapped."""
    backfill_commits: int | None = None
    """How many they were when the backfill began."""
    parser: str | None = None
    """Version of the parser that the ledger's tree is of."""
    linked_by: str | None = None
    """Version that the ledger's links are of; "": what was linked was not all of one version."""

    @property
    def was_linked(self) -> bool:
        """Say whether links were ever made for it."""
        return any(said is not None for said in (self.linked, self.linked_head, self.linked_tree))


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSource:
    """A file or URL where a datasheet is published, or a folder of such files."""

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
    is_folder: bool = False
    folder: str | None = None
    """The folder's source that brought this file; None: a person did."""


def add_repository(
    conn: Connection,
    *,
    url: str,
    now: float,
    family: str | None = None,
    branch: str | None = None,
    parts: Sequence[str] = (),
    path_globs: Sequence[str] = (),
    tag_glob: str | None = None,
) -> Repository:
    """Return the repository of a URL, added or made active again; family None: its own.

    One that was removed starts anew. One that is watched goes on from its tip; where its path globs changed, its tree
    is read again, and where its parts did, it is mapped again.
    """
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
        "linked_tree": None,
        "parser": None,
        "linked_by": None,
        "added_at": now,
        "polled_at": None,
        "error": None,
        "tag_glob": tag_glob,
        "tip_ref": None,
        "forced_at": None,
        "backfill_tip": None,
        "backfill_commits": None,
    }
    known = lock_repository(conn, repo_id)
    live = known if known and known.state != "removed" else None
    changed = [name for name in row if name != "repo_id" and not (live and name in _KEPT)]
    upsert(conn, repositories, [row], update=changed)
    if live and live.path_globs != tuple(path_globs):
        force_repository(conn, repo_id, now)
    if live and live.head and live.parts != tuple(parts):
        cause = Cause(kind="commit", id=live.head, time=now, detail="other part numbers were given")
        put_change(conn, MappingChange(cause=cause, repo_id=repo_id), now)
    return get_repository(conn, repo_id)


def force_repository(conn: Connection, repo_id: str, now: float) -> None:
    """Ask for a look at a repository at once, and for its whole tree to be compared once more."""
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(forced_at=now))


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


def record_tip(conn: Connection, repo_id: str, tip: str, ref: str | None = None) -> None:
    """Note the newest commit whose event is durable in Kafka, and the ref it was told of."""
    values = {"tip": tip, "tip_ref": ref}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(values))


def clear_force(conn: Connection, repo_id: str, forced_at: float) -> None:
    """Note that what was asked for then is done; a later wish stays."""
    asked = (repositories.c.repo_id == repo_id) & (repositories.c.forced_at == forced_at)
    conn.execute(update(repositories).where(asked).values(forced_at=None))


def record_backfill(conn: Connection, repo_id: str, tip: str | None, num_commits: int | None = None) -> None:
    """Note that commits up to `tip` are recorded without being mapped; None: the backfill is over."""
    values = {"backfill_tip": tip, "backfill_commits": num_commits}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(values))


def record_repository_poll(conn: Connection, repo_id: str, *, now: float, error: str | None = None) -> None:
    """Note that a repository was polled, and what went wrong."""
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(polled_at=now, error=error))


def record_head(conn: Connection, repo_id: str, commit: str, commit_time: float, *, parser: str | None = None) -> None:
    """Note the commit that the ledger's tree is of, and the version that parsed it (None: this one)."""
    values = {"head": commit, "head_time": commit_time, "parser": parser_version() if parser is None else parser}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(values))


def forget_linked(conn: Connection, repo_id: str) -> None:
    """Note that the links are of another tree than the one of this head; which head they were of is kept."""
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(linked=None))


def record_linked(
    conn: Connection, repo_id: str, *, snapshot: str, head: str | None, linked_by: str = "", tree: str | None = None
) -> None:
    """Note the snapshot and the version that the ledger's links are of, and the tree for which its decisions hold."""
    values = {"linked": snapshot, "linked_head": head, "linked_by": linked_by, "linked_tree": tree}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(values))


def remove_repository(conn: Connection, repo_id: str, now: float) -> None:
    """Remove a repository: its tree and commits at once; the agents, told by the outbox, do so with what follows."""
    lock(conn, "samples")  # before the repository: drops of the samples agent go too, and it holds this over its own
    _set_state(conn, repositories, repo_id, "removed")
    cleared: dict[str, Any] = {"tip": None, "head": None, "head_time": None, "error": None, "tip_ref": None}
    cleared |= {"parser": None, "forced_at": None, "backfill_tip": None, "backfill_commits": None}
    conn.execute(update(repositories).where(repositories.c.repo_id == repo_id).values(cleared))
    conn.execute(delete(repository_tags).where(repository_tags.c.repo_id == repo_id))
    conn.execute(delete(tree_files).where(tree_files.c.repo_id == repo_id))
    conn.execute(delete(symbols).where(symbols.c.repo_id == repo_id))
    conn.execute(delete(drops).where(drops.c.repo_id == repo_id))
    # Added again, its history comes again with the same event ids, and must not look like a redelivery.
    conn.execute(delete(commits).where(commits.c.repo_id == repo_id))
    cause = Cause(kind="removal", id=repo_id, time=now, detail="repository removed")
    put_change(conn, MappingChange(cause=cause, repo_id=repo_id), now)


def add_sheet_source(
    conn: Connection,
    *,
    location: str,
    now: float,
    parts: Sequence[str] = (),
    revision: str | None = None,
    is_folder: bool = False,
    folder: str | None = None,
) -> SheetSource:
    """Return the source at a location, added or made active again; folder: the source that brought it."""
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
        "is_folder": is_folder,
        "folder": folder,
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
    """Remove a datasheet source: its releases are current no more; the agents retire what was linked to them.

    A release that another source has told as well (the file was renamed, or lies twice) becomes that one's.
    """
    _set_state(conn, sheet_sources, source_id, "removed")
    _hand_over(conn, source_id)
    current = select(datasheets.c.family).where(datasheets.c.source_id == source_id, datasheets.c.current.is_(True))
    families = list(conn.execute(current.order_by(datasheets.c.family)).scalars())
    for family in families:
        sheets.lock_family(conn, family)
    conn.execute(update(datasheets).where(datasheets.c.source_id == source_id).values(current=False))
    cause = Cause(kind="removal", id=source_id, time=now, detail="datasheet source removed")
    for family in families:
        put_change(conn, MappingChange(cause=cause, sheet_family=family), now)


def _hand_over(conn: Connection, source_id: str) -> None:
    mine = select(datasheets.c.sha256).where(datasheets.c.source_id == source_id, datasheets.c.current.is_(True))
    for sha256 in list(conn.execute(mine.order_by(datasheets.c.sha256)).scalars()):
        same = (sheet_sources.c.sha256 == sha256) & sheet_sources.c.state.in_(LIVE)
        others = select(sheet_sources.c.source_id).where(same).order_by(sheet_sources.c.source_id).limit(1)
        heir = conn.execute(others).scalar()
        if heir is not None:
            conn.execute(update(datasheets).where(datasheets.c.sha256 == sha256).values(source_id=heir))


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
