"""Tags of repositories that are followed by their tags: which were seen, and which commit each names."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, select

from streams.ledger.engine import BATCH_ROWS
from streams.ledger.schema import repository_tags
from streams.ledger.upsert import upsert


def read_tags(conn: Connection, repo_id: str) -> dict[str, str]:
    """Return tag -> commit of a repository as last seen."""
    query = select(repository_tags.c.tag, repository_tags.c.commit_id).where(repository_tags.c.repo_id == repo_id)
    return {row.tag: row.commit_id for row in conn.execute(query.order_by(repository_tags.c.tag))}


def write_tags(conn: Connection, repo_id: str, tags: Mapping[str, str], now: float) -> None:
    """Make these (tag -> commit) the tags of a repository; when one was first seen at its commit is kept."""
    before = read_tags(conn, repo_id)
    gone = sorted(before.keys() - tags.keys())
    for start in range(0, len(gone), BATCH_ROWS):
        batch = gone[start : start + BATCH_ROWS]
        conn.execute(
            delete(repository_tags).where(repository_tags.c.repo_id == repo_id, repository_tags.c.tag.in_(batch))
        )
    changed = {tag: commit for tag, commit in tags.items() if before.get(tag) != commit}
    rows = [{"repo_id": repo_id, "tag": tag, "commit_id": commit, "seen_at": now} for tag, commit in changed.items()]
    upsert(conn, repository_tags, rows)


def count_tags(conn: Connection) -> dict[str, int]:
    """Return how many tags each repository has."""
    query = select(repository_tags.c.repo_id, func.count()).group_by(repository_tags.c.repo_id)
    return {row[0]: row[1] for row in conn.execute(query)}
