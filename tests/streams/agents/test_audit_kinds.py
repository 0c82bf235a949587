"""streams/audit.py and streams/audit_trees.py: each kind of difference is found, and nothing is where there is none."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, update

from mapper.ids import blob_id
from streams.agents.links import LinksAgent, map_bodies
from streams.agents.symbols import SymbolsAgent
from streams.audit import KINDS, RepositoryAudit, audit_repository
from streams.config import StreamsSettings
from streams.errors import RepositoryError
from streams.events import Cause, CommitEvent, MappingChange
from streams.ledger import sources
from streams.ledger.engine import writing
from streams.ledger.schema import (
    conflicts,
    file_relevance,
    links,
    parsed_files,
    repositories,
    symbols,
    tree_files,
)
from streams.metrics import StreamsMetrics

HEADER = """#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x03
#endif
"""


@pytest.fixture
def repo(engine: Engine) -> str:
    """The id of a repository that was just added."""
    with writing(engine) as conn:
        return sources.add_repository(conn, url="https://x/y", now=1.0, parts=["ZQ4071"]).repo_id


@pytest.fixture
def commit(
    settings: StreamsSettings,
    engine: Engine,
    metrics: StreamsMetrics,
    pool: Any,
    mirror: Any,
    repo: str,
    deliver: Callable[..., Any],
) -> Callable[..., MappingChange]:
    """Give a function that lets the symbols agent apply a commit, and returns the change for the links agent."""
    agent = SymbolsAgent(settings, engine, metrics, pool, lambda _: mirror)

    def commit(name: str, **files: str) -> MappingChange:
        mirror.add(name, **files)
        event = CommitEvent(
            event_id=name,
            repo_id=repo,
            family="f",
            ref="HEAD",
            commit=name,
            base=None,
            changed=(),
            complete=False,
            commit_time=1.0,
            summary="",
        )
        deliver(agent, event)
        return MappingChange(cause=Cause(kind="commit", id=name, time=1.0), repo_id=repo)

    return commit


@pytest.fixture
def linked(
    engine: Engine,
    metrics: StreamsMetrics,
    pool: Any,
    mirror: Any,
    repo: str,
    commit: Callable[..., MappingChange],
    publish: Any,
    make_sheet: Any,
    deliver: Any,
) -> LinksAgent:
    """The links agent, after it linked a header and a source file; the header contradicts the datasheet once."""
    publish(make_sheet())
    agent = LinksAgent(engine, metrics, pool, lambda _: mirror)
    deliver(agent, commit("c1", drv__h=HEADER, drv__c='#include "drv.h"\nint zq4071_get(void) { return 1; }\n'))
    return agent


@pytest.fixture
def look(engine: Engine, repo: str, mirror: Any) -> Callable[..., RepositoryAudit]:
    """Give a function that audits the repository."""
    return lambda **how: audit_repository(engine, repo, open_mirror=lambda _: mirror, **how)


@pytest.mark.parametrize("deep", [False, True])
def test_what_the_agents_wrote_is_clean(linked: LinksAgent, look: Any, deep: bool) -> None:
    """Every kind was looked at, and nothing differs."""
    found = look(deep=deep)

    assert found.mismatches == dict.fromkeys(KINDS, 0)
    assert found.current
    assert found.links
    assert found.unchecked == ()


DAMAGE = {
    "links": update(links).where(links.c.name == "ZQ4071_REG_CONTROL").values(state="stale"),
    "conflicts": insert(conflicts).values(
        conflict_id="cf",
        sheet_family="zq4071",
        part="ZQ4071",
        kind="address",
        symbol_id="s",
        name="N",
        path="drv.h",
        line=1,
        page=1,
        code_value="1",
        sheet_value="2",
        detail="",
        state="open",
        opened_by="c1",
    ),
    "relevance": update(file_relevance).values(rank=7),
    "releases": update(links).values(sheet_sha256="another"),
    "symbols": update(symbols).where(symbols.c.name == "ZQ4071_REG_STATUS").values(line=99),
    "parsed": delete(parsed_files).where(parsed_files.c.path == "drv.c"),
    "tree": delete(tree_files).where(tree_files.c.path == "drv.c"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_damage_is_found(engine: Engine, linked: LinksAgent, repo: str, look: Any, kind: str) -> None:
    """Something that no agent wrote shows under its own kind."""
    statement: Any = DAMAGE[kind]
    if kind == "conflicts":
        statement = statement.values(repo_id=repo)
    with writing(engine) as conn:
        conn.execute(statement)

    found = look()

    assert found.mismatches[kind] >= 1
    assert found.num_mismatches >= 1
    assert found.differences


def test_a_changed_row_is_one_mismatch_of_two_lines(engine: Engine, linked: LinksAgent, look: Any) -> None:
    """What both sides have and say differently counts once."""
    with writing(engine) as conn:
        conn.execute(DAMAGE["symbols"])

    found = look()

    assert found.mismatches["symbols"] == 1
    assert [line[:11] for line in found.differences] == ['- ["symbol"', '+ ["symbol"']


def test_only_a_deep_audit_sees_what_was_parsed_wrongly(
    engine: Engine, linked: LinksAgent, mirror: Any, look: Any, commit: Any, deliver: Any
) -> None:
    """The parsed file of another text under the right name: all that follows from it agrees with it."""
    wrong = HEADER.replace("0x01", "0x02").replace("0x03", "0x01")
    right, bad = blob_id(HEADER.encode()), blob_id(wrong.encode())
    deliver(linked, commit("c2", drv__h=wrong))
    with writing(engine) as conn:
        conn.execute(delete(parsed_files).where(parsed_files.c.blob_id == right))
        conn.execute(update(parsed_files).where(parsed_files.c.blob_id == bad).values(blob_id=right))
        conn.execute(update(tree_files).values(blob_id=right))
        conn.execute(update(repositories).values(head="c3", linked_head="c3"))
    mirror.add("c3", drv__h=HEADER)

    shallow, deep = look(), look(deep=True)

    assert shallow.mismatches["parsed"] == 0
    assert deep.mismatches["parsed"] == 1


def test_links_of_an_older_head_are_not_current_and_no_mismatch(
    engine: Engine, linked: LinksAgent, look: Any, commit: Any, deliver: Any
) -> None:
    """A head that moved before its links did is work to do; what the commit itself wrote is compared all the same."""
    change = commit("c2", drv__h=HEADER.replace("CONTROL", "CONTROLS"))

    moved = look()

    assert not moved.current
    assert moved.num_differences > 0
    assert moved.num_mismatches == 0
    assert set(moved.mismatches) == {"symbols", "parsed", "tree"}

    deliver(linked, change)

    assert look().current
    assert look().num_differences == 0


def test_a_head_that_moves_during_the_audit_changes_nothing_of_it(
    engine: Engine, linked: LinksAgent, look: Any, commit: Any, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is read in one snapshot: a commit that is applied and linked meanwhile is for the next audit."""
    before = look().snapshot

    def map_slowly(*args: Any) -> Any:
        monkeypatch.undo()
        deliver(linked, commit("c2", other__h=HEADER.replace("0x03", "0x02")))
        return map_bodies(*args)

    monkeypatch.setattr("streams.audit.map_bodies", map_slowly)
    during = look()

    assert (during.snapshot, during.current, during.num_differences) == (before, True, 0)
    assert look().snapshot != before
    assert look().num_differences == 0


def test_a_release_that_is_not_linked_yet_is_not_current(
    engine: Engine, linked: LinksAgent, look: Any, publish: Any, make_sheet: Any
) -> None:
    """Links of the release before are live until the links agent comes to it."""
    publish(make_sheet("s2", registers={"CONTROL": 5}), 2.0)

    found = look()

    assert not found.current
    assert found.num_mismatches == 0


def test_a_mirror_without_the_head_is_said_and_no_mismatch(linked: LinksAgent, engine: Engine, repo: str) -> None:
    """An auditor on another machine has no mirror."""

    class Gone:
        def tree(self, commit: str) -> dict[str, str]:
            raise RepositoryError("no mirror here")

    found = audit_repository(engine, repo, open_mirror=lambda _: Gone())  # type: ignore[arg-type,return-value]

    assert "tree" not in found.mismatches
    assert found.unchecked == ("tree: no mirror here",)
    assert found.num_mismatches == 0


def test_a_removed_repository_must_have_nothing_left(
    engine: Engine, linked: LinksAgent, repo: str, look: Any, deliver: Any
) -> None:
    """Not even a live link."""
    with writing(engine) as conn:
        sources.remove_repository(conn, repo, 3.0)
    assert not look().current
    deliver(linked, MappingChange(cause=Cause(kind="removal", id=repo, time=3.0), repo_id=repo))
    assert look().num_mismatches == 0

    with writing(engine) as conn:
        conn.execute(update(links).values(state="kept"))

    assert look().mismatches["links"] > 0
