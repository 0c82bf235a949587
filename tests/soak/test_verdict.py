"""tests/soak/verdict.py: a comparison that sees nothing would let everything pass."""

from collections import Counter
from dataclasses import replace

from streams.topics import COMMITS, TOPICS
from tests.soak.evidence import Evidence
from tests.soak.verdict import compare


def test_the_comparison_sees_what_is_wrong() -> None:
    """A lost record, one too many, one applied twice, a sample in two shards: each is counted."""
    good = Evidence(
        dump=frozenset({"a", "b"}),
        history=Counter(),
        records={topic.name: Counter() for topic in TOPICS} | {COMMITS.name: Counter({"one": 1, "two": 1})},
        last={"trace.links": {}, "corpus.samples": {}},
        link_states={},
        sample_states={},
        applied={("repo.commits", 0): (2, 2)},
        sealed=frozenset(),
        in_shards=Counter(),
        planned=Counter(),
        shard_faults=(),
        num_shards=0,
        letters=Counter(),
        letter_headers=(),
    )

    def judged(**changes: object) -> tuple[int, int, int]:
        verdict = compare(good, replace(good, **changes), exact=True)
        return verdict.lost, verdict.doubled, verdict.resent

    assert judged() == (0, 0, 0)
    assert judged(dump=frozenset({"a"})) == (1, 0, 0)
    assert judged(dump=frozenset({"a", "b", "c"})) == (0, 1, 0)
    assert judged(records=good.records | {COMMITS.name: Counter({"one": 3})}) == (1, 0, 2)
    assert judged(applied={("repo.commits", 0): (1, 2)}) == (1, 0, 0)
    assert judged(applied={("repo.commits", 0): (3, 2)}) == (0, 1, 0)
    assert judged(planned=Counter({"s": 2}), in_shards=Counter({"s": 2})) == (0, 1, 0)
    assert judged(sealed=frozenset({"s"})) == (1, 0, 0)
