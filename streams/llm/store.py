"""What is kept between runs, in one SQLite file of the data home: answers by prompt, and the tokens of each day.

An answer that is kept is the first one: a later run gets the same bytes, free. Tokens are booked before a prompt is
sent and corrected after its answer, in transactions, so processes that share the file share the day's budget, and a
process that dies leaves what it had booked as spent.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streams.errors import LlmError

FILE = "llm.db"
BUSY_SECONDS = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, kept_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY, tokens INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as the server gave it, and what it cost then."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class Store:
    """Answers and spent tokens; may be used by several threads, and its file by several processes."""

    def __init__(self, file: Path) -> None:
        """Open or make the file. Raises LlmError when it is none of ours or can not be written."""
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise LlmError(f"{file}: the store of answers can not be opened: {error}", reason="store") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def find(self, key: str) -> Kept | None:
        """Return the answer kept for a prompt, model and parameters."""
        with self._lock:
            row = self._db.execute(
                "SELECT text, prompt_tokens, completion_tokens FROM answers WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else Kept(text=row[0], prompt_tokens=row[1], completion_tokens=row[2])

    def keep(self, key: str, model: str, answer: Kept) -> Kept:
        """Keep an answer unless there is one already; return the one that is kept."""
        row = (key, model, answer.text, answer.prompt_tokens, answer.completion_tokens, time.time())
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
        return self.find(key) or answer

    def forget(self, key: str) -> None:
        """Remove an answer that can not be read any more."""
        with self._lock:
            self._db.execute("DELETE FROM answers WHERE key = ?", (key,))

    def book(self, tokens: int, limit: int, day: str | None = None) -> str | None:
        """Count tokens as spent on a day (today in UTC) if they fit below its limit; return the day, else None."""
        day = day or datetime.now(UTC).date().isoformat()
        with self._writing() as db:
            row = db.execute("SELECT tokens FROM days WHERE day = ?", (day,)).fetchone()
            if (row[0] if row else 0) + tokens > limit:
                return None
            self._add(day, tokens)
        return day

    def correct(self, day: str, tokens: int) -> None:
        """Add tokens (negative ones too) to what a day has spent."""
        with self._writing():
            self._add(day, tokens)

    def spent(self, day: str | None = None) -> int:
        """Return the tokens of a day, today if none is named."""
        day = day or datetime.now(UTC).date().isoformat()
        with self._lock:
            row = self._db.execute("SELECT tokens FROM days WHERE day = ?", (day,)).fetchone()
        return int(row[0]) if row else 0

    def _add(self, day: str, tokens: int) -> None:
        self._db.execute(
            "INSERT INTO days VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET tokens = max(0, tokens + excluded.tokens)",
            (day, tokens),
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
