"""What lies in a topic can be found by place, time and repository, and sent again as it was."""

import time
from datetime import datetime
from pathlib import Path

import pytest

from streams import topics
from streams.config import StreamsSettings
from streams.errors import RecordError
from streams.events import CommitEvent
from streams.ledger.outbox import Outgoing
from streams.producer import RecordProducer
from streams.records import CommitRecord
from streams.replay import (
    of_repository,
    parse_place,
    parse_since,
    read_from,
    read_record,
    read_since,
    with_later_commits,
)
from streams.topics import apply_topics


def commit_of(repo_id: str) -> Outgoing:
    event = CommitEvent(
        event_id="ce1_x",
        repo_id=repo_id,
        family="f",
        ref="main",
        commit="c" * 40,
        base=None,
        changed=(),
        commit_time=1.0,
        summary="",
    )
    return Outgoing(topic=topics.COMMITS.name, key="f", value=CommitRecord.from_domain(event).encode())


@pytest.mark.parametrize(("text", "seconds"), [("90min", 5400), ("12h", 43200), ("7d", 604800)])
def test_an_age_is_counted_from_now(text: str, seconds: int) -> None:
    """Minutes, hours and days."""
    assert parse_since(text) == pytest.approx(time.time() - seconds, abs=5)


def test_a_date_is_local_time() -> None:
    """With or without a time of day; anything else is refused with an example."""
    assert parse_since("2026-03-01") == datetime(2026, 3, 1).timestamp()
    assert parse_since("2026-03-01T12:00") == datetime(2026, 3, 1, 12).timestamp()
    with pytest.raises(RecordError, match="2026-03-01T12:00"):
        parse_since("yesterday")


def test_a_place_is_topic_partition_and_offset() -> None:
    """Anything else is refused with an example."""
    assert parse_place("mapping.changes/2/1000") == ("mapping.changes", 2, 1000)
    with pytest.raises(RecordError, match=r"repo\.commits/0/120"):
        parse_place("repo.commits/-1/3")


@pytest.mark.broker
def test_a_late_commit_is_followed_by_those_after_it(tmp_path: Path, kafka_address: str) -> None:
    """Of its own repository, in their order; what is no commit is followed by nothing."""
    settings = StreamsSettings(home=tmp_path, kafka=kafka_address, topic_prefix="late.", partitions=1)
    apply_topics(settings)
    producer = RecordProducer(settings, client_id="test")
    junk = Outgoing(topic=topics.COMMITS.name, key="f", value=b"junk")
    producer.send([commit_of("one"), commit_of("one"), junk, commit_of("two"), commit_of("one")])
    producer.close()

    records = read_from(settings, topics.COMMITS.name, 0, 1)

    assert [record.offset for record in records] == [1, 2, 3, 4]
    assert [record.offset for record in with_later_commits(settings, records[0])] == [1, 4]
    assert with_later_commits(settings, records[1]) == [records[1]]
    with pytest.raises(RecordError, match="no such partition"):
        read_from(settings, topics.COMMITS.name, 7, 0)
    with pytest.raises(RecordError, match="agents read"):
        read_from(settings, topics.LINKS.name, 0, 0)


@pytest.mark.broker
def test_records_are_found_again_as_they_were(tmp_path: Path, kafka_address: str) -> None:
    """By offset, by time and by repository; a record sent again has the same key and bytes."""
    settings = StreamsSettings(home=tmp_path, kafka=kafka_address, topic_prefix="replay.", partitions=2)
    apply_topics(settings)
    producer = RecordProducer(settings, client_id="test")
    junk = Outgoing(topic=topics.COMMITS.name, key="f", value=b"junk")
    producer.send([commit_of("one"), junk, commit_of("two")])

    records = read_since(settings, topics.COMMITS)
    (first,) = of_repository(records, "one")
    producer.send([first.outgoing()])
    producer.close()

    assert len(records) == 3
    assert read_since(settings, topics.COMMITS, time.time() + 3600) == []
    again = read_record(settings, topics.COMMITS.name, first.partition, first.offset + 3)
    assert again is not None
    assert (again.key, again.value) == (first.key, first.value)
    assert read_record(settings, topics.COMMITS.name, first.partition, 1000) is None
