"""Agent sheets: a datasheet release -> its content in the ledger, the family's current release, what changed.

The PDF is read in a sandboxed child process. The newest release of a family by time is current, in whatever order
they come. A release that another version of the mapper read is read again from its blob.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from mapper.datasheet.confirm import unconfirmed_parts
from mapper.datasheet.revision import SheetChange, diff_datasheets
from mapper.errors import DatasheetError
from mapper.model import Datasheet
from mapper.version import reader_version
from streams import topics
from streams.agents.delivery import Effect
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import BlobError, MovedError
from streams.events import Cause, MappingChange, SheetEvent
from streams.ledger import samples, sheets, sources
from streams.ledger.engine import reading
from streams.ledger.outbox import Outgoing
from streams.ledger.samples import DropRow
from streams.ledger.sheets import SheetRow
from streams.metrics import StreamsMetrics
from streams.records import MAX_LISTED_IDS, ChangeRecord, SheetRecord

logger = logging.getLogger(__name__)

ReadSheet = Callable[..., Datasheet]
"""streams.sandbox.read_sheet, or a test's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRelease:
    """A release as read, with what differs from the one that was current then."""

    sheet: Datasheet
    current: SheetRow | None
    changes: tuple[SheetChange, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """A known release as this version of the reader reads it."""

    known: SheetRow
    sheet: Datasheet | None
    """None: this version can not read it."""
    fault: DatasheetError | BlobError | None
    seconds: float


class SheetsAgent:
    """Applies datasheet releases."""

    agent = "sheets"
    record = SheetRecord

    def __init__(
        self, settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, read_sheet: ReadSheet
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._read_sheet = read_sheet
        self._blobs = BlobStore(settings.home)

    def prepare(self, event: SheetEvent) -> ReadRelease | ReadAgain | None:
        """Return the release read from its PDF; None when nothing is to be done. Raises DatasheetError."""
        started = time.monotonic()
        with reading(self._engine) as conn:
            source = sources.find_sheet_source(conn, event.source_id)
            known = sheets.find_release(conn, event.sha256)
        if event.upgrade is not None:  # what another version asks for is left to its workers
            is_ours = event.upgrade == reader_version() and _is_outdated(known)
            return self._read_again(event, known, started) if is_ours else None
        if source is None or source.state == "removed":
            return None
        sheet = self._read(event)
        with reading(self._engine) as conn:
            current = sheets.current_sheet(conn, sheet.family)
            old = sheets.load_sheet(conn, current.sha256) if current else None
        changes = tuple(diff_datasheets(old, sheet)) if old is not None and old.sha256 != sheet.sha256 else ()
        return ReadRelease(sheet=sheet, current=current, changes=changes, seconds=time.monotonic() - started)

    def _read(self, event: SheetEvent) -> Datasheet:
        sheet = self._read_sheet(
            self._blobs.get(event.sha256),
            file=event.file,
            parts=event.parts,
            timeout_seconds=self._settings.pdf_timeout_seconds,
        )
        return dataclasses.replace(sheet, revision=event.revision or sheet.revision)

    def _read_again(self, event: SheetEvent, known: SheetRow | None, started: float) -> ReadAgain:
        assert known is not None
        sheet = fault = None
        try:
            sheet = self._read(event)
        except (DatasheetError, BlobError) as error:
            fault = error
        return ReadAgain(known=known, sheet=sheet, fault=fault, seconds=time.monotonic() - started)

    def apply(self, conn: Connection, event: SheetEvent, prepared: ReadRelease | ReadAgain | None) -> Effect:
        """Write the release; when it is the newest of its family, make it current and tell the links agent."""
        if event.upgrade is not None:
            return self._apply_again(conn, event, prepared) if isinstance(prepared, ReadAgain) else Effect()
        source = sources.lock_sheet_source(conn, event.source_id)
        if not isinstance(prepared, ReadRelease) or source is None or source.state == "removed":
            return Effect(result="dropped", count=lambda: self._metrics.drops.labels(self.agent, "removed").inc())
        sheet, before = prepared.sheet, sheets.lock_family(conn, prepared.sheet.family)
        if before != prepared.current:
            raise MovedError(f"datasheet family {sheet.family}: another release became current")
        again = before is not None and before.sha256 == sheet.sha256
        newest = before is None or again or (before.released_at, before.sha256) < (event.released_at, sheet.sha256)
        unconfirmed = unconfirmed_parts(sheet, event.parts)
        if unconfirmed:
            logger.warning("parts not named by the datasheet source_id=%s parts=%s", event.source_id, unconfirmed)
        sheets.write_sheet(
            conn,
            sheet,
            source_id=event.source_id,
            released_at=max(event.released_at, before.released_at) if before and again else event.released_at,
            read_at=time.time(),
            seconds=prepared.seconds,
            current=newest,
            unconfirmed=unconfirmed,
        )
        changed = newest and (before is None or not again or (before.parts, before.reader) != _read_as(sheet))
        if changed and before is not None and not again:
            sheets.write_sheet_changes(conn, sheet.family, before.sha256, sheet.sha256, prepared.changes)
        return Effect(
            records=(_change(event, prepared),) if changed else (),
            event_time=event.released_at,
            count=lambda: self._metrics.pages_read.inc(sheet.num_pages),
        )

    def _apply_again(self, conn: Connection, event: SheetEvent, prepared: ReadAgain) -> Effect:
        """Write what this version reads; what it can not read stays as it was, and is noted among what is left out.

        Nobody is told: the watcher has everything linked again once all there is was read (streams/upgrade.py).
        """
        known, sheet = prepared.known, prepared.sheet
        families = {known.family, sheet.family if sheet else known.family}
        currents = {family: sheets.lock_family(conn, family) for family in sorted(families)}
        if sheets.find_release(conn, known.sha256) != known:
            raise MovedError(f"datasheet {known.sha256}: changed by another while it was read again")
        samples.replace_drops(conn, self.agent, None, [event.location], _drops(event, prepared))
        if sheet is None:
            sheets.record_reader(conn, known.sha256, reader_version())
            return Effect(event_time=event.released_at, count=lambda: self._count_drop(prepared))
        other = currents[sheet.family]
        newest = other is None or (other.released_at, other.sha256) <= (known.released_at, known.sha256)
        sheets.write_sheet(
            conn,
            sheet,
            source_id=known.source_id,
            released_at=known.released_at,
            read_at=time.time(),
            seconds=prepared.seconds,
            current=newest,
        )
        return Effect(event_time=event.released_at, count=lambda: self._metrics.pages_read.inc(sheet.num_pages))

    def _count_drop(self, prepared: ReadAgain) -> None:
        if prepared.fault is not None:
            self._metrics.drops.labels(self.agent, prepared.fault.reason).inc()


def _is_outdated(known: SheetRow | None) -> bool:
    return known is not None and known.current and known.reader != reader_version()


def _read_as(sheet: Datasheet) -> tuple[tuple[str, ...], str]:
    return sheet.parts, reader_version()


def _drops(event: SheetEvent, prepared: ReadAgain) -> list[DropRow]:
    if prepared.fault is None:
        return []
    return [
        DropRow(
            stage=SheetsAgent.agent,
            reason=prepared.fault.reason,
            repo_id=None,
            path=event.location,
            blob_id=event.sha256,
            detail=f"kept as an older version read it: {prepared.fault}",
            dropped_at=time.time(),
        )
    ]


def _change(event: SheetEvent, release: ReadRelease) -> Outgoing:
    family = release.sheet.family
    detail = f"revision {release.sheet.revision or 'unknown'} of {event.file}"
    anchors = sorted({change.anchor for change in release.changes})
    change = MappingChange(
        cause=Cause(kind="datasheet", id=event.sha256, time=event.released_at, detail=detail),
        sheet_family=family,
        anchors=tuple(anchors[:MAX_LISTED_IDS]),
    )
    return Outgoing(topic=topics.CHANGES.name, key=family, value=ChangeRecord.from_domain(change).encode())
