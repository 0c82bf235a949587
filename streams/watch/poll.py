"""One look at one source: fetch, tell what is new in Kafka, then note in the ledger how far was told.

The note is written after the brokers confirmed, and only if nobody changed the source meanwhile. A crash in between
tells the same events again, with the same ids. Each commit event is the difference from the commit told before it to
its own tree, so events chain without a gap whatever happened to the history (force-push included).
"""

import logging
import time
from dataclasses import dataclass, field

from sqlalchemy import Engine

from mapper.ids import sheet_event_id
from streams import topics
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.events import SheetEvent
from streams.failpoints import Failpoints, Point
from streams.ledger import sources
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing
from streams.ledger.sources import Repository, SheetSource
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.records import SheetRecord
from streams.watch.address import check_address
from streams.watch.follow import Follower, git_limits
from streams.watch.git import GitMirror, mirror_folder
from streams.watch.sheets import Limits, read_release
from streams.watch.tell import Teller

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Poller:
    """What a look at a source needs."""

    settings: StreamsSettings
    engine: Engine
    producer: RecordProducer
    blobs: BlobStore
    metrics: StreamsMetrics
    failpoints: Failpoints = field(default_factory=Failpoints)

    def reread(self, source: Repository | SheetSource) -> Repository | SheetSource | None:
        """Return a source as the ledger has it now, None if it is gone."""
        with reading(self.engine) as conn:
            if isinstance(source, Repository):
                return sources.get_repository(conn, source.repo_id)
            return sources.find_sheet_source(conn, source.source_id)

    def poll_repository(self, repository: Repository) -> int:
        """Tell every commit since the last told one; return how many. Raises StreamsError."""
        address = check_address(
            repository.url,
            allow_local=self.settings.allow_local_sources,
            allow_private=self.settings.allow_private_addresses,
        )
        mirror = GitMirror(mirror_folder(self.settings.home, repository.repo_id), git_limits(self.settings))
        teller = Teller(self.engine, self.producer, self.metrics, mirror, repository, repository.tip, self.failpoints)
        Follower(self.settings, teller, address).follow()
        return teller.count

    def poll_sheet(self, source: SheetSource) -> int:
        """Tell a datasheet's new bytes, if there are any; return how many events. Raises StreamsError."""
        limits = Limits(
            max_bytes=self.settings.max_pdf_bytes,
            allow_local=self.settings.allow_local_sources,
            allow_private=self.settings.allow_private_addresses,
        )
        release = read_release(source.location, limits=limits, etag=source.etag, last_modified=source.last_modified)
        if release is None:
            return 0
        sha256 = self.blobs.put(release.data)
        is_new = sha256 != source.sha256
        if is_new:
            self.failpoints.hit(Point.BLOB_STORED)
            # New bytes in an old place are released now, whatever date they carry: a copied file keeps its own.
            event = SheetEvent(
                event_id=sheet_event_id(source.source_id, sha256),
                source_id=source.source_id,
                location=source.location,
                file=release.file,
                sha256=sha256,
                parts=source.parts,
                revision=source.revision,
                released_at=release.released_at if source.sha256 is None else time.time(),
            )
            value = SheetRecord.from_domain(event).encode()
            self.producer.send([Outgoing(topic=topics.SHEETS.name, key=source.source_id, value=value)])
            self.failpoints.hit(Point.SHEET_TOLD)
            self.metrics.source_head.labels(source.source_id).set(event.released_at)
            logger.info("datasheet told source_id=%s sha256=%s", source.source_id, sha256)
        with writing(self.engine) as conn:
            now = sources.lock_sheet_source(conn, source.source_id)
            if now is not None and (now.state, now.sha256, now.added_at) == (
                source.state,
                source.sha256,
                source.added_at,
            ):
                sources.record_sheet_bytes(
                    conn, source.source_id, sha256=sha256, etag=release.etag, last_modified=release.last_modified
                )
        return int(is_new)

    def note_poll(self, source: Repository | SheetSource, error: str | None) -> None:
        """Note when a source was looked at, and what was wrong."""
        with writing(self.engine) as conn:
            if isinstance(source, Repository):
                sources.record_repository_poll(conn, source.repo_id, now=time.time(), error=error)
            else:
                sources.record_sheet_poll(conn, source.source_id, now=time.time(), error=error)
