"""What an audit of the ledger as a whole is of: the shards that are sealed and the datasheets that are current."""

from sqlalchemy import Connection

from streams.ledger import dump, shards, sheets


def whole_snapshot(conn: Connection) -> str:
    """Return the id of the state; while it is the same, only damage could have changed what an audit finds."""
    current = sorted(sheets.current_ids(conn))
    sealed = shards.newest_seq(conn) - len(shards.planned_shards(conn))
    return f"shards-{sealed}-sheets-{dump.digest(' '.join(current))[:16]}"
