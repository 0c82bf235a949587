"""What commits changed since links were last made: the last commit of each symbol and path, and where paths came from.

The symbols agent notes it with each commit, the links agent reads it for the causes of what it changes, and removes
what it has mapped. So there is no more of it than what waits.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from streams.ledger.engine import BATCH_ROWS
from streams.ledger.schema import pending_changes
from streams.ledger.symbols import Commit
from streams.ledger.upsert import upsert

PATH = "path:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What waits to be mapped in one repository."""

    symbols: Mapping[str, Commit]
    """Id of a symbol that came, went or changed -> the last commit that did it."""
    paths: Mapping[str, Commit]
    """Path that came, went or changed -> the same."""
    renames: Mapping[str, str]
    """Old path -> new path, chains of renames followed."""

    @property
    def newest(self) -> Commit | None:
        """Return the last of the commits that changed a path."""
        return max(self.paths.values(), key=lambda commit: commit.time, default=None)

    @property
    def commits(self) -> set[str]:
        """Return the ids of all commits in it."""
        return {commit.commit_id for commit in (*self.symbols.values(), *self.paths.values())}


def note_changes(
    conn: Connection,
    repo_id: str,
    commit: Commit,
    *,
    symbols: Collection[str],
    paths: Collection[str],
    renames: Mapping[str, str],
) -> None:
    """Note what a commit changed; renames: new path -> old path."""
    origins = _origins(conn, repo_id, {*paths, *renames.values()})
    rows = [_row(repo_id, symbol, commit) for symbol in symbols]
    for path in paths:
        old = renames.get(path)
        origin = origins.get(path) if old is None else origins.get(old) or old
        rows.append(_row(repo_id, PATH + path, commit, None if origin == path else origin))
    upsert(conn, pending_changes, rows)


def load_pending(conn: Connection, repo_id: str) -> Pending:
    """Return what waits in a repository."""
    columns = (pending_changes.c.item, pending_changes.c.commit_id, pending_changes.c.commit_time)
    query = select(*columns, pending_changes.c.old_path).where(pending_changes.c.repo_id == repo_id)
    rows = conn.execute(query.order_by(pending_changes.c.commit_time, pending_changes.c.item)).all()
    items = {row.item: Commit(row.commit_id, row.commit_time) for row in rows}
    return Pending(
        symbols={item: commit for item, commit in items.items() if not item.startswith(PATH)},
        paths={item.removeprefix(PATH): commit for item, commit in items.items() if item.startswith(PATH)},
        renames={row.old_path: row.item.removeprefix(PATH) for row in rows if row.old_path is not None},
    )


def forget(conn: Connection, repo_id: str, commits: Collection[str] | None = None) -> None:
    """Remove what these commits changed; None: everything of the repository."""
    here = pending_changes.c.repo_id == repo_id
    if commits is None:
        conn.execute(delete(pending_changes).where(here))
        return
    ordered = sorted(commits)
    for start in range(0, len(ordered), BATCH_ROWS):
        batch = ordered[start : start + BATCH_ROWS]
        conn.execute(delete(pending_changes).where(here, pending_changes.c.commit_id.in_(batch)))


def _origins(conn: Connection, repo_id: str, paths: Collection[str]) -> dict[str, str]:
    """Return where those of the paths stood when links were last made that were renamed since."""
    found: dict[str, str] = {}
    ordered = sorted(PATH + path for path in paths)
    for start in range(0, len(ordered), BATCH_ROWS):
        here = pending_changes.c.item.in_(ordered[start : start + BATCH_ROWS])
        query = select(pending_changes.c.item, pending_changes.c.old_path)
        rows = conn.execute(query.where(pending_changes.c.repo_id == repo_id, here))
        found.update({row.item.removeprefix(PATH): row.old_path for row in rows if row.old_path is not None})
    return found


def _row(repo_id: str, item: str, commit: Commit, old_path: str | None = None) -> dict[str, object]:
    return {
        "repo_id": repo_id,
        "item": item,
        "commit_id": commit.commit_id,
        "commit_time": commit.time,
        "old_path": old_path,
    }
