"""Remove what no one needs any more: what would be made again the same, and what was taken back long ago.

| removed | why that is safe |
|---|---|
| parsed files that no head holds | the same blob is parsed again should a head come back to it |
| links retired before the cut, with their history | should the link come back, it is new |
| samples retracted before the cut that no shard holds | the same text is added again should it come back |
| dead letters replayed or dropped before the cut | they are settled |

Nothing else is: commits tell a redelivery from news, old releases and their changes are what links were of, and the
history of a link that stands is its story. Each batch is a transaction. A parsed file is written before the tree that
needs it, so no worker may run meanwhile.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, delete, exists, func, select, tuple_

from streams.ledger.engine import reading, writing
from streams.ledger.indexes import IS_GONE
from streams.ledger.schema import dead_letters, link_history, links, parsed_files, samples, tree_files

BATCH_ROWS = 500

Rows = list[tuple[Any, ...]]


def prune(engine: Engine, *, before: float, dry_run: bool = False) -> dict[str, int]:
    """Return how many rows of each kind were removed, or would be; `before`: the cut, in seconds since the epoch."""
    removed: dict[str, int] = {}
    for name, (table, find) in _KINDS.items():
        removed[name] = 0
        for batch in _batches(engine, find(before)):
            removed[name] += len(batch)
            if not dry_run:
                with writing(engine) as conn:
                    _remove(conn, table, batch)
    return removed


def _unneeded_files(_before: float) -> Select[Any]:
    columns, here = parsed_files.c, tree_files.c
    needed = exists().where(here.blob_id == columns.blob_id, here.path == columns.path)
    return select(columns.blob_id, columns.path, columns.parser).where(~needed)


def _retired_links(before: float) -> Select[Any]:
    since = exists().where(link_history.c.link_id == links.c.link_id, link_history.c.changed_at >= before)
    return select(links.c.path, links.c.line, links.c.link_id).where(links.c.state == "retired", IS_GONE, ~since)


def _unsealed_samples(before: float) -> Select[Any]:
    columns = samples.c
    taken_back = (columns.state == "retracted", columns.shard_seq.is_(None), columns.event_time < before)
    return select(columns.sample_id).where(*taken_back)


def _settled_letters(before: float) -> Select[Any]:
    columns = dead_letters.c
    return select(columns.letter_id).where(columns.state.in_(["dropped", "replayed"]), columns.died_at < before)


_KINDS: dict[str, tuple[Table, Callable[[float], Select[Any]]]] = {
    "parsed files": (parsed_files, _unneeded_files),
    "retired links": (links, _retired_links),
    "retracted samples": (samples, _unsealed_samples),
    "settled dead letters": (dead_letters, _settled_letters),
}


def _batches(engine: Engine, query: Select[Any]) -> Iterator[Rows]:
    """Yield what a query finds, in the order of its columns, each batch after the one before."""
    columns = list(query.selected_columns)
    last: tuple[Any, ...] | None = None
    while True:
        wanted = query if last is None else query.where(tuple_(*columns) > tuple_(*last))
        with reading(engine) as conn:
            batch = [tuple(row) for row in conn.execute(wanted.order_by(*columns).limit(BATCH_ROWS))]
        if not batch:
            return
        yield batch
        last = batch[-1]


def _remove(conn: Connection, table: Table, batch: Rows) -> None:
    """Remove rows by the last columns of a batch, which are the table's key; of a link its history too."""
    keys = list(table.primary_key)
    conn.execute(delete(table).where(tuple_(*keys).in_([row[-len(keys) :] for row in batch])))
    if table is links:
        conn.execute(delete(link_history).where(link_history.c.link_id.in_([row[-1] for row in batch])))


def num_other_sessions(conn: Connection) -> int:
    """Return how many other sessions of ours a PostgreSQL server has over this database; 0 for SQLite."""
    if conn.dialect.name == "sqlite":
        return 0
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name = current_setting('application_name')"
    )
    return int(conn.exec_driver_sql(query).scalar_one())


def size(conn: Connection) -> int:
    """Return the bytes that the database takes."""
    if conn.dialect.name == "sqlite":
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(conn.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(conn.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
