"""Dead letters: records that will never succeed, with the reason; their bytes are in the topic dead.letters."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from mapper.ids import content_id
from streams.errors import StreamsError
from streams.ledger.engine import starts_with
from streams.ledger.schema import dead_letters
from streams.ledger.upsert import upsert

STATES = ("dead", "replayed", "dropped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead record and why it died."""

    letter_id: str
    agent: str
    topic: str
    partition: int
    offset: int
    key: str | None
    reason: str
    error_class: str
    message: str
    attempts: int
    state: str
    died_at: float


def letter_id(agent: str, topic: str, topic_id: str, partition: int, offset: int) -> str:
    """Return the id of the letter of one record: a redelivery that dies again is the same letter."""
    return content_id("dl1", agent, topic, topic_id, partition, offset)


def bury(conn: Connection, letter: Letter) -> None:
    """Write a letter; the same one again changes nothing but what it says."""
    row = {name: getattr(letter, name) for name in Letter.__slots__}
    upsert(conn, dead_letters, [row])


def find_letters(
    conn: Connection,
    *,
    state: str | None = "dead",
    reason: str | None = None,
    agent: str | None = None,
    id_start: str | None = None,
    since: float | None = None,
    before: float | None = None,
    limit: int | None = 100,
) -> list[Letter]:
    """Return letters, newest first; since and before: when they died; limit None: all."""
    query = select(dead_letters).order_by(dead_letters.c.died_at.desc(), dead_letters.c.letter_id).limit(limit)
    for column, wanted in (
        (dead_letters.c.state, state),
        (dead_letters.c.reason, reason),
        (dead_letters.c.agent, agent),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if id_start is not None:
        query = query.where(starts_with(dead_letters.c.letter_id, id_start))
    if since is not None:
        query = query.where(dead_letters.c.died_at >= since)
    if before is not None:
        query = query.where(dead_letters.c.died_at < before)
    return [Letter(**row._mapping) for row in conn.execute(query)]


def mark(conn: Connection, letter: str, state: str) -> None:
    """Set a letter's state. Raises StreamsError when there is no such letter."""
    assert state in STATES
    done = conn.execute(update(dead_letters).where(dead_letters.c.letter_id == letter).values(state=state))
    if not done.rowcount:
        raise StreamsError(f"dead letter {letter}: unknown, one of `sheetstream dlq list` expected")


def count_by_reason(conn: Connection) -> dict[str, int]:
    """Return how many letters are dead, by reason."""
    query = (
        select(dead_letters.c.reason, func.count())
        .where(dead_letters.c.state == "dead")
        .group_by(dead_letters.c.reason)
        .order_by(dead_letters.c.reason)
    )
    return dict(conn.execute(query).all())
