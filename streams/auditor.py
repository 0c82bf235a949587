"""The auditor: compares the live system with what it should follow from, a little at a time, at the lowest priority.

A repository is audited once its links are of a snapshot that was not audited, and again at a slow interval; shallow
and deep audits take turns (streams/audit.py). Each runs in a child process that ends when there is nothing left to do,
so that idling costs neither memory nor time, and after each the auditor rests, so that it takes a share of one core
at most. Results are noted in the ledger, where status, doctor and the console find them.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from streams.audit_child import examine
from streams.config import StreamsSettings
from streams.errors import StreamsError
from streams.ledger import audits, outbox, sheets, sources
from streams.ledger.audits import LEDGER, Audit, AuditState
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.snapshots import whole_snapshot
from streams.ledger.sources import Repository
from streams.metrics import StreamsMetrics
from streams.pool import Pool

logger = logging.getLogger(__name__)

NICENESS = 19
BEAT_SECONDS = 5.0
CORE_SHARE = 0.2  # of one core, over the time that there is something to audit
LONGEST_REST_SECONDS = 60.0  # on a busy machine an audit takes long because it is given little
AGAIN_IF_DIFFERENT = 0.1  # of the slow interval
KINDS = ("links", "conflicts", "relevance", "releases", "symbols", "parsed", "tree", "shards", "samples", "pdfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An audit to make, and what it would be of: tried once, it waits until that has moved."""

    subject: str
    depth: str
    mark: str


def run(
    settings: StreamsSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Audit until stop is set; a fault of the database is waited out. With the setting `audit` off, only beat."""
    if not settings.audit:
        logger.info("audits are off (SHEETSTREAM_AUDIT)")
        _rest(float("inf"), stop, beat)
        return
    os.nice(NICENESS)
    engine = open_ledger(settings.database_url)
    upgrade(engine)
    auditor = Auditor(settings, engine, StreamsMetrics(registry))
    while not stop.is_set():
        try:
            auditor.round(stop, beat)
        except (StreamsError, SQLAlchemyError, OSError) as error:
            logger.warning("not audited, trying again: %s", error)
        _rest(settings.audit_seconds, stop, beat)
    engine.dispose()


class Auditor:
    """Decides what to audit, has it done, notes the results."""

    def __init__(self, settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._tried: dict[str, str] = {}

    def round(self, stop: threading.Event, beat: Callable[[], None]) -> int:
        """Make all audits that are due, one after the other, and return how many were noted."""
        with reading(self._engine) as conn:
            due = self.due(conn, time.time())
            self._export(conn)
        noted = 0
        if due:
            with Pool() as pool, ThreadPoolExecutor(1, thread_name_prefix="audit") as thread:
                for item in due:
                    if stop.is_set():
                        break
                    started = time.monotonic()
                    noted += self._await(thread.submit(self.audit, pool, item), pool, stop, beat)
                    seconds = (time.monotonic() - started) * (1 / CORE_SHARE - 1)
                    _rest(min(seconds, LONGEST_REST_SECONDS), stop, beat)
            with reading(self._engine) as conn:
                self._export(conn)
        return noted

    def due(self, conn: Connection, now: float) -> list[Due]:
        """Return the audits to make, what was never audited first, then what was audited longest ago."""
        latest = audits.latest_audits(conn)
        releases = repr([(sheet.sha256, sheet.parts) for sheet in sheets.list_sheets(conn)])
        found = []
        for repository in sources.list_repositories(conn, sources.STATES):
            mark = repr((repository.linked, repository.head, repository.parts, repository.path_globs, releases))
            last = latest.get(repository.repo_id)
            if repository.linked is not None and self._is_due(last, repository.linked, now):
                found.append(Due(subject=repository.repo_id, depth=_turn(last), mark=mark))
        whole, last = whole_snapshot(conn), latest.get(LEDGER)
        if self._is_due(last, whole, now):
            found.append(Due(subject=LEDGER, depth=_turn(last), mark=whole))
        found = [item for item in found if self._tried.get(item.subject) != item.mark]
        return sorted(found, key=lambda item: latest[item.subject].audited_at if item.subject in latest else 0.0)

    def audit(self, pool: Pool, due: Due) -> bool:
        """Make one audit and return whether it was noted: not when the links are of another snapshot by now."""
        subject = due.subject
        try:
            found = pool.call(examine, self._settings.database_url, self._settings.home, subject, due.depth)
        except (StreamsError, SQLAlchemyError, OSError, BrokenProcessPool) as error:
            logger.warning("audit failed subject=%s depth=%s error=%r", subject, due.depth, error)
            self._metrics.audits.labels(due.depth, "failed").inc()
            self._tried[subject] = due.mark
            return False
        if found is None:
            self._metrics.audits.labels(due.depth, "not_current").inc()
            self._tried[subject] = due.mark
            return False
        with writing(self._engine) as conn:
            audits.record_audit(conn, found)
        self._tried.pop(subject, None)
        self._metrics.audits.labels(found.depth, "clean" if found.is_clean else "differs").inc()
        self._metrics.audit_seconds.labels(found.depth).inc(found.seconds)
        if not found.is_clean:
            logger.error(
                "audit found differences subject=%s depth=%s mismatches=%s first=%s",
                *(subject, found.depth, {k: n for k, n in found.mismatches.items() if n}, found.differences[:1]),
            )
        return True

    def _is_due(self, last: Audit | None, snapshot: str, now: float) -> bool:
        if last is None or last.snapshot != snapshot:
            return True
        wait = self._settings.audit_again_seconds * (1.0 if last.is_clean else AGAIN_IF_DIFFERENT)
        return now - last.audited_at >= wait

    def _await(self, future: Future[bool], pool: Pool, stop: threading.Event, beat: Callable[[], None]) -> bool:
        """Return the result, beating meanwhile; when asked to stop, the child is ended."""
        waited = 0.0
        while not future.done():
            if stop.wait(min(BEAT_SECONDS, 0.1 + waited / 10)):
                pool.abort()
                break
            waited += BEAT_SECONDS / 10
            beat()
        return future.result()

    def _export(self, conn: Connection) -> None:
        repositories = sources.list_repositories(conn, sources.STATES)
        state = system_audits(conn, repositories)
        for kind in KINDS:
            self._metrics.audit_mismatches.labels(kind).set(state.mismatches.get(kind, 0))
        late = outbox.count_before(conn, time.time() - self._settings.audit_outbox_seconds)
        self._metrics.audit_mismatches.labels("outbox").set(late)
        latest = audits.latest_audits(conn)
        results = Counter(_result(latest.get(repository.repo_id), repository.linked) for repository in repositories)
        for result in ("clean", "differs", "waiting"):
            self._metrics.audited_repositories.labels(result).set(results[result])
        for subject, at in audits.last_clean(conn).items():
            self._metrics.audit_clean.labels(subject).set(at)
        self._metrics.audit_oldest_clean.set(state.oldest_clean or 0)


def system_audits(conn: Connection, repositories: list[Repository] | None = None) -> AuditState:
    """Return how far the audits have come."""
    found = sources.list_repositories(conn, sources.STATES) if repositories is None else repositories
    return audits.audit_state(conn, {repository.repo_id: repository.linked for repository in found})


def _result(last: Audit | None, linked: str | None) -> str:
    if last is None or last.snapshot != linked:
        return "waiting"
    return "clean" if last.is_clean else "differs"


def _turn(last: Audit | None) -> str:
    return "deep" if last is not None and last.depth == "shallow" else "shallow"


def _rest(seconds: float, stop: threading.Event, beat: Callable[[], None]) -> None:
    """Return after so long, or once stop is set."""
    end = time.monotonic() + seconds
    while not stop.is_set():
        beat()
        left = end - time.monotonic()
        if left <= 0 or stop.wait(min(left, BEAT_SECONDS)):
            return
