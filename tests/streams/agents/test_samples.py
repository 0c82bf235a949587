"""streams/agents/samples.py and streams/agents/selection.py"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.code import parse_file
from mapper.ids import blob_id
from streams.agents.links import LinksAgent
from streams.agents.samples import SamplesAgent
from streams.config import StreamsSettings
from streams.events import Cause, LinkedChange, MappingChange
from streams.ledger import samples, shards, sources, symbols
from streams.ledger.dump import sample_lines
from streams.ledger.engine import reading, writing
from streams.metrics import StreamsMetrics
from streams.records import LinkedRecord, SampleRecord

CODE = "int zq_{0}(int value)\n{{\n    return value * {0} + offset_of_the_sensor + {0};\n}}\n"
ONE, TWO = CODE.format(1), CODE.format(2)
CAUSE = Cause(kind="commit", id="c", time=5.0)


@pytest.fixture
def add_repo(engine: Engine) -> Callable[..., str]:
    """Give a function that adds a repository and returns its id."""

    def add_repo(url: str, family: str | None = None) -> str:
        with writing(engine) as conn:
            return sources.add_repository(conn, url=url, now=1.0, family=family).repo_id

    return add_repo


@pytest.fixture
def commit(engine: Engine, mirror: Any) -> Callable[..., LinkedChange]:
    """Give a function that puts a tree into the ledger and returns the change of all its paths."""

    def commit(repo: str, name: str, **files: str) -> LinkedChange:
        mirror.add(name, **files)
        tree = {path.replace("__", "."): text.encode() for path, text in files.items()}
        parsed = [parse_file(path, data) for path, data in tree.items()]
        with writing(engine) as conn:
            old = symbols.read_tree(conn, repo)
            symbols.store_parsed(conn, parsed)
            symbols.write_tree(conn, repo, {p: blob_id(d) for p, d in tree.items()}, old.keys() - tree.keys())
            symbols.replace_symbols(conn, repo, {*old, *tree}, parsed, name)
            sources.record_head(conn, repo, name, 1.0)
        return LinkedChange(repo_id=repo, paths=tuple(sorted({*old, *tree})), cause=CAUSE)

    return commit


@pytest.fixture
def make_agent(
    settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, pool: Any, mirror: Any
) -> Callable[..., SamplesAgent]:
    """Give a function that makes the agent with these settings."""

    def make_agent(**changes: Any) -> SamplesAgent:
        return SamplesAgent(settings.model_copy(update=changes), engine, metrics, pool, lambda _: mirror)

    return make_agent


@pytest.fixture
def agent(make_agent: Callable[..., SamplesAgent]) -> SamplesAgent:
    """The agent with the default settings."""
    return make_agent()


def states(engine: Engine, repo: str) -> dict[str, str]:
    """Return path -> state of the samples of a repository."""
    with reading(engine) as conn:
        table = samples.samples
        rows = conn.execute(table.select().where(table.c.repo_id == repo).order_by(table.c.seq)).all()
    return {row.path: row.state for row in rows}


def drops(engine: Engine) -> list[tuple[str, str | None]]:
    with reading(engine) as conn:
        return sorted((drop.reason, drop.path) for drop in samples.find_drops(conn))


def test_files_become_samples_in_order(
    engine: Engine, agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """Each is told with its cause; what is no text to learn from is dropped with a reason."""
    repo = add_repo("u")

    records = deliver(agent, commit(repo, "c1", a__c=ONE, b__c=TWO, c__c="int x;\n"))

    told = [SampleRecord.decode(record.value).to_domain() for record in records]
    assert [(event.path, event.state, event.cause.id) for event in told] == [
        ("a.c", "pending", "c"),
        ("b.c", "pending", "c"),
    ]
    assert drops(engine) == [("empty", "c.c")]
    with reading(engine) as conn:
        found = samples.pending_samples(conn, limit=10)
    assert [(row.seq, row.event_time, ONE in sample.text) for row, sample in found] == [(1, 5.0, True), (2, 5.0, False)]


def test_a_changed_file_supersedes_its_sample(
    engine: Engine, agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """The old text is retracted; a deleted file's too; one that did not change stays as it is."""
    repo = add_repo("u")
    deliver(agent, commit(repo, "c1", a__c=ONE, b__c=TWO, d__c=CODE.format(4)))

    records = deliver(agent, commit(repo, "c2", a__c=CODE.format(3), b__c=TWO))

    told = [SampleRecord.decode(record.value).to_domain() for record in records]
    assert [(event.path, event.state) for event in told] == [
        ("a.c", "retracted"),
        ("d.c", "retracted"),
        ("a.c", "pending"),
    ]
    with reading(engine) as conn:
        assert samples.count_by_state(conn) == {"pending": 2, "retracted": 2}


def test_the_same_change_again_changes_nothing(agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any) -> None:
    """A redelivered change finds its samples there."""
    change = commit(add_repo("u"), "c1", a__c=ONE)
    deliver(agent, change)

    assert deliver(agent, change) == []


def test_a_copy_in_another_repository_waits_for_the_first_to_go(
    engine: Engine, agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """Comments and white space make no other text; when the first is retracted the copy's place is looked at again."""
    one, two = add_repo("u1"), add_repo("u2")
    deliver(agent, commit(one, "c1", a__c=ONE))
    deliver(agent, commit(two, "d1", copy__c="/* mine */\n" + ONE.replace("    ", "\t")))
    assert states(engine, two) == {}
    assert drops(engine) == [("duplicate", "copy.c")]

    records = deliver(agent, commit(one, "c2", a__c=TWO))
    (again,) = [LinkedRecord.decode(r.value).to_domain() for r in records if r.topic == "mapping.linked"]
    deliver(agent, again)

    assert (again.repo_id, again.paths) == (two, ("copy.c",))
    assert states(engine, two) == {"copy.c": "pending"}
    assert drops(engine) == []


def test_a_renamed_file_keeps_one_sample(
    engine: Engine, agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """The text at the new path is no copy of the one that goes."""
    repo = add_repo("u")
    deliver(agent, commit(repo, "c1", a__c=ONE))

    deliver(agent, commit(repo, "c2", b__c=ONE))

    assert states(engine, repo) == {"a.c": "retracted", "b.c": "pending"}
    assert drops(engine) == []


def test_a_held_out_family_and_its_copies_never_count(
    engine: Engine, make_agent: Any, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """Whichever comes first: a copy that was there is taken back, a later one is dropped."""
    agent = make_agent(holdout_families=("secret",))
    before, held, after = add_repo("u1"), add_repo("u2", "Secret"), add_repo("u3")
    deliver(agent, commit(before, "c1", a__c=ONE))

    deliver(agent, commit(held, "d1", x__c=ONE, y__c=TWO))
    deliver(agent, commit(after, "e1", b__c=TWO))

    assert states(engine, before) == {"a.c": "retracted"}
    assert states(engine, held) == states(engine, after) == {}
    assert drops(engine) == [("holdout", "x.c"), ("holdout", "y.c"), ("holdout_copy", "b.c")]


def test_a_text_that_comes_back_is_the_same_sample(
    engine: Engine, agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """After a revert it counts again, in the shard that holds it."""
    repo = add_repo("u")
    deliver(agent, commit(repo, "c1", a__c=ONE))
    with writing(engine) as conn:
        ((row, _),) = samples.pending_samples(conn, limit=1)
        shards.plan_shard(conn, [row.sample_id])
    deliver(agent, commit(repo, "c2", a__c=TWO))
    with reading(engine) as conn:
        retracted = samples.find_sample(conn, row.sample_id)
    assert retracted is not None
    assert (retracted.state, retracted.shard_seq) == ("retracted", 1)

    deliver(agent, commit(repo, "c1", a__c=ONE))

    with reading(engine) as conn:
        found = samples.find_sample(conn, row.sample_id)
        assert found is not None
        assert (found.state, found.shard_seq) == ("sealed", 1)
        assert samples.pending_samples(conn, limit=9) == []


def test_a_file_without_a_licence_gives_no_sample(
    engine: Engine, make_agent: Any, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """Unless the file names one that is allowed."""
    agent = make_agent(default_licence=None)

    deliver(agent, commit(add_repo("u"), "c1", a__c=ONE, b__c="// SPDX-License-Identifier: MIT\n" + TWO))

    assert drops(engine) == [("licence_unknown", "a.c")]


def test_a_removed_repository_takes_its_samples_back(
    engine: Engine, agent: SamplesAgent, add_repo: Any, commit: Any, deliver: Any
) -> None:
    """All of them, though the change names no path."""
    repo = add_repo("u")
    deliver(agent, commit(repo, "c1", a__c=ONE, b__c=TWO))
    with writing(engine) as conn:
        sources.remove_repository(conn, repo, 2.0)

    deliver(agent, LinkedChange(repo_id=repo, paths=(), cause=Cause(kind="removal", id=repo, time=2.0)))

    assert set(states(engine, repo).values()) == {"retracted"}
    with reading(engine) as conn:
        assert sample_lines(conn) == []


def test_a_linked_file_tells_its_datasheet(
    engine: Engine,
    agent: SamplesAgent,
    metrics: StreamsMetrics,
    pool: Any,
    mirror: Any,
    add_repo: Any,
    commit: Any,
    publish: Any,
    make_sheet: Any,
    deliver: Any,
) -> None:
    """The passage and the link revisions are in the sample, the family in its row."""
    names = {"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2}
    header = "".join(f"#define ZQ4071_REG_{name} 0x0{value}\n" for name, value in names.items())
    change = commit(add_repo("u"), "c1", zq4071__h=header)
    publish(make_sheet())
    deliver(LinksAgent(engine, metrics, pool, lambda _: mirror), MappingChange(cause=CAUSE, repo_id=change.repo_id))

    deliver(agent, change)

    with reading(engine) as conn:
        ((row, sample),) = samples.pending_samples(conn, limit=9)
    assert (row.sheet_family, sample.sheet_sha256) == ("zq4071", "s1")
    assert sample.link_revisions
    assert "SAMPLE_RATE" in sample.text
