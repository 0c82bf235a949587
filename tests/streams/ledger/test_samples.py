"""streams/ledger/samples.py and shards.py"""

import pytest
from sqlalchemy import Engine

from mapper.corpus.sample import Sample
from streams.events import ShardEvent
from streams.ledger import outbox, samples, shards
from streams.ledger.engine import writing
from streams.ledger.samples import STAGE, DropRow, NewSample
from streams.records import ShardRecord


def new_sample(name: str, repo: str = "repo") -> NewSample:
    sample = Sample(
        sample_id=name,
        text=f"text of {name}",
        domain="general",
        licence="MIT",
        repo_family=repo,
        path=f"{name}.c",
        blob_id="b",
        commit="c1",
        sheet_sha256=None,
        link_revisions=(),
        template_version=1,
    )
    return NewSample(sample=sample, repo_id=repo, sheet_family=None, content_hash=f"hash-{name}", event_time=1.0)


def test_samples_wait_in_order_of_arrival(engine: Engine) -> None:
    """Also over several transactions; what was retracted waits no more."""
    for names in (("b", "a"), ("d", "c")):
        with writing(engine) as conn:
            samples.add_samples(conn, [new_sample(name) for name in names])

    with writing(engine) as conn:
        samples.retract(conn, ["a"])

        assert [sample.sample_id for _, sample in samples.pending_samples(conn, limit=10)] == ["b", "d", "c"]
        assert samples.count_by_state(conn) == {"pending": 3, "retracted": 1}


def test_a_sample_counts_again_where_it_was(engine: Engine) -> None:
    """Pending if no shard holds it, else in its shard."""
    with writing(engine) as conn:
        samples.add_samples(conn, [new_sample("a"), new_sample("b")])
        shards.plan_shard(conn, ["a"])
        samples.retract(conn, ["a", "b"])

        samples.add_samples(conn, [new_sample("a"), new_sample("b")])

        rows = [samples.find_sample(conn, name) for name in "ab"]
        assert [(row.state, row.shard_seq, row.seq) for row in rows if row] == [("sealed", 1, 1), ("pending", None, 2)]


def test_samples_are_found_by_path_and_content(engine: Engine) -> None:
    """Retracted ones are not."""
    with writing(engine) as conn:
        samples.add_samples(conn, [new_sample("a"), new_sample("b"), new_sample("c", "other")])
        samples.retract(conn, ["b"])

        assert set(samples.live_samples(conn, "repo", {"a.c", "b.c", "c.c"})) == {"a.c"}
        assert samples.live_paths(conn, "repo") == {"a.c"}
        assert set(samples.live_by_content(conn, {"hash-a", "hash-b", "hash-c"})) == {"hash-a", "hash-c"}
        assert [sample.text for _, sample in samples.load_samples(conn, ["c", "b"])] == ["text of c", "text of b"]


@pytest.mark.parametrize("paths", [{"a.c"}, {"a.c", "b.c"}])
def test_drops_are_those_of_the_last_look(engine: Engine, paths: set[str]) -> None:
    """A path that is fine now is listed no more; other paths stay."""
    drops = [
        DropRow(stage=STAGE, reason="duplicate", repo_id="repo", path=path, blob_id="b", detail=f"hash-{path}")
        for path in ("a.c", "b.c")
    ]
    with writing(engine) as conn:
        samples.replace_drops(conn, STAGE, "repo", {"a.c", "b.c"}, drops)

        samples.replace_drops(conn, STAGE, "repo", paths, [])

        assert {drop.path for drop in samples.find_drops(conn)} == {"a.c", "b.c"} - paths
        assert len(samples.drops_of_content(conn, "duplicate", {"hash-b.c"})) == 2 - len(paths)


def test_a_planned_shard_is_sealed_and_announced(engine: Engine) -> None:
    """Numbers follow each other; the announcement waits in the outbox."""
    with writing(engine) as conn:
        samples.add_samples(conn, [new_sample(name) for name in "abc"])
        first, second = shards.plan_shard(conn, ["a", "b"]), shards.plan_shard(conn, ["c"])
        event = ShardEvent(
            seq=1, name=first.name, sha256="0", num_samples=2, num_bytes=9, newest_event_time=1.0, sealed_at=2.0
        )

        shards.record_sealed(conn, event, {"general": 2})

        assert (first.name, first.sample_ids, second.seq) == ("shard-000001.tar", ("a", "b"), 2)
        assert shards.planned_shards(conn) == [second]
        assert [shard.state for shard in shards.list_shards(conn)] == ["planned", "sealed"]
        (waiting,) = outbox.waiting(conn)
        assert (waiting.record.key, ShardRecord.decode(waiting.record.value).to_domain()) == ("000001", event)
