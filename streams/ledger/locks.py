"""Names to hold until the end of a transaction, where there is no row to lock: what is not there yet, or a whole table.

SQLite needs none: a transaction that writes is alone.
"""

import hashlib

from sqlalchemy import Connection, text


def lock(conn: Connection, *name: str) -> None:
    """Return once this transaction alone holds a name; whoever else asks for it waits until it ends."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(CAST(:key AS bigint))"), {"key": _key(name)})


def _key(name: tuple[str, ...]) -> int:
    """Return the number by which PostgreSQL knows a name; two names with the same one only wait for each other."""
    digest = hashlib.sha256("\0".join(("sheetstream", *name)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
