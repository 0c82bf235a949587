"""What a database's error means: wait and try again, or not; and how to say it in a line."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL's SQLSTATEs, see appendix A of its manual.
CONNECTION_LOST = ("08", "57P01", "57P02", "57P03", "57P05", "25P03")
UNDEFINED_TABLE = "42P01"
_OF_THE_DATA = ("0A", "22", "23", "42", "54")
_OF_THE_DATABASE = ("42501", UNDEFINED_TABLE, "42703")
"""Privileges, tables or columns that are missing: somebody is about to mend that, no record is to blame."""


def sqlstate(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error of the driver, or of SQLAlchemy around it; "" where there is none."""
    return _fields(error).get("C", "")


def is_transient(error: SQLAlchemyError) -> bool:
    """Return whether the same may succeed later: connection, locks, deadlocks, space, a server that restarts."""
    state = sqlstate(error)
    if state:
        return state in _OF_THE_DATABASE or not state.startswith(_OF_THE_DATA)
    return isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError))


def explain(error: BaseException) -> str:
    """Return in one line what the database said, without the statement and its parameters."""
    fields = _fields(error)
    said = fields.get("M") or str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    parts = [text.splitlines()[0] for text in (said, fields.get("D")) if text]
    return ": ".join(parts) or type(error).__name__


def _fields(error: BaseException | None) -> dict[str, str]:
    """Return the fields of PostgreSQL's answer, by their letters in the protocol."""
    if isinstance(error, DBAPIError):
        error = error.orig
    first = error.args[0] if error is not None and error.args else None
    return first if isinstance(first, dict) else {}
