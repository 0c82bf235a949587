"""streams/agents/symbols.py"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.ids import commit_event_id
from streams.agents.symbols import SymbolsAgent
from streams.config import StreamsSettings
from streams.events import CommitEvent, EarlierCommit
from streams.ledger import samples, sources, symbols
from streams.ledger.engine import reading, writing
from streams.metrics import StreamsMetrics
from streams.records import ChangeRecord

A1 = "#define ZQ_A 0x10\n"
A2 = "#define ZQ_A 0x11\n"
B = "#define ZQ_B 1\n#define ZQ_C 2\n"


@pytest.fixture
def repo(engine: Engine) -> str:
    """The id of a repository that was just added."""
    with writing(engine) as conn:
        return sources.add_repository(conn, url="https://x/y", now=1.0).repo_id


@pytest.fixture
def agent(settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, pool: Any, mirror: Any) -> SymbolsAgent:
    """The agent over the mirror in memory."""
    return SymbolsAgent(settings.model_copy(update={"max_file_bytes": 500}), engine, metrics, pool, lambda _: mirror)


def event(repo_id: str, mirror: Any, commit: str, base: str | None, *, complete: bool = True) -> CommitEvent:
    return CommitEvent(
        event_id=commit_event_id(repo_id, commit, base),
        repo_id=repo_id,
        family=repo_id,
        ref="main",
        commit=commit,
        base=base,
        changed=tuple(mirror.changes(base, commit)) if complete else (),
        complete=complete,
        commit_time=5.0,
        summary=commit,
    )


def state(engine: Engine, repo_id: str) -> tuple[list[str], set[tuple[str, int | None]]]:
    with reading(engine) as conn:
        found = conn.execute(symbols.symbols.select().where(symbols.symbols.c.repo_id == repo_id)).all()
        return list(symbols.read_tree(conn, repo_id)), {(row.name, row.value and int(row.value)) for row in found}


def test_the_first_commit_brings_its_tree(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """Source files with their symbols; what is no source code is left alone."""
    mirror.add("c1", a__h=A1, b__h=B, logo__png="no text")

    (record,) = deliver(agent, event(repo, mirror, "c1", None))

    change = ChangeRecord.decode(record.value).to_domain()
    assert state(engine, repo) == (["a.h", "b.h"], {("ZQ_A", 16), ("ZQ_B", 1), ("ZQ_C", 2)})
    assert (change.paths, len(change.symbol_ids), change.cause.id) == (("a.h", "b.h"), 3, "c1")


def test_a_following_commit_touches_only_what_it_changed(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """Only changed content is read; a rename moves symbols, a deletion removes them."""
    mirror.add("c1", a__h=A1, b__h=B)
    mirror.add("c2", a__h=A2, d__h=B)
    deliver(agent, event(repo, mirror, "c1", None))
    mirror.read.clear()

    (record,) = deliver(agent, event(repo, mirror, "c2", "c1"))

    assert state(engine, repo) == (["a.h", "d.h"], {("ZQ_A", 17), ("ZQ_B", 1), ("ZQ_C", 2)})
    assert len(mirror.read) == 2
    assert ChangeRecord.decode(record.value).to_domain().paths == ("a.h", "b.h", "d.h")
    with reading(engine) as conn:
        newest = symbols.recent_commits(conn)[0]
        assert (newest.commit_id, newest.files_parsed, newest.files_changed) == ("c2", 2, 3)
        assert sources.get_repository(conn, repo).head == "c2"


def test_going_back_parses_nothing(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """Content that was parsed once is known, also by a commit that does not follow the head (a force-push)."""
    mirror.add("c1", a__h=A1)
    mirror.add("c2", a__h=A2)
    deliver(agent, event(repo, mirror, "c1", None))
    deliver(agent, event(repo, mirror, "c2", "c1"))
    mirror.read.clear()

    deliver(agent, event(repo, mirror, "c1", "elsewhere", complete=False))

    assert mirror.read == []
    assert state(engine, repo) == (["a.h"], {("ZQ_A", 16)})


def test_events_told_again_change_nothing(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """A watcher that died tells old commits again: the head stays."""
    mirror.add("c1", a__h=A1)
    mirror.add("c2", a__h=A2)
    first, second = event(repo, mirror, "c1", None), event(repo, mirror, "c2", "c1")
    deliver(agent, first)
    deliver(agent, second)

    assert deliver(agent, first) == []
    assert deliver(agent, second) == []

    assert state(engine, repo) == (["a.h"], {("ZQ_A", 17)})


def test_a_commit_that_is_repeated_on_purpose_counts(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """To and fro between two commits gives the same event ids, and each time another tree."""
    mirror.add("c1", a__h=A1)
    mirror.add("c2", a__h=A2)
    for commit, base in (("c1", None), ("c2", "c1"), ("c1", "c2"), ("c2", "c1")):
        deliver(agent, event(repo, mirror, commit, base))

    assert state(engine, repo) == (["a.h"], {("ZQ_A", 17)})


def test_a_refused_file_is_dropped_and_the_commit_goes_on(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """Too large and binary files are counted by reason; invalid UTF-8 is none of these."""
    mirror.add("c1", a__h=A1, big__c="x" * 600, bin__c="\0")
    mirror.commits["c1"]["latin.c"] = b"/* \xe9 */\nint latin;\n"
    mirror.add("c1", **{path.replace(".", "__"): data.decode("latin-1") for path, data in mirror.commits["c1"].items()})

    deliver(agent, event(repo, mirror, "c1", None))

    with reading(engine) as conn:
        assert samples.count_drops(conn) == {("symbols", "binary"): 1, ("symbols", "too_large"): 1}
    assert "latin.c" in state(engine, repo)[0]


def test_a_generated_header_of_3_megabytes_is_taken(
    engine: Engine, settings: StreamsSettings, metrics: StreamsMetrics, pool: Any, mirror: Any, repo: str, deliver: Any
) -> None:
    """The default limit lets a header through that the mapper reads by its macros alone; a device tree is refused."""
    large = "".join(f"#define ZQ_{n} 0x{n:X} // {'filler ' * 200}\n" for n in range(2_200))
    mirror.add("c1", regs__h=large, board__dts=large.replace("#define", "//"))

    deliver(SymbolsAgent(settings, engine, metrics, pool, lambda _: mirror), event(repo, mirror, "c1", None))

    assert len(large) > 3_000_000
    assert state(engine, repo)[1] == {(f"ZQ_{n}", n) for n in range(2_200)}
    with reading(engine) as conn:
        assert samples.count_drops(conn) == {("symbols", "too_large"): 1}


def test_a_removed_repository_takes_no_commit(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """An event that was under way when it was removed is dropped; added again, the same history counts again."""
    mirror.add("c1", a__h=A1)
    told = event(repo, mirror, "c1", None)
    deliver(agent, told)
    with writing(engine) as conn:
        sources.remove_repository(conn, repo, 2.0)

    assert deliver(agent, told) == []
    assert state(engine, repo) == ([], set())

    with writing(engine) as conn:
        sources.add_repository(conn, url="https://x/y", now=3.0)
    deliver(agent, told)
    assert state(engine, repo) == (["a.h"], {("ZQ_A", 16)})


def test_globs_choose_paths(engine: Engine, agent: SymbolsAgent, mirror: Any, deliver: Callable[..., Any]) -> None:
    """Of a large repository only what a person asked for is read."""
    with writing(engine) as conn:
        repo = sources.add_repository(conn, url="u", now=1.0, path_globs=["drv/*"]).repo_id
    mirror.add("c1", **{"drv/a__h": A1, "other/b__h": B})

    deliver(agent, event(repo, mirror, "c1", None))

    assert state(engine, repo)[0] == ["drv/a.h"]


def earlier(*names: str) -> tuple[EarlierCommit, ...]:
    bases = (None, *names[:-1])
    return tuple(
        EarlierCommit(commit=name, base=base, commit_time=1.0, summary=f"did {name}", num_changed=3)
        for name, base in zip(names, bases, strict=True)
    )


def test_a_backfill_is_recorded_and_only_its_end_is_read(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """Commits before the end are noted as not mapped and never read; the end is read as a tree and says so."""
    mirror.add("c3", a__h=A2, b__h=B)
    part = replace(event(repo, mirror, "c3", None, complete=False), event_id="part", earlier=earlier("c1", "c2"))

    assert deliver(agent, replace(part, commit="c2", mapped=False)) == []
    assert (mirror.read, state(engine, repo)) == ([], ([], set()))
    (record,) = deliver(agent, replace(event(repo, mirror, "c3", "c2", complete=False), backfill=2))
    assert deliver(agent, replace(part, commit="c2", mapped=False)) == []

    assert ChangeRecord.decode(record.value).to_domain().cause.detail == "backfill of 3 commits up to c3: c3"
    assert len(mirror.read) == 2
    with reading(engine) as conn:
        found = [(row.commit_id, row.mapped, row.files_changed) for row in symbols.recent_commits(conn)]
        assert found == [("c3", True, 2), ("c2", False, 3), ("c1", False, 3)]
        assert sources.get_repository(conn, repo).head == "c3"


def test_the_head_told_once_more_mends_the_tree(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, deliver: Callable[..., Any]
) -> None:
    """Nothing follows when nothing differs; with other globs the files that go are gone, and links are made anew."""
    mirror.add("c1", a__h=A1, b__h=B)
    deliver(agent, event(repo, mirror, "c1", None))
    again = event(repo, mirror, "c1", "c1", complete=False)
    assert deliver(agent, again) == []
    with writing(engine) as conn:
        sources.record_linked(conn, repo, snapshot="s", head="c1")
        sources.add_repository(conn, url="https://x/y", now=1.0, path_globs=["b*"])

    (record,) = deliver(agent, again)

    assert ChangeRecord.decode(record.value).to_domain().paths == ("a.h",)
    assert state(engine, repo)[0] == ["b.h"]
    with reading(engine) as conn:
        assert (sources.get_repository(conn, repo).linked, sources.get_repository(conn, repo).linked_head) == (
            None,
            "c1",
        )
