"""Agent sheets: a datasheet release -> its content in the ledger, the family's current release, what changed.

The PDF is read in a sandboxed child process. The newest release of a family by time is current, in whatever order
they come.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from mapper.datasheet.confirm import unconfirmed_parts
from mapper.datasheet.revision import SheetChange, diff_datasheets
from mapper.model import Datasheet
from streams import topics
from streams.agents.delivery import Effect
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import Cause, MappingChange, SheetEvent
from streams.ledger import sheets, sources
from streams.ledger.engine import reading
from streams.ledger.outbox import Outgoing
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

    def prepare(self, event: SheetEvent) -> ReadRelease | None:
        """Return the release read from its PDF; None when its source was removed. Raises DatasheetError."""
        started = time.monotonic()
        with reading(self._engine) as conn:
            source = sources.find_sheet_source(conn, event.source_id)
            if source is None or source.state == "removed":
                return None
        sheet = self._read_sheet(
            self._blobs.get(event.sha256),
            file=event.file,
            parts=event.parts,
            timeout_seconds=self._settings.pdf_timeout_seconds,
        )
        sheet = dataclasses.replace(sheet, revision=event.revision or sheet.revision)
        with reading(self._engine) as conn:
            current = sheets.current_sheet(conn, sheet.family)
            old = sheets.load_sheet(conn, current.sha256) if current else None
        changes = tuple(diff_datasheets(old, sheet)) if old is not None and old.sha256 != sheet.sha256 else ()
        return ReadRelease(sheet=sheet, current=current, changes=changes, seconds=time.monotonic() - started)

    def apply(self, conn: Connection, event: SheetEvent, prepared: ReadRelease | None) -> Effect:
        """Write the release; when it is the newest of its family, make it current and tell the links agent."""
        source = sources.lock_sheet_source(conn, event.source_id)
        if prepared is None or source is None or source.state == "removed":
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
        changed = newest and (before is None or not again or before.parts != sheet.parts)
        if changed and before is not None and not again:
            sheets.write_sheet_changes(conn, sheet.family, before.sha256, sheet.sha256, prepared.changes)
        return Effect(
            records=(_change(event, prepared),) if changed else (),
            event_time=event.released_at,
            count=lambda: self._metrics.pages_read.inc(sheet.num_pages),
        )


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
