"""streams/app.py"""

from pathlib import Path

from faust.types import TP
from sqlalchemy import Engine

from streams.app import create_app, start_offsets
from streams.config import StreamsSettings
from streams.ledger.engine import open_ledger, writing
from streams.ledger.offsets import record_applied


def test_each_partition_starts_where_the_ledger_says(tmp_path: Path, engine: Engine) -> None:
    """Places in topics that were made anew do not count."""
    settings = StreamsSettings(home=tmp_path, topic_prefix="x.")
    with writing(engine) as conn:
        for partition, topic_id in ((0, "now"), (1, "before")):
            record_applied(
                conn,
                None,
                agent="symbols",
                topic="repo.commits",
                topic_id=topic_id,
                partition=partition,
                offset=6,
                event_time=None,
                now=1.0,
            )

    assert start_offsets(settings, engine, {"repo.commits": "now"}) == {TP("x.repo.commits", 0): 7}


def test_the_app_makes_no_topic_no_table_and_serves_nothing(tmp_path: Path) -> None:
    """At least once, from the earliest record, with a session that ends soon after the worker does."""
    settings = StreamsSettings(home=tmp_path, kafka="a:1,b:2")
    engine: Engine = open_ledger(settings.database_url)

    conf = create_app(settings, {}, engine=engine, topic_ids={}).conf

    assert (conf.web_enabled, conf.topic_allow_declare, conf.topic_disable_leader) == (False, False, True)
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.processing_guarantee.value == "at_least_once"
    assert 10 <= conf.broker_session_timeout <= 20
    assert [str(url) for url in conf.broker] == ["kafka://a:1", "kafka://b:2"]
    engine.dispose()
