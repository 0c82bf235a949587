"""Fill an empty ledger fast: rows in bulk while there is no index and no trigger, then both, then the tallies.

SQLite takes rows by executemany without a journal, PostgreSQL by COPY through pg8000.
"""

import io
import itertools
import json
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Engine

from bench.scale_rows import Row
from streams.ledger.engine import writing
from streams.ledger.indexes import metadata
from streams.ledger.move import set_sequences
from streams.ledger.tallies import recount

BATCH_ROWS = 20_000
WITH_JSON = {table.name for table in metadata.tables.values() if any(isinstance(c.type, JSON) for c in table.columns)}


def load(engine: Engine, rows: Iterable[tuple[str, Row]]) -> dict[str, int]:
    """Return table -> number of rows written to an empty ledger with this version's schema."""
    counted: dict[str, int] = defaultdict(int)
    started = time.monotonic()
    batches = _counting(_batches(rows), counted, started)
    engine.dispose()
    if engine.dialect.name == "sqlite":
        _load_sqlite(Path(engine.url.database or ""), batches)
    else:
        _load_postgresql(engine, batches)
    _say(started, "rows and indexes written")
    with writing(engine) as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL max_parallel_workers_per_gather = 0")
        recount(conn)
    if engine.dialect.name == "postgresql":
        with _administering(engine) as run:
            run("VACUUM ANALYZE")
    _say(started, "tallies counted")
    return dict(counted)


def _batches(rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, list[Row]]]:
    waiting: dict[str, list[Row]] = defaultdict(list)
    for table, row in rows:
        batch = waiting[table]
        batch.append(row)
        if len(batch) >= BATCH_ROWS:
            yield table, batch
            waiting[table] = []
    yield from ((table, batch) for table, batch in waiting.items() if batch)


def _counting(
    batches: Iterable[tuple[str, list[Row]]], counted: dict[str, int], started: float
) -> Iterator[tuple[str, list[Row]]]:
    for number, (table, batch) in enumerate(batches):
        counted[table] += len(batch)
        if number % 50 == 49:
            _say(started, f"{sum(counted.values()):,} rows, {counted['links']:,} links")
        yield table, batch


def _load_sqlite(path: Path, batches: Iterable[tuple[str, list[Row]]]) -> None:
    conn = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000", "temp_store = MEMORY"):
        conn.execute(f"PRAGMA {pragma}")
    kept = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger')"
    made = conn.execute(kept).fetchall()
    for kind, name, _ in made:
        conn.execute(f"DROP {kind} {name}")
    conn.execute("BEGIN")
    for table, batch in batches:
        places = ", ".join("?" * len(batch[0]))
        names = _names(table, batch[0])
        given = map(_plain, batch) if table in WITH_JSON else batch
        conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", given)
    conn.execute("COMMIT")
    conn.execute("PRAGMA temp_store = FILE")
    for _, _, sql in made:
        conn.execute(sql)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.close()


def _names(table: str, row: Row) -> str:
    """Return the columns that a row is of: the first ones of the schema; in a database later ones stand at the end."""
    return ", ".join(f'"{name}"' for name in list(metadata.tables[table].columns.keys())[: len(row)])


def _plain(row: Row) -> Row:
    return tuple(json.dumps(value) if isinstance(value, (list, dict)) else value for value in row)


def _load_postgresql(engine: Engine, batches: Iterable[tuple[str, list[Row]]]) -> None:
    with _administering(engine) as run:
        keys = run(
            "SELECT CAST(CAST(conrelid AS regclass) AS text), conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'p' AND connamespace = CAST('public' AS regnamespace)"
        )
        made = run(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        for name, _ in made:
            run(f"DROP INDEX {name}")
        for table, name, _ in keys:
            run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name in metadata.tables:
            run(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        for table, batch in batches:
            run(
                f"COPY {table} ({_names(table, batch[0])}) FROM STDIN", stream=io.BytesIO(b"".join(map(_copied, batch)))
            )
        for table, name, what in keys:
            run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {what}")
        for _, sql in made:
            run(sql)
        for name in metadata.tables:
            run(f"ALTER TABLE {name} ENABLE TRIGGER USER")
    with writing(engine) as conn:
        set_sequences(conn)


@contextmanager
def _administering(engine: Engine) -> Iterator[Callable[..., list[tuple[str, ...]]]]:
    """Give a function that runs a statement of any length, each in a transaction of its own."""
    raw = engine.raw_connection()
    driver: Any = raw.driver_connection
    driver.rollback()  # what the pool asked to see whether the connection lives
    driver.autocommit = True
    cursor = driver.cursor()
    cursor.execute("SET statement_timeout = 0")

    def run(statement: str, **options: Any) -> list[tuple[str, ...]]:
        cursor.execute(statement, **options)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description and not options else []

    yield run
    raw.invalidate()


def _copied(row: Row) -> bytes:
    """Return a row in the text format of COPY; no text of ours has a tab, a line's end or a backslash."""
    return ("\t".join(map(_cell, row)) + "\n").encode()


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def _say(started: float, what: str) -> None:
    print(f"{time.monotonic() - started:7.0f} s  {what}", file=sys.stderr, flush=True)


def sizes(engine: Engine) -> dict[str, tuple[int, int]]:
    """Return table -> (bytes of its rows, bytes of its indexes)."""
    if engine.dialect.name == "postgresql":
        query = (
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
        )
        with engine.connect() as conn:
            return {name: (rows, indexes) for name, rows, indexes in conn.exec_driver_sql(query)}
    query = (
        "SELECT m.tbl_name, m.type, sum(s.pgsize) FROM dbstat('main', 1) s JOIN sqlite_master m ON m.name = s.name"
        " GROUP BY m.tbl_name, m.type"
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    file = sqlite3.connect(engine.url.database or "")
    for table, kind, size in file.execute(query):
        found[table][kind] = size
    file.close()
    return {table: (kinds.get("table", 0), kinds.get("index", 0)) for table, kinds in sorted(found.items())}


def files(engine: Engine, folder: Path) -> list[Path]:
    """Return the files of a database: what the system may have in its cache."""
    if engine.dialect.name == "sqlite":
        base = Path(engine.url.database or "")
        return [path for path in (base, base.with_name(f"{base.name}-wal")) if path.exists()]
    return list(itertools.filterfalse(Path.is_dir, (folder / "data" / "base").rglob("*")))
