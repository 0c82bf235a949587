"""streams/ledger/letters.py"""

from sqlalchemy import Engine

from streams.ledger.engine import writing
from streams.ledger.letters import Letter, bury, count_by_reason, find_letters, letter_id, mark


def test_a_letter_is_found_by_reason_until_it_is_dropped(engine: Engine) -> None:
    """The same record that dies again is the same letter."""
    letter = Letter(
        letter_id=letter_id("sheets", "datasheet.releases", "t1", 0, 3),
        agent="sheets",
        topic="datasheet.releases",
        partition=0,
        offset=3,
        key="k",
        reason="truncated",
        error_class="DatasheetError",
        message="x.pdf: truncated",
        attempts=1,
        state="dead",
        died_at=1.0,
    )
    with writing(engine) as conn:
        bury(conn, letter)
        bury(conn, letter)

        assert find_letters(conn, reason="truncated") == [letter]
        assert count_by_reason(conn) == {"truncated": 1}
        mark(conn, letter.letter_id, "dropped")
        assert find_letters(conn) == []
