"""What belongs to no one repository: shards on disk, samples in shards, the PDFs of current datasheets."""

import time
from pathlib import Path

from sqlalchemy import Connection, Engine

from streams.blobs import BlobStore
from streams.errors import BlobError
from streams.ledger import dump, samples, shards, sheets
from streams.ledger.audits import LEDGER, Audit
from streams.ledger.engine import reading
from streams.ledger.shards import Shard
from streams.ledger.snapshots import whole_snapshot
from streams.shards import shards_folder, tars, verify_shards

WHOLE_KINDS = ("shards", "samples", "pdfs")


def audit_whole(engine: Engine, home: Path, *, deep: bool) -> Audit:
    """Return what differs; deep: every byte of shards and PDFs is read, else their sizes and whether they are there."""
    started, now = time.monotonic(), time.time()
    folder = shards_folder(home)
    present = tars(folder)  # before the ledger is read: a shard is planned there before its file appears
    with reading(engine) as conn:
        known = shards.list_shards(conn)
        snapshot = whole_snapshot(conn)
        misplaced = _sample_faults(conn, known)
        current = [sheet.sha256 for sheet in sheets.list_sheets(conn)]
    found = {
        "shards": verify_shards(folder, known, present=present, contents=deep),
        "samples": misplaced,
        "pdfs": _pdf_faults(BlobStore(home), current, deep=deep),
    }
    differences = [f"- {fault}" for kind in found for fault in found[kind]]
    mismatches = {kind: len(faults) for kind, faults in found.items()}
    return Audit(
        repo_id=LEDGER,
        snapshot=snapshot,
        depth="deep" if deep else "shallow",
        audited_at=now,
        seconds=time.monotonic() - started,
        mismatches=mismatches,
        num_differences=sum(mismatches.values()),
        differences=tuple(differences),
        digest=dump.digest("\n".join(f"{shard.name} {shard.sha256}" for shard in known)),
    )


def _sample_faults(conn: Connection, known: list[Shard]) -> list[str]:
    """Return the samples that are not in exactly one shard, or in another than their row says."""
    faults, seen = [], dict[str, str]()
    for shard in known:
        for sample_id in shard.sample_ids:
            if sample_id in seen:
                faults.append(f"sample {sample_id}: in {seen[sample_id]} and in {shard.name}")
            seen[sample_id] = shard.name
        rows = samples.ids_of_shard(conn, shard.seq)
        faults += [f"sample {lost}: its row is not of {shard.name}" for lost in sorted(set(shard.sample_ids) - rows)]
        faults += [f"sample {odd}: not listed by {shard.name}" for odd in sorted(rows - set(shard.sample_ids))]
    misplaced = samples.count_misplaced(conn)
    return faults + ([f"{misplaced} samples: sealed and in no shard, or pending and in one"] if misplaced else [])


def _pdf_faults(blobs: BlobStore, current: list[str], *, deep: bool) -> list[str]:
    faults = []
    for sha256 in current:
        try:
            if deep:
                blobs.get(sha256)
            elif sha256 not in blobs:
                faults.append(f"{blobs.path(sha256)}: missing")
        except BlobError as error:
            faults.append(str(error))
    return faults
