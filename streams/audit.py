"""The audit: do the ledger's links and conflicts equal a mapping of the current trees and datasheets from scratch?"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from streams.agents.links import map_bodies, snapshot_id
from streams.ledger import dump, sheets, sources, symbols
from streams.ledger.engine import reading
from streams.ledger.sources import Repository
from streams.metrics import StreamsMetrics

MAX_DIFFERENCES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryAudit:
    """One repository: digests of both sides, and what differs."""

    repo_id: str
    url: str
    links: int
    conflicts: int
    ledger_digest: str
    scratch_digest: str
    current: bool
    """False: the ledger's links are of an older snapshot; the links agent still has work to do."""
    num_differences: int
    differences: tuple[str, ...]
    """"-": only in the ledger, "+": only from scratch; the first MAX_DIFFERENCES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found."""

    repositories: tuple[RepositoryAudit, ...]

    @property
    def num_differences(self) -> int:
        return sum(repository.num_differences for repository in self.repositories)

    @property
    def is_clean(self) -> bool:
        return self.num_differences == 0


def audit(engine: Engine, *, repo_id: str | None = None, metrics: StreamsMetrics | None = None) -> AuditReport:
    """Return the comparison for one repository or all, also those removed: these must have nothing left."""
    with reading(engine) as conn:
        found = sources.list_repositories(conn, sources.STATES)
    chosen = [repository for repository in found if repo_id in (None, repository.repo_id)]
    audits = []
    for repository in chosen:
        with reading(engine) as conn:
            audits.append(_audit(conn, repository))
    report = AuditReport(repositories=tuple(audits))
    if metrics is not None:
        metrics.audit_mismatches.set(report.num_differences)
    return report


def _audit(conn: Connection, repository: Repository) -> RepositoryAudit:
    repo_id = repository.repo_id
    repository = sources.get_repository(conn, repo_id)  # of the same snapshot as what follows
    trees = symbols.tree_bodies(conn, repo_id) if repository.state != "removed" else []
    mapping = map_bodies(trees, list(sheets.current_bodies(conn).values()), repo_id, repository.parts)
    links, conflicts = dump.link_lines(conn, repo_id), dump.conflict_lines(conn, repo_id)
    ledger = [*links, *conflicts, *dump.relevance_lines(conn, repo_id)]
    scratch = [
        *(dump.link_line(link) for link in mapping.links),
        *(dump.conflict_line(conflict) for conflict in mapping.conflicts),
        *(dump.relevance_line(repo_id, file) for file in mapping.files),
    ]
    differences = list(dump.difference(ledger, scratch))
    return RepositoryAudit(
        repo_id=repo_id,
        url=repository.url,
        links=len(links),
        conflicts=len(conflicts),
        ledger_digest=dump.digest("\n".join(sorted(ledger))),
        scratch_digest=dump.digest("\n".join(sorted(scratch))),
        current=repository.linked == snapshot_id(repository, sheets.current_releases(conn)),
        num_differences=len(differences),
        differences=tuple(differences[:MAX_DIFFERENCES]),
    )
