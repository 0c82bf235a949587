"""A file that kills the parser, in a real process: it is left out, and its commit goes on."""

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine

from streams.agents.faults import Fault, classify
from streams.agents.parsing import FileParser
from streams.agents.symbols import SymbolsAgent
from streams.config import StreamsSettings
from streams.errors import PoolError
from streams.events import CommitEvent
from streams.ledger import samples, sources, symbols
from streams.ledger.engine import reading, writing
from streams.pool import Pool

A = "#define ZQ_A 0x10\n"


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the same on any ledger, and slow


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """A real pool for all tests here."""
    with pytest.MonkeyPatch.context() as patch, Pool() as pool:
        patch.syspath_prepend(Path(__file__).parents[1])
        pool.call(abs, -1)
        yield pool


@pytest.fixture
def stubs(pool: Pool) -> Any:
    """Parsers and contents that do not get on."""
    return importlib.import_module("pool_stubs")


@pytest.fixture
def repo(engine: Engine) -> str:
    """The id of a repository that was just added."""
    with writing(engine) as conn:
        return sources.add_repository(conn, url="https://x/y", now=1.0).repo_id


@pytest.fixture
def agent(
    settings: StreamsSettings, engine: Engine, metrics: Any, mirror: Any, pool: Pool, stubs: Any, monkeypatch: Any
) -> SymbolsAgent:
    """The agent with a parser that some contents kill, and little patience."""
    monkeypatch.setattr("streams.agents.symbols.FileParser", partial(FileParser, parse=stubs.parse))
    strict = settings.model_copy(update={"parse_cpu_seconds": 1, "parse_timeout_seconds": 20.0})
    return SymbolsAgent(strict, engine, metrics, pool, lambda _: mirror)


def event(repo_id: str, mirror: Any, commit: str, base: str | None) -> CommitEvent:
    return CommitEvent(
        event_id=commit,
        repo_id=repo_id,
        family=repo_id,
        ref="main",
        commit=commit,
        base=base,
        changed=tuple(mirror.changes(base, commit)),
        commit_time=5.0,
        summary=commit,
    )


def left_out(engine: Engine) -> dict[str, str]:
    with reading(engine) as conn:
        return {drop.path or "": drop.reason for drop in samples.find_drops(conn, stage="symbols")}


@ON_SQLITE
def test_files_that_kill_the_parser_are_left_out_with_their_reasons(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, stubs: Any, deliver: Callable[..., Any]
) -> None:
    """One that loops, one that eats memory, one that crashes; what stands beside them is parsed."""
    contents = {"loop__c": stubs.LOOPER, "eat__c": stubs.EATER, "bomb__c": stubs.BOMB}
    mirror.add("c1", a__h=A, z__h=A, **{path: data.decode() for path, data in contents.items()})

    deliver(agent, event(repo, mirror, "c1", None))

    assert left_out(engine) == {"loop.c": "parse_timeout", "eat.c": "parse_memory", "bomb.c": "parse_crash"}
    with reading(engine) as conn:
        assert sorted(symbols.load_parsed(conn, symbols.read_tree(conn, repo))) == ["a.h", "z.h"]
    assert not [child for child in psutil.Process().children(recursive=True) if child.cpu_percent(0.1) > 50]


def test_a_content_that_killed_the_parser_is_not_tried_again(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, stubs: Any, deliver: Callable[..., Any], pool: Pool
) -> None:
    """Not by the next commit, and not as a copy; each place says why it is left out."""
    mirror.add("c1", bomb__c=stubs.BOMB.decode())
    mirror.add("c2", bomb__c=stubs.BOMB.decode(), copy__c=stubs.BOMB.decode())
    deliver(agent, event(repo, mirror, "c1", None))
    mirror.read.clear()

    deliver(agent, event(repo, mirror, "c2", "c1"))

    assert mirror.read == []
    assert left_out(engine) == {"bomb.c": "parse_crash", "copy.c": "parse_crash"}


@ON_SQLITE
def test_another_version_of_the_parser_tries_again(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, stubs: Any, deliver: Callable[..., Any]
) -> None:
    """What was remembered is of the version that it killed."""
    mirror.add("c1", bomb__c=stubs.BOMB.decode())
    deliver(agent, event(repo, mirror, "c1", None))
    with reading(engine) as conn:
        (blob,) = symbols.read_tree(conn, repo).values()

        assert set(symbols.refused(conn, [blob])) == {blob}
        assert symbols.refused(conn, [blob], parser="parser1_other") == {}


@ON_SQLITE
def test_what_was_refused_is_remembered_before_the_commit_is_done(
    engine: Engine, agent: SymbolsAgent, mirror: Any, repo: str, stubs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is killed in the middle does not begin with the bombs again."""
    monkeypatch.setattr("streams.agents.parsing.CHUNK_FILES", 1)
    mirror.add("c1", a__c=stubs.BOMB.decode(), b__c=A)
    agent.prepare(event(repo, mirror, "c1", None))  # and never applied
    mirror.read.clear()

    agent.prepare(event(repo, mirror, "c1", None))

    assert mirror.read == []


@ON_SQLITE
def test_a_parser_that_is_broken_itself_blames_no_file(
    settings: StreamsSettings, engine: Engine, pool: Pool, mirror: Any, stubs: Any
) -> None:
    """The commit is tried again, and then a dead letter that can be replayed: no file is remembered as bad."""
    mirror.add("c1", a__h=A)

    with pytest.raises(PoolError, match="no grammar") as caught:
        FileParser(settings, engine, pool, parse=stubs.broken).parse("repo", mirror.tree("c1"), mirror)

    assert (caught.value.reason, classify(caught.value)) == ("parse_crash", Fault.DOUBTFUL)
    with reading(engine) as conn:
        assert symbols.refused(conn, mirror.tree("c1").values()) == {}
