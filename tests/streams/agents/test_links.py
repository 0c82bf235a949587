"""streams/agents/links.py and streams/audit.py"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.code import parse_file
from mapper.ids import blob_id
from mapper.model import Datasheet
from streams.agents.links import LinksAgent
from streams.audit import audit
from streams.errors import MovedError
from streams.events import Cause, MappingChange
from streams.ledger import conflicts, links, sources, symbols
from streams.ledger.engine import reading, writing
from streams.metrics import StreamsMetrics
from streams.records import LinkedRecord, LinkRecord

HEADER = """#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
#endif
"""


@pytest.fixture
def repo(engine: Engine) -> str:
    """The id of a repository that was just added."""
    with writing(engine) as conn:
        return sources.add_repository(conn, url="https://x/y", now=1.0, parts=["ZQ4071"]).repo_id


@pytest.fixture
def agent(engine: Engine, metrics: StreamsMetrics, pool: Any, mirror: Any) -> LinksAgent:
    """The agent over the mirror in memory."""
    return LinksAgent(engine, metrics, pool, lambda _: mirror)


@pytest.fixture
def commit(engine: Engine, mirror: Any, repo: str) -> Callable[..., MappingChange]:
    """Give a function that puts a commit's tree into the ledger, as the symbols agent does, and returns the change."""

    def commit(name: str, **files: str) -> MappingChange:
        mirror.add(name, **files)
        tree = {path.replace("__", "."): text.encode() for path, text in files.items()}
        parsed = [parse_file(path, data) for path, data in tree.items()]
        with writing(engine) as conn:
            old = symbols.read_tree(conn, repo)
            symbols.store_parsed(conn, parsed)
            symbols.write_tree(conn, repo, {p: blob_id(d) for p, d in tree.items()}, old.keys() - tree.keys())
            symbols.replace_symbols(conn, repo, {*old, *tree}, parsed, name)
            sources.record_head(conn, repo, name, 1.0)
        cause = Cause(kind="commit", id=name, time=1.0)
        return MappingChange(cause=cause, repo_id=repo, paths=tuple(sorted({*old, *tree})))

    return commit


def released(sha256: str) -> MappingChange:
    return MappingChange(cause=Cause(kind="datasheet", id=sha256, time=2.0), sheet_family="zq4071")


def live(engine: Engine) -> dict[str, str]:
    with reading(engine) as conn:
        return {row.name: row.state for row in links.find_links(conn)}


def history(engine: Engine, name: str) -> list[tuple[str, str]]:
    """Return (state, cause) of the best link of a symbol."""
    with reading(engine) as conn:
        best = links.find_links(conn, symbol=name, state="all")[0]
        story = links.link_story(conn, best.link_id)
    assert story is not None
    return [(item.state, item.cause_id) for item in story.history]


NAMES = {"ZQ4071_REG_CONTROL", "ZQ4071_REG_SAMPLE_RATE", "ZQ4071_REG_STATUS"}


def test_a_tree_and_a_datasheet_are_linked(
    engine: Engine, agent: LinksAgent, repo: str, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """Each register's macro; every link is told, and the samples agent learns the paths."""
    change = commit("c1", drv__h=HEADER)
    publish(make_sheet())

    records = deliver(agent, change)

    assert set(live(engine)) >= NAMES
    told = [LinkRecord.decode(r.value).to_domain() for r in records if r.topic == "trace.links"]
    (linked,) = [LinkedRecord.decode(r.value).to_domain() for r in records if r.topic == "mapping.linked"]
    assert {event.symbol for event in told} == set(live(engine))
    assert (linked.repo_id, linked.paths) == (repo, ("drv.h",))
    assert audit(engine).is_clean


def test_the_ledger_equals_a_mapping_from_scratch_whatever_came(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """Edit, rename, new revision, deletion, and back: after each the audit finds no difference."""
    source = '/* ZQ4071 driver */\n#include "drv.h"\nint zq4071_status(void) { return bus(ZQ4071_REG_STATUS); }\n'
    publish(make_sheet("s1"))
    deliver(agent, commit("c1", drv__h=HEADER, drv__c=source))
    assert audit(engine).is_clean
    deliver(agent, commit("c2", drv__h=HEADER.replace("0x02", "0x03"), drv__c=source))
    assert audit(engine).is_clean
    deliver(agent, commit("c3", drv__h=HEADER, zq__c=source))
    publish(make_sheet("s2", registers={"CONTROL": 0, "SAMPLE_RATE": 1}))
    deliver(agent, released("s2"))
    assert audit(engine).is_clean
    deliver(agent, commit("c4", zq__c=source))
    assert audit(engine).is_clean
    deliver(agent, commit("c1", drv__h=HEADER, drv__c=source))
    report = audit(engine)

    assert report.is_clean
    assert report.repositories[0].links > 0
    assert report.repositories[0].ledger_digest == report.repositories[0].scratch_digest


def test_an_audit_names_what_differs(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """A link that nobody derived shows up, and so does one that is missing."""
    publish(make_sheet())
    deliver(agent, commit("c1", drv__h=HEADER))
    with writing(engine) as conn:
        conn.execute(links.links.update().where(links.links.c.name == "ZQ4071_REG_STATUS").values(state="stale"))

    report = audit(engine)

    assert not report.is_clean
    assert report.repositories[0].differences[0].startswith('+ ["link"')


def test_a_deleted_macro_and_a_removed_register_break_their_links(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """Each change of state has the commit or the release that caused it."""
    publish(make_sheet("s1"))
    deliver(agent, commit("c1", drv__h=HEADER))
    publish(make_sheet("s2", registers={"CONTROL": 0, "SAMPLE_RATE": 1}))
    deliver(agent, released("s2"))

    deliver(agent, commit("c2", drv__h=HEADER.replace("#define ZQ4071_REG_CONTROL 0x00\n", "")))

    assert history(engine, "ZQ4071_REG_CONTROL")[-1] == ("broken", "c2")
    assert history(engine, "ZQ4071_REG_STATUS")[0] == ("new", "c1")
    assert history(engine, "ZQ4071_REG_STATUS")[-1] == ("broken", "s2")
    assert "ZQ4071_REG_CONTROL" not in live(engine)


def test_a_renamed_file_moves_its_links(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """The link at the new path knows where it came from; the old one is retired."""
    publish(make_sheet())
    deliver(agent, commit("c1", drv__h=HEADER))

    deliver(agent, commit("c2", zq__h=HEADER))

    assert set(live(engine).values()) == {"moved"}
    with reading(engine) as conn:
        rows = {row.path: row for row in links.find_links(conn, symbol="ZQ4071_REG_STATUS", state="all")}
    assert rows["drv.h"].state == "retired"
    assert rows["zq.h"].moved_from == rows["drv.h"].link_id


def test_a_wrong_address_is_a_conflict_until_it_is_mended(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """Opened by the commit that brought it, resolved by the one that mended it."""
    publish(make_sheet(registers={"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2, "OFFSET": 7}))
    right = HEADER.replace("#endif", "#define ZQ4071_REG_OFFSET 0x07\n#endif")
    deliver(agent, commit("c1", drv__h=right))
    deliver(agent, commit("c2", drv__h=right.replace("0x07", "0x08")))
    with reading(engine) as conn:
        (found,) = conflicts.open_conflicts(conn)

    deliver(agent, commit("c3", drv__h=right))

    assert (found.kind, found.name, found.opened_by) == ("address", "ZQ4071_REG_OFFSET", "c2")
    with reading(engine) as conn:
        assert [(row.state, row.resolved_by) for row in conflicts.find_conflicts(conn)] == [("resolved", "c3")]


def test_changes_that_a_later_mapping_covered_cost_nothing(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """The first of two waiting changes maps the head; the second only passes its paths on."""
    publish(make_sheet())
    first, second = commit("c1", drv__h=HEADER), commit("c2", drv__h=HEADER, b__h="#define X 1\n")
    deliver(agent, first)

    assert agent.prepare(second) == []
    (record,) = deliver(agent, second)

    assert LinkedRecord.decode(record.value).to_domain().paths == ("b.h", "drv.h")
    assert audit(engine).is_clean


def test_a_head_that_moves_while_it_is_mapped_is_mapped_with_its_own_change(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """A repository that always moves is linked nevertheless, a commit behind; the next change catches up."""
    publish(make_sheet())
    first = commit("c1", drv__h=HEADER)
    prepared = agent.prepare(first)
    second = commit("c2", zq__h=HEADER)
    with writing(engine) as conn:
        agent.apply(conn, first, prepared)
    assert not audit(engine).repositories[0].current

    deliver(agent, second)

    assert audit(engine).is_clean
    assert audit(engine).repositories[0].current
    assert set(live(engine).values()) == {"moved"}


def test_an_older_mapping_never_replaces_a_newer_one(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """Of two mappings made at a time the second to be written is made again."""
    publish(make_sheet())
    change = commit("c1", drv__h=HEADER)
    prepared = agent.prepare(change)
    deliver(agent, commit("c2", zq__h=HEADER))

    with pytest.raises(MovedError, match="by another"), writing(engine) as conn:
        agent.apply(conn, change, prepared)


def test_a_removed_repository_has_its_links_retired(
    engine: Engine, agent: LinksAgent, repo: str, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """Nothing of it is live; why is in the history, and the samples agent is told."""
    publish(make_sheet())
    deliver(agent, commit("c1", drv__h=HEADER))
    with writing(engine) as conn:
        sources.remove_repository(conn, repo, 2.0)

    removal = Cause(kind="removal", id=repo, time=2.0)
    records = deliver(agent, MappingChange(cause=removal, repo_id=repo))

    assert live(engine) == {}
    assert history(engine, "ZQ4071_REG_STATUS")[-1] == ("retired", repo)
    assert [record.topic for record in records].count("mapping.linked") == 1
    assert audit(engine).is_clean


def test_a_removed_datasheet_has_its_links_retired(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """In every repository, with the source that was removed as the cause."""
    with writing(engine) as conn:
        source = sources.add_sheet_source(conn, location="/x.pdf", now=1.0)
    publish(make_sheet(), source_id=source.source_id)
    deliver(agent, commit("c1", drv__h=HEADER))
    with writing(engine) as conn:
        sources.remove_sheet_source(conn, source.source_id, 2.0)

    removal = Cause(kind="removal", id=source.source_id, time=2.0)
    deliver(agent, MappingChange(cause=removal, sheet_family="zq4071"))

    assert live(engine) == {}
    assert history(engine, "ZQ4071_REG_STATUS")[-1] == ("retired", source.source_id)


def test_two_repositories_of_one_origin_have_links_of_their_own(
    engine: Engine, agent: LinksAgent, repo: str, commit: Any, publish: Any, make_sheet: Any, deliver: Any
) -> None:
    """A fork's links do not take the place of the origin's, though path, name and register are the same."""
    publish(make_sheet())
    deliver(agent, commit("c1", drv__h=HEADER))
    with writing(engine) as conn:
        fork = sources.add_repository(conn, url="https://x/fork", now=1.0, family=repo, parts=["ZQ4071"]).repo_id
        tree = symbols.read_tree(conn, repo)
        symbols.write_tree(conn, fork, tree, [])
        symbols.replace_symbols(conn, fork, tree, symbols.load_parsed(conn, tree).values(), "c1")
        sources.record_head(conn, fork, "c1", 1.0)

    deliver(agent, MappingChange(cause=Cause(kind="commit", id="c1", time=1.0), repo_id=fork))

    with reading(engine) as conn:
        counted = [len(links.load_links(conn, repo_id=repo_id)) for repo_id in (fork, repo)]
    assert counted[0] == counted[1] > 0
    assert audit(engine).is_clean


def test_a_new_datasheet_is_linked_in_every_repository(
    engine: Engine, agent: LinksAgent, commit: Any, publish: Any, make_sheet: Callable[..., Datasheet], deliver: Any
) -> None:
    """A release that comes after the code makes the links."""
    deliver(agent, commit("c1", drv__h=HEADER))
    assert live(engine) == {}
    publish(make_sheet("s1"))

    deliver(agent, released("s1"))

    assert set(live(engine)) >= NAMES
    assert history(engine, "ZQ4071_REG_STATUS") == [("new", "s1")]
