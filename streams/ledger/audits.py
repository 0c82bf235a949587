"""Audits: which repository was compared with what it follows from, when, how deep, and what differed."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from mapper.ids import content_id
from streams.ledger.schema import audits
from streams.ledger.upsert import upsert

LEDGER = "ledger"
"""In place of a repository's id: the audit of what belongs to no one repository."""
DEPTHS = ("shallow", "deep")
KEPT = 50  # audits of one repository; older ones are removed
KEPT_DIFFERENCES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One audit and its result."""

    repo_id: str
    snapshot: str
    """Of the links that were audited (streams/agents/links.py)."""
    depth: str
    """shallow: mapped from the parsed files the ledger keeps; deep: from the mirror's own bytes, parsed again."""
    audited_at: float
    seconds: float
    mismatches: Mapping[str, int]
    """How many things differ, by kind; a kind that could not be looked at is not named."""
    num_differences: int
    differences: tuple[str, ...]
    """The first KEPT_DIFFERENCES: "-" only in the ledger, "+" only in what it should follow from."""
    digest: str
    """sha256 of what the ledger held."""

    @property
    def is_clean(self) -> bool:
        return self.num_differences == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState:
    """How far the audits have come, over all repositories."""

    repositories: int
    audited: int
    """Repositories whose newest audit is of the snapshot that their links are of."""
    mismatches: Mapping[str, int]
    """Of the newest audits, by kind."""
    last_audit: float | None
    oldest_clean: float | None
    """When the repository that has been waiting longest was last found clean; None: one never was."""


def record_audit(conn: Connection, audit: Audit) -> None:
    """Note an audit; of one repository the newest KEPT stay."""
    row = {field.name: getattr(audit, field.name) for field in dataclasses.fields(Audit)}
    key = content_id("au1", audit.repo_id, audit.snapshot, audit.depth, audit.audited_at)
    shown = list(audit.differences[:KEPT_DIFFERENCES])
    upsert(conn, audits, [{**row, "audit_id": key, "mismatches": dict(audit.mismatches), "differences": shown}])
    here = audits.c.repo_id == audit.repo_id
    newest = select(audits.c.audited_at).where(here).order_by(audits.c.audited_at.desc()).offset(KEPT - 1).limit(1)
    oldest_kept = conn.execute(newest).scalar_one_or_none()
    if oldest_kept is not None:
        conn.execute(delete(audits).where(here, audits.c.audited_at < oldest_kept))


def find_audits(conn: Connection, *, repo_id: str | None = None, limit: int = 100, offset: int = 0) -> list[Audit]:
    """Return audits, newest first."""
    query = select(*_COLUMNS).order_by(audits.c.audited_at.desc(), audits.c.audit_id).limit(limit).offset(offset)
    if repo_id is not None:
        query = query.where(audits.c.repo_id == repo_id)
    return [_audit(row) for row in conn.execute(query)]


def latest_audits(conn: Connection) -> dict[str, Audit]:
    """Return the newest audit of each repository, and of the ledger, that has one."""
    last = select(audits.c.repo_id, func.max(audits.c.audited_at).label("at")).group_by(audits.c.repo_id).subquery()
    here = (audits.c.repo_id == last.c.repo_id) & (audits.c.audited_at == last.c.at)
    return {row.repo_id: _audit(row) for row in conn.execute(select(*_COLUMNS).join(last, here))}


def last_clean(conn: Connection) -> dict[str, float]:
    """Return when each repository, and the ledger, was last found clean."""
    query = select(audits.c.repo_id, func.max(audits.c.audited_at)).where(audits.c.num_differences == 0)
    return dict(conn.execute(query.group_by(audits.c.repo_id)).all())


def audit_state(conn: Connection, linked: Mapping[str, str | None]) -> AuditState:
    """Return how far the audits have come; linked: repository id -> the snapshot its links are of."""
    latest, clean = latest_audits(conn), last_clean(conn)
    chosen = {key: audit for key, audit in latest.items() if key in linked or key == LEDGER}
    mismatches: Counter[str] = Counter()
    for audit in chosen.values():
        mismatches.update({kind: number for kind, number in audit.mismatches.items() if number})
    known = [key for key, snapshot in linked.items() if snapshot is not None]
    times = [clean.get(key) for key in known]
    return AuditState(
        repositories=len(linked),
        audited=sum(key in latest and latest[key].snapshot == linked[key] for key in known),
        mismatches=dict(sorted(mismatches.items())),
        last_audit=max((audit.audited_at for audit in chosen.values()), default=None),
        oldest_clean=min((at for at in times if at is not None), default=None) if None not in times else None,
    )


_COLUMNS = [audits.c[field.name] for field in dataclasses.fields(Audit)]


def _audit(row: Row[Any]) -> Audit:
    return Audit(**{**row._mapping, "differences": tuple(row.differences)})
