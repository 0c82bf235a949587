"""streams/ledger/offsets.py"""

from sqlalchemy import Engine

from streams.ledger.engine import reading, writing
from streams.ledger.offsets import lock_position, positions, record_applied, record_skipped

PLACE = {"agent": "symbols", "topic": "repo.commits", "topic_id": "t1", "partition": 0}


def test_applied_and_skipped_records_are_counted(engine: Engine) -> None:
    """The place moves past what was applied and stays when a record comes again."""
    with writing(engine) as conn:
        record_applied(conn, None, **PLACE, offset=7, event_time=5.0, now=1.0)
        record_applied(conn, lock_position(conn, **PLACE), **PLACE, offset=8, event_time=4.0, now=2.0)
        before = lock_position(conn, **PLACE)
        assert before is not None
        record_skipped(conn, before, 3.0)

    with reading(engine) as conn:
        (place,) = positions(conn, "symbols")
    assert (place.next_offset, place.applied, place.skipped, place.event_time) == (9, 2, 1, 5.0)


def test_a_topic_made_anew_has_no_place_yet(engine: Engine) -> None:
    """Offsets of a topic that was lost say nothing about one of the same name."""
    with writing(engine) as conn:
        record_applied(conn, None, **PLACE, offset=7, event_time=None, now=1.0)

        assert lock_position(conn, "symbols", "repo.commits", "t2", 0) is None
