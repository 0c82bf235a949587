"""The watcher tells the ledger's totals, since the worker may be dead."""

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from streams.ledger import letters
from streams.ledger.engine import reading, writing
from streams.ledger.letters import Letter
from streams.metrics import StreamsMetrics
from streams.watch.gauges import export_ledger


def test_totals_follow_the_ledger(engine: Engine) -> None:
    """A reason that has no dead letter any more loses its series."""
    registry = CollectorRegistry()
    metrics = StreamsMetrics(registry)
    letter = Letter(
        letter_id="dl1_a",
        agent="sheets",
        topic="datasheet.releases",
        partition=0,
        offset=0,
        key=None,
        reason="scanned",
        error_class="DatasheetError",
        message="",
        attempts=1,
        state="dead",
        died_at=1.0,
    )

    def dead() -> float | None:
        with reading(engine) as conn:
            export_ledger(conn, metrics)
        return registry.get_sample_value("sheetstream_streams_dead_letters_open", {"reason": "scanned"})

    assert dead() is None
    with writing(engine) as conn:
        letters.bury(conn, letter)
    assert dead() == 1
    with writing(engine) as conn:
        letters.mark(conn, "dl1_a", "dropped")
    assert dead() is None
