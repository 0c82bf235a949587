"""Move a ledger to another database: SQLite to PostgreSQL, or back, row by row.

Tables are copied in the order of their keys, a bounded batch a transaction; how far each is lies in the target, so a
move that was interrupted goes on where it was. Nothing else may write to either meanwhile. At the end both are
compared: rows by table, the canonical dump, and the tallies, which the target's triggers have kept from nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column, Connection, Engine, MetaData, Table, func, select, text, tuple_

from streams.errors import LedgerError
from streams.ledger.columns import String
from streams.ledger.dump import dump_digest
from streams.ledger.engine import reading, where, writing
from streams.ledger.indexes import metadata
from streams.ledger.migrate import newest_version, schema_version, upgrade
from streams.ledger.tallies import miscounted
from streams.ledger.upsert import upsert

BATCH_ROWS = 1000
BATCH_BYTES = 8 * 1000 * 1000  # of bodies: a batch ends when it has so many
DERIVED = ("tallies", "link_tallies", "sheet_coverage")

_notes = MetaData()
progress = Table(
    "moving",
    _notes,
    Column("table_name", String, primary_key=True),  # "": the whole move
    Column("key", JSON, nullable=False),  # of the last row copied; of the whole move: where from
)

Report = Callable[[str, int, int], None]
"""Called with a table, the rows copied so far and all its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was compared after a move."""

    rows: dict[str, int]
    digest: str


def tables() -> list[Table]:
    """Return the tables that are copied, by name; the others follow from them."""
    return [table for name, table in sorted(metadata.tables.items()) if name not in DERIVED]


def count_rows(conn: Connection) -> dict[str, int]:
    """Return the number of rows of every table that a move copies; counts them."""
    return {t.name: int(conn.execute(select(func.count()).select_from(t)).scalar_one()) for t in tables()}


def check_source(conn: Connection, engine: Engine) -> None:
    """Raise LedgerError unless a ledger is of this version."""
    version = schema_version(conn)
    if version != newest_version():
        raise LedgerError(
            f"ledger: {where(engine)}: schema {newest_version()} expected, got {version};"
            " start the system once with this version, so that it is upgraded"
        )


def prepare_target(source: Engine, target: Engine, *, resume: bool) -> None:
    """Make the target's tables. Raises LedgerError when it has rows, unless they are of this move and it resumes."""
    upgrade(target)
    with writing(target) as conn:
        _notes.create_all(conn)
        begun = conn.execute(select(progress.c.key).where(progress.c.table_name == "")).scalar_one_or_none()
        if begun is not None and begun != where(source):
            raise LedgerError(f"ledger: {where(target)}: holds a part of a move from {begun}, not from {where(source)}")
        if begun is not None and not resume:
            raise LedgerError(f"ledger: {where(target)}: holds a part of this move; --resume goes on with it")
        filled = [] if begun is not None else [table.name for table in tables() if _has_rows(conn, table)]
        if filled:
            raise LedgerError(f"ledger: {where(target)}: an empty ledger expected, got rows in {', '.join(filled)}")
        upsert(conn, progress, [{"table_name": "", "key": where(source)}])


def copy(source: Engine, target: Engine, report: Report) -> None:
    """Copy what the target has not yet."""
    for table in tables():
        with reading(source) as conn:
            total = int(conn.execute(select(func.count()).select_from(table)).scalar_one())
        with reading(target) as conn:
            key = conn.execute(select(progress.c.key).where(progress.c.table_name == table.name)).scalar_one_or_none()
            done = int(conn.execute(select(func.count()).select_from(table)).scalar_one()) if key else 0
        report(table.name, done, total)
        for batch in _batches(source, table, key):
            with writing(target) as conn:
                upsert(conn, table, batch)
                last = [batch[-1][column.name] for column in table.primary_key]
                upsert(conn, progress, [{"table_name": table.name, "key": last}])
            done += len(batch)
            report(table.name, done, total)


def finish(source: Engine, target: Engine) -> Moved:
    """Compare both, set the target's sequences, remove the notes of the move. Raises LedgerError on a difference."""
    with reading(source) as old, reading(target) as new:
        before, after = count_rows(old), count_rows(new)
        digests = dump_digest(old), dump_digest(new)
        faults = miscounted(new)
    differing = [f"{name}: {before[name]} and {after[name]} rows" for name in before if before[name] != after[name]]
    if digests[0] != digests[1]:
        differing.append(f"dump: {digests[0][:12]} and {digests[1][:12]}")
    differing += [f"tally {'/'.join(fault.what)}: {fault.counted} and {fault.tallied}" for fault in faults]
    if differing:
        raise LedgerError(f"ledger: {where(source)} and {where(target)} differ: {'; '.join(differing)}")
    with writing(target) as conn:
        set_sequences(conn)
        _notes.drop_all(conn)
    return Moved(rows=after, digest=digests[1])


def set_sequences(conn: Connection) -> None:
    """Let the next id of the outbox follow the largest one there: rows that came with their ids moved no sequence."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT setval('outbox_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM outbox), false)"))


def _batches(source: Engine, table: Table, key: Sequence[Any] | None) -> Iterator[list[dict[str, Any]]]:
    """Yield rows in the order of their keys, after this one."""
    columns = list(table.primary_key)
    while True:
        query = select(table).order_by(*columns).limit(BATCH_ROWS)
        if key is not None:
            query = query.where(tuple_(*columns) > tuple_(*key))
        batch: list[dict[str, Any]] = []
        num_bytes = 0
        with reading(source) as conn:
            for row in conn.execution_options(stream_results=True).execute(query):
                batch.append(dict(row._mapping))
                num_bytes += sum(len(value) for value in row if isinstance(value, bytes))
                if num_bytes >= BATCH_BYTES:
                    break
        if not batch:
            return
        yield batch
        key = [batch[-1][column.name] for column in columns]


def _has_rows(conn: Connection, table: Table) -> bool:
    return conn.execute(select(*table.primary_key).limit(1)).first() is not None
