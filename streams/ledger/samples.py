"""Training samples: which texts count, which wait for a shard, and which were dropped or taken back.

Samples have an order of arrival (`seq`); shards are cut along it.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, select, update

from mapper.corpus.sample import Sample
from mapper.ids import content_id
from streams.ledger.bodies import pack, unpack
from streams.ledger.counters import take
from streams.ledger.engine import BATCH_ROWS
from streams.ledger.indexes import IS_PENDING, OF_SAMPLES, starts_of
from streams.ledger.locks import lock
from streams.ledger.schema import drops, samples
from streams.ledger.tallies import tallied
from streams.ledger.upsert import upsert

LIVE = ("pending", "sealed")
STAGE = "samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """What the ledger knows of a sample besides its text."""

    sample_id: str
    seq: int
    repo_id: str
    path: str
    sheet_family: str | None
    domain: str
    licence: str
    blob_id: str
    content_hash: str
    state: str
    shard_seq: int | None
    event_time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRow:
    """Something that was left out, and why."""

    stage: str
    reason: str
    repo_id: str | None
    path: str | None
    blob_id: str | None
    detail: str
    dropped_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSample:
    """A sample to add, with what only the ledger needs."""

    sample: Sample
    repo_id: str
    sheet_family: str | None
    content_hash: str
    event_time: float


def lock_samples(conn: Connection) -> None:
    """Return once nobody else adds, retracts or plans samples until the transaction ends.

    Whether a text counts depends on all others, and those of one shard must not be retracted while it is planned.
    """
    lock(conn, "samples")


def pending_samples(conn: Connection, *, limit: int) -> list[tuple[SampleRow, Sample]]:
    """Return the first samples, in order of arrival, that no shard holds yet."""
    query = select(samples).where(IS_PENDING).order_by(samples.c.seq).limit(limit)
    return [(_row(row), unpack(Sample, row.body)) for row in conn.execute(query)]


def pending_summary(conn: Connection) -> tuple[int, int | None]:
    """Return how many samples are pending and the place of the first of them in the order of arrival."""
    first = conn.execute(select(samples.c.seq).where(IS_PENDING).order_by(samples.c.seq).limit(1)).scalar_one_or_none()
    return count_by_state(conn).get("pending", 0), first


def load_samples(conn: Connection, sample_ids: Sequence[str]) -> list[tuple[SampleRow, Sample]]:
    """Return samples by their ids, in the order asked for."""
    found: dict[str, tuple[SampleRow, Sample]] = {}
    for start in range(0, len(sample_ids), BATCH_ROWS):
        query = select(samples).where(samples.c.sample_id.in_(sample_ids[start : start + BATCH_ROWS]))
        found.update({row.sample_id: (_row(row), unpack(Sample, row.body)) for row in conn.execute(query)})
    return [found[sample_id] for sample_id in sample_ids]


def live_samples(conn: Connection, repo_id: str, paths: Collection[str]) -> dict[str, list[SampleRow]]:
    """Return the pending and sealed samples of paths of a repository, by path."""
    found: dict[str, list[SampleRow]] = defaultdict(list)
    ordered = sorted(paths)
    for start in range(0, len(ordered), BATCH_ROWS):
        here = and_(samples.c.repo_id == repo_id, samples.c.path.in_(ordered[start : start + BATCH_ROWS]))
        query = select(*_COLUMNS).where(here, samples.c.state.in_(LIVE)).order_by(samples.c.seq)
        for row in conn.execute(query):
            found[row.path].append(_row(row))
    return dict(found)


def live_paths(conn: Connection, repo_id: str) -> set[str]:
    """Return the paths of a repository that have live samples."""
    query = select(samples.c.path).where(samples.c.repo_id == repo_id, samples.c.state.in_(LIVE)).distinct()
    return set(conn.execute(query).scalars())


def live_by_content(conn: Connection, hashes: Collection[str]) -> dict[str, SampleRow]:
    """Return the live sample of each of these content hashes that has one."""
    ordered, found = sorted(hashes), {}
    for start in range(0, len(ordered), BATCH_ROWS):
        batch = ordered[start : start + BATCH_ROWS]
        query = select(*_COLUMNS).where(samples.c.content_hash.in_(batch), samples.c.state.in_(LIVE))
        found.update({row.content_hash: _row(row) for row in conn.execute(query)})
    return found


def ids_of_shard(conn: Connection, seq: int) -> set[str]:
    """Return the ids of the samples that a shard took, retracted ones too."""
    return set(conn.execute(select(samples.c.sample_id).where(samples.c.shard_seq == seq)).scalars())


def count_misplaced(conn: Connection) -> int:
    """Return how many samples are in a shard and not sealed, or sealed and in none."""
    pending = and_(IS_PENDING, samples.c.shard_seq.is_not(None))
    lost = and_(samples.c.state == "sealed", samples.c.shard_seq.is_(None))
    queries = [select(func.count()).select_from(samples).where(here) for here in (pending, lost)]
    return sum(int(conn.execute(query).scalar_one()) for query in queries)


def find_sample(conn: Connection, sample_id: str) -> SampleRow | None:
    """Return a sample in whatever state."""
    row = conn.execute(select(*_COLUMNS).where(samples.c.sample_id == sample_id)).one_or_none()
    return _row(row) if row else None


def add_samples(conn: Connection, new: Sequence[NewSample]) -> None:
    """Add samples at the end of the order; one that was retracted counts again, in its shard if it is in one."""
    first = take(conn, "samples.seq", len(new))
    known: dict[str, int | None] = {}
    ids = [item.sample.sample_id for item in new]
    for start in range(0, len(ids), BATCH_ROWS):
        here = samples.c.sample_id.in_(ids[start : start + BATCH_ROWS])
        known.update(dict(conn.execute(select(samples.c.sample_id, samples.c.shard_seq).where(here)).all()))
    for state, wanted in (
        ("pending", [key for key, shard in known.items() if shard is None]),
        ("sealed", [key for key, shard in known.items() if shard is not None]),
    ):
        _set_state(conn, wanted, state)
    rows = {item.sample.sample_id: _values(item, seq) for seq, item in enumerate(new, start=first)}
    # The text may stand elsewhere now: in a fork, or under another path. What a shard holds of it stays as it was.
    upsert(conn, samples, [row for key, row in rows.items() if known.get(key) is None], update=(*_PLACE, "body"))
    upsert(conn, samples, [row for key, row in rows.items() if known.get(key) is not None], update=_PLACE)


def retract(conn: Connection, sample_ids: Sequence[str]) -> None:
    """Take samples back: not drawn any more, not sealed if they are not yet."""
    _set_state(conn, sample_ids, "retracted")


def replace_drops(
    conn: Connection, stage: str, repo_id: str | None, paths: Collection[str], new: Iterable[DropRow]
) -> None:
    """Write what a stage drops now of these paths, instead of what it dropped before.

    repo_id None: paths of no repository.
    """
    ordered = sorted(paths)
    for start in range(0, len(ordered), BATCH_ROWS):
        batch = ordered[start : start + BATCH_ROWS]
        conn.execute(delete(drops).where(drops.c.stage == stage, drops.c.repo_id == repo_id, drops.c.path.in_(batch)))
    rows = {}
    for drop in new:
        row = {field.name: getattr(drop, field.name) for field in dataclasses.fields(DropRow)}
        identity = content_id("dr1", drop.stage, drop.reason, drop.repo_id, drop.path, drop.blob_id, drop.detail)
        rows[identity] = {"drop_id": identity, **row}
    upsert(conn, drops, list(rows.values()))


def find_drops(
    conn: Connection,
    *,
    stage: str | None = None,
    reason: str | None = None,
    repo_id: str | None = None,
    limit: int = 100,
) -> list[DropRow]:
    """Return what was dropped, newest first."""
    query = select(drops).order_by(drops.c.dropped_at.desc(), drops.c.drop_id).limit(limit)
    if stage is not None:
        query = query.where(drops.c.stage == stage)
    if reason is not None:
        query = query.where(drops.c.reason == reason)
    if repo_id is not None:
        query = query.where(drops.c.repo_id == repo_id)
    return [_drop(row) for row in conn.execute(query)]


def dropped_paths(conn: Connection, stage: str, repo_id: str) -> set[str]:
    """Return the paths of a repository that a stage left out."""
    query = select(drops.c.path).where(drops.c.stage == stage, drops.c.repo_id == repo_id, drops.c.path.is_not(None))
    return set(conn.execute(query).scalars())


def drops_of_content(conn: Connection, reason: str, hashes: Collection[str]) -> list[DropRow]:
    """Return the samples dropped for a reason whose content hash (kept in `detail`) is one of these."""
    ordered, found = sorted(hashes), []
    for start in range(0, len(ordered), BATCH_ROWS):
        here = starts_of(drops.c.detail, ordered[start : start + BATCH_ROWS])
        query = select(drops).where(OF_SAMPLES, drops.c.reason == reason, here).order_by(drops.c.drop_id)
        found += [_drop(row) for row in conn.execute(query) if row.detail in hashes]
    return found


def count_by_state(conn: Connection) -> dict[str, int]:
    """Return how many samples are pending, sealed and retracted."""
    return tallied(conn, "samples")


def count_drops(conn: Connection) -> dict[tuple[str, str], int]:
    """Return how many things each (stage, reason) dropped."""
    found = {}
    for label, number in tallied(conn, "drops").items():
        stage, _, reason = label.partition("/")
        found[stage, reason] = number
    return found


_NAMES = [field.name for field in dataclasses.fields(SampleRow)]
_COLUMNS = [samples.c[name] for name in _NAMES]
_PLACE = ("repo_id", "path", "sheet_family", "domain", "licence", "blob_id", "event_time")


def _set_state(conn: Connection, sample_ids: Sequence[str], state: str) -> None:
    for start in range(0, len(sample_ids), BATCH_ROWS):
        here = samples.c.sample_id.in_(sample_ids[start : start + BATCH_ROWS])
        conn.execute(update(samples).where(here).values(state=state))


def _row(row: Row[Any]) -> SampleRow:
    return SampleRow(**{name: row._mapping[name] for name in _NAMES})


def _drop(row: Row[Any]) -> DropRow:
    return DropRow(**{field.name: row._mapping[field.name] for field in dataclasses.fields(DropRow)})


def _values(item: NewSample, seq: int) -> dict[str, Any]:
    sample = item.sample
    return {
        "sample_id": sample.sample_id,
        "seq": seq,
        "repo_id": item.repo_id,
        "path": sample.path,
        "sheet_family": item.sheet_family,
        "domain": sample.domain,
        "licence": sample.licence,
        "blob_id": sample.blob_id,
        "content_hash": item.content_hash,
        "state": "pending",
        "shard_seq": None,
        "event_time": item.event_time,
        "body": pack(sample),
    }
