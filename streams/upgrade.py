"""After an upgrade: tell the agents, through their topics, what this version of the mapper has to read again.

The watcher asks the ledger from time to time, and puts what is due into the outbox, a few at a time, with ids made of
what and which version. The ledger says when it is done, so nothing that happens in between loses it: a kill, a broker
that was made anew, a worker of another version that leaves it alone. See docs/upgrades.md.
"""

import logging
import time

from sqlalchemy import Connection, Engine

from mapper.version import mapping_version, parser_version, reader_version
from streams import topics
from streams.events import Cause, CommitEvent, MappingChange, SheetEvent
from streams.ledger import outbox, sheets, sources, upgrades
from streams.ledger.engine import reading, writing
from streams.ledger.locks import lock
from streams.ledger.outbox import Outgoing
from streams.ledger.sources import Repository
from streams.ledger.upgrades import KINDS, Kind
from streams.records import ChangeRecord, CommitRecord, SheetRecord

logger = logging.getLogger(__name__)


def tell_upgrades(engine: Engine, now: float | None = None) -> int:
    """Put what is due into the outbox; return how many events that were."""
    now = time.time() if now is None else now
    with reading(engine) as conn:
        if not any(upgrades.due(conn, kind, now) for kind in KINDS):
            return 0
    with writing(engine) as conn:
        lock(conn, "upgrades")
        told = 0
        for kind in KINDS:
            keys = upgrades.due(conn, kind, now)
            records = [record for key in keys if (record := _record(conn, kind, key)) is not None]
            outbox.put(conn, records, now)
            upgrades.note_told(conn, kind, keys, now)
            told += len(records)
    logger.info("upgrade told events=%d version=%s", told, mapping_version())
    return told


def upgrade_cause(version: str, moment: float, what: str) -> Cause:
    """Return the cause of what changed because a version of the mapper read it otherwise."""
    return Cause(kind="upgrade", id=version, time=moment, detail=f"{what} by another version of the mapper")


def _record(conn: Connection, kind: Kind, key: str) -> Outgoing | None:
    if kind == "sheet":
        return _sheet_record(conn, key)
    repository = sources.get_repository(conn, key)
    return _tree_record(repository) if kind == "tree" else _links_record(repository)


def _tree_record(repository: Repository) -> Outgoing:
    assert repository.head is not None
    event = CommitEvent(
        event_id=upgrades.upgrade_id("tree", repository.repo_id),
        repo_id=repository.repo_id,
        family=repository.family,
        ref=repository.branch or "HEAD",
        commit=repository.head,
        base=repository.head,
        changed=(),
        complete=False,
        commit_time=repository.head_time or 0.0,
        summary="",
        upgrade=parser_version(),
    )
    value = CommitRecord.from_domain(event).encode()
    return Outgoing(topic=topics.COMMITS.name, key=repository.family, value=value)


def _sheet_record(conn: Connection, sha256: str) -> Outgoing | None:
    row = sheets.find_release(conn, sha256)
    if row is None:
        return None
    source = sources.find_sheet_source(conn, row.source_id)
    event = SheetEvent(
        event_id=upgrades.upgrade_id("sheet", sha256),
        source_id=row.source_id,
        location=source.location if source else row.file,
        file=row.file,
        sha256=sha256,
        parts=source.parts if source else (),
        revision=source.revision if source else row.revision,
        released_at=row.released_at,
        upgrade=reader_version(),
    )
    value = SheetRecord.from_domain(event).encode()
    return Outgoing(topic=topics.SHEETS.name, key=row.source_id, value=value)


def _links_record(repository: Repository) -> Outgoing:
    moment = repository.head_time or repository.added_at
    cause = upgrade_cause(mapping_version(), moment, "linked again")
    change = MappingChange(cause=cause, repo_id=repository.repo_id)
    value = ChangeRecord.from_domain(change).encode()
    return Outgoing(topic=topics.CHANGES.name, key=repository.repo_id, value=value)
