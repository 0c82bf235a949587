"""A canonical dump of what counts, for comparing two ledgers or a ledger with a mapping from scratch.

Left out is what depends on the way there: states and history of live links, times, the order of arrival, and which of
several equal texts came first.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from mapper.model import Conflict, FileRelevance, TraceLink
from streams.ledger import conflicts, links
from streams.ledger.samples import LIVE
from streams.ledger.schema import file_relevance, repositories, samples


def dump(conn: Connection) -> str:
    """Return the live links, relevant files, open conflicts and live samples, a JSON object a line, sorted."""
    return "\n".join(sorted({*link_lines(conn), *relevance_lines(conn), *conflict_lines(conn), *sample_lines(conn)}))


def dump_digest(conn: Connection) -> str:
    """Return a digest of what the dump says, whatever the size of the ledger: of its lines' digests, kind by kind."""
    total = hashlib.sha256()
    for repo_id in conn.execute(select(repositories.c.repo_id).order_by(repositories.c.repo_id)).scalars().all():
        lines = [*link_lines(conn, repo_id), *relevance_lines(conn, repo_id), *conflict_lines(conn, repo_id)]
        total.update(digest("\n".join(lines)).encode())
    for line in sorted(sample_lines(conn)):
        total.update(line.encode())
    return total.hexdigest()


def digest(text: str) -> str:
    """Return the sha256 of a dump."""
    return hashlib.sha256(text.encode()).hexdigest()


def link_lines(conn: Connection, repo_id: str | None = None) -> list[str]:
    """Return a line for every live link."""
    return sorted(link_line(stored.link) for stored in links.load_links(conn, repo_id=repo_id))


def link_line(link: TraceLink) -> str:
    """Return the line of a link."""
    return _line("link", link.link_id, link.revision, round(link.score, 6), link.grade, link.method, link.symbol.line)


def conflict_lines(conn: Connection, repo_id: str | None = None) -> list[str]:
    """Return a line for every open conflict."""
    rows = conflicts.find_conflicts(conn, repo_id=repo_id, state="open", limit=1_000_000_000)
    return sorted(_line("conflict", row.conflict_id, row.kind, row.code_value, row.sheet_value) for row in rows)


def conflict_line(conflict: Conflict) -> str:
    """Return the line of a conflict."""
    return _line("conflict", conflict.conflict_id, conflict.kind, conflict.code_value, conflict.sheet_value)


def relevance_lines(conn: Connection, repo_id: str | None = None) -> list[str]:
    """Return a line for every relevant file."""
    query = select(file_relevance)
    if repo_id is not None:
        query = query.where(file_relevance.c.repo_id == repo_id)
    return sorted(
        _line("file", row.repo_id, row.sheet_family, row.path, row.rank, round(row.score, 6), row.accepted)
        for row in conn.execute(query)
    )


def relevance_line(repo_id: str, file: FileRelevance) -> str:
    """Return the line of a relevant file."""
    return _line("file", repo_id, file.sheet_family, file.path, file.rank, round(file.score, 6), file.accepted)


def sample_lines(conn: Connection) -> list[str]:
    """Return a line for every text that counts."""
    query = select(samples.c.content_hash, samples.c.domain).where(samples.c.state.in_(LIVE))
    return sorted(_line("sample", row.content_hash, row.domain) for row in conn.execute(query))


def difference(left: Iterable[str], right: Iterable[str]) -> Iterator[str]:
    """Yield the lines of one side only, "-" before those of the left."""
    a, b = set(left), set(right)
    yield from (f"- {line}" for line in sorted(a - b))
    yield from (f"+ {line}" for line in sorted(b - a))


def subject(line: str) -> tuple[str, ...]:
    """Return what a line of a difference is about, whatever it says of it: its kind and its id."""
    if not line[2:].startswith("["):
        return (line[2:],)
    parts = json.loads(line[2:])
    return tuple(parts[: 4 if parts[0] == "file" else 2])


def _line(*parts: object) -> str:
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
