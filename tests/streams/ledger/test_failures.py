"""streams/ledger/failures.py"""

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from streams.ledger.failures import explain, is_transient, sqlstate


def error(state: str, message: str = "no", **fields: str) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, Exception({"S": "ERROR", "C": state, "M": message, **fields}))


@pytest.mark.parametrize(
    ("state", "transient"),
    [
        ("40001", True),  # two transactions in each other's way
        ("40P01", True),  # deadlock
        ("53100", True),  # disk full
        ("53300", True),  # too many connections
        ("57014", True),  # statement timeout
        ("57P01", True),  # the server is stopped
        ("25006", True),  # a standby
        ("42501", True),  # a privilege is missing
        ("22021", False),  # a character that the encoding has not
        ("23505", False),  # two rows of one key
        ("42601", False),  # our own syntax error
        ("54000", False),  # a row too large for an index
    ],
)
def test_what_the_server_says_is_transient_or_not(state: str, transient: bool) -> None:
    """Only what a record or the program brought about is not tried again for long."""
    assert is_transient(error(state)) is transient
    assert sqlstate(error(state)) == state


def test_errors_without_a_state_go_by_their_kind() -> None:
    """SQLite's, and those of a pool without a free connection."""
    assert is_transient(OperationalError("BEGIN", {}, Exception("database is locked")))
    assert is_transient(PoolTimeoutError("QueuePool limit"))
    assert not is_transient(IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed")))


def test_an_error_is_told_in_a_line() -> None:
    """In the database's words, with their detail, without statement and parameters."""
    assert (
        explain(error("23505", "duplicate key", D="Key (a)=(1) exists.\nmore")) == "duplicate key: Key (a)=(1) exists."
    )
    assert explain(OperationalError("BEGIN", {}, Exception("database is locked"))) == "database is locked"
