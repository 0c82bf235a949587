"""Which of the samples that some paths give now are added, which of the old ones stay, and which are dropped.

Two samples are the same text when their code is the same but for comments and white space. A text counts once,
whichever repository shows it first. Files of held-out families never count, nor do copies of them anywhere.
"""

import time
from collections.abc import Sequence

from sqlalchemy import Connection

from mapper.corpus.duplicates import content_hash
from mapper.corpus.sample import Sample
from streams.events import LinkedChange
from streams.ledger import samples, sheets
from streams.ledger.samples import STAGE, DropRow, NewSample, SampleRow

HELD_OUT = "holdout"
COPY_OF_HELD_OUT = "holdout_copy"
DUPLICATE = "duplicate"


class Selection:
    """The decision for one change: read `added`, `retracted`, `drops` and `freed`."""

    def __init__(
        self, conn: Connection, event: LinkedChange, paths: set[str], made: Sequence[Sample], *, held_out: bool
    ) -> None:
        self.added: list[NewSample] = []
        self.retracted: list[SampleRow] = []
        self.drops: list[DropRow] = []
        self._conn = conn
        self._event = event
        self._held_out = held_out
        self._families = {release.sha256: family for family, release in sheets.current_releases(conn).items()}
        found = samples.live_samples(conn, event.repo_id, paths)
        self._old = {(row.path, row.content_hash): row for rows in found.values() for row in rows}
        keyed = [(content_hash(sample.text), sample) for sample in made]
        self._copies = {drop.detail for drop in samples.drops_of_content(conn, HELD_OUT, {key for key, _ in keyed})}
        self._elsewhere = self._live_elsewhere({key for key, _ in keyed})
        self._kept: set[str] = set()
        self._claimed: set[str] = set()
        # What stood at its path before is considered first, so that a copy beside it does not take its place.
        for key, sample in sorted(keyed, key=lambda item: (item[1].path, item[0]) not in self._old):
            self._consider(key, sample)
        self._retract()

    @property
    def freed(self) -> list[str]:
        """Return the content hashes that no live sample has any more: a copy may take its place."""
        return sorted({row.content_hash for row in self.retracted} - self._claimed)

    def _live_elsewhere(self, keys: set[str]) -> dict[str, SampleRow]:
        own = {row.sample_id for row in self._old.values()}
        found = samples.live_by_content(self._conn, keys)
        return {key: row for key, row in found.items() if row.sample_id not in own}

    def _consider(self, key: str, sample: Sample) -> None:
        reason = self._refusal(key)
        if reason is not None:
            self.drops.append(sample_drop(self._event.repo_id, sample.path, sample.blob_id, reason, key))
            return
        self._claimed.add(key)
        old = self._old.get((sample.path, key))
        if old is not None and self._stays(old, sample):
            self._kept.add(old.sample_id)
            return
        self.added.append(
            NewSample(
                sample=sample,
                repo_id=self._event.repo_id,
                sheet_family=self._families.get(sample.sheet_sha256 or ""),
                content_hash=key,
                event_time=self._event.cause.time,
            )
        )

    def _refusal(self, key: str) -> str | None:
        if self._held_out:
            return HELD_OUT
        if key in self._copies:
            return COPY_OF_HELD_OUT
        return DUPLICATE if key in self._claimed or key in self._elsewhere else None

    def _stays(self, old: SampleRow, sample: Sample) -> bool:
        """Return whether the old sample is the new one, or is sealed with the same text: the trainer has that."""
        if old.sample_id == sample.sample_id:
            return True
        if old.state != "sealed":
            return False
        ((_, before),) = samples.load_samples(self._conn, [old.sample_id])
        return before.text == sample.text

    def _retract(self) -> None:
        added = {new.sample.sample_id for new in self.added}
        gone = [row for _, row in sorted(self._old.items()) if row.sample_id not in self._kept]
        if self._held_out:
            gone += [row for _, row in sorted(self._elsewhere.items())]
        self.retracted = [row for row in gone if row.sample_id not in added]


def sample_drop(repo_id: str, path: str, blob: str, reason: str, detail: str) -> DropRow:
    """Return the note that a file or a text of it became no sample; of copies, `detail` is the content hash."""
    return DropRow(
        stage=STAGE, reason=reason, repo_id=repo_id, path=path, blob_id=blob, detail=detail, dropped_at=time.time()
    )
