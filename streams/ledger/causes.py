"""Causes in words: which commit, which revision of which datasheet, which source that was removed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from streams.ledger.engine import BATCH_ROWS
from streams.ledger.schema import commits, datasheets, repositories, sheet_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseStory:
    """What is known of a cause."""

    kind: str
    """commit, datasheet, removal, or unknown: it is not in the ledger any more."""
    id: str
    time: float | None = None
    """When the commit was made, or the revision released."""
    title: str = ""
    """The commit's first line, or the datasheet's file."""
    revision: str | None = None
    family: str | None = None
    """Of a datasheet."""
    repo_id: str | None = None
    """Of a commit."""

    @property
    def words(self) -> str:
        """The cause as people say it."""
        match self.kind:
            case "commit":
                return f'commit {self.id[:12]} "{self.title}"'
            case "datasheet":
                return f"revision {self.revision or self.id[:12]} of {self.title}"
            case "removal":
                return f"the removal of {self.title}"
        return f"{self.id[:12]}, which the ledger no longer knows"


def explain_causes(conn: Connection, ids: Iterable[str | None]) -> dict[str, CauseStory]:
    """Return the story of each id: of a commit, a datasheet's sha256, a repository or a source."""
    wanted = sorted({identity for identity in ids if identity})
    found = {identity: CauseStory(kind="unknown", id=identity) for identity in wanted}
    for start in range(0, len(wanted), BATCH_ROWS):
        for story in _look_up(conn, wanted[start : start + BATCH_ROWS]):
            found[story.id] = story
    return found


def _look_up(conn: Connection, ids: Sequence[str]) -> Iterator[CauseStory]:
    urls = select(repositories.c.repo_id, repositories.c.url).where(repositories.c.repo_id.in_(ids))
    places = select(sheet_sources.c.source_id, sheet_sources.c.location).where(sheet_sources.c.source_id.in_(ids))
    for query in (urls, places):
        for identity, title in conn.execute(query):
            yield CauseStory(kind="removal", id=identity, title=title)
    columns = datasheets.c
    releases = select(columns.sha256, columns.family, columns.file, columns.revision, columns.released_at)
    for row in conn.execute(releases.where(columns.sha256.in_(ids))):
        yield CauseStory(
            kind="datasheet",
            id=row.sha256,
            time=row.released_at,
            title=row.file,
            revision=row.revision,
            family=row.family,
        )
    made = select(commits.c.commit_id, commits.c.repo_id, commits.c.summary, commits.c.commit_time)
    for commit in conn.execute(made.where(commits.c.commit_id.in_(ids)).order_by(commits.c.applied_at)):
        yield CauseStory(
            kind="commit",
            id=commit.commit_id,
            time=commit.commit_time,
            title=commit.summary,
            repo_id=commit.repo_id,
        )
