"""The links agent with a language model: what it says changes links; faults and crashes neither lose nor repeat it."""

import asyncio
import json
import runpy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mapper.linking.asking import ask_symbols
from streams.agents.asking import Asker
from streams.agents.delivery import Delivery, Message
from streams.agents.faults import Fault, classify
from streams.agents.links import LinksAgent
from streams.agents.remap import remap
from streams.audit import audit
from streams.config import StreamsSettings
from streams.errors import ConfigError, LlmWaitError
from streams.events import Cause, MappingChange
from streams.ledger import dump, letters, links
from streams.ledger.engine import reading
from streams.modelcheck import require_model
from streams.records import ChangeRecord

SCRIPTED = runpy.run_path(str(Path(__file__).parents[1] / "llm" / "conftest.py"))

HEADER = """#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
"""
NAMES = {"ZQ4071_REG_CONTROL", "ZQ4071_REG_SAMPLE_RATE", "ZQ4071_REG_STATUS"}


def says(choose: Callable[[list[str]], list[str]]) -> Callable[[dict[str, Any], int], Any]:
    """Return a script that answers each item with what is chosen of its candidates."""

    def script(request: dict[str, Any], number: int) -> Any:
        schema = request["response_format"]["json_schema"]["schema"]
        sets = {name: each["enum"] for name, each in schema["$defs"].items()}
        found = {item: choose(sets[each["items"]["$ref"][8:]]) for item, each in schema["properties"].items()}
        return SCRIPTED["completion"](json.dumps(found))

    return script


NIL = says(lambda _: [])
FIRST = says(lambda ids: ids[:1])


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The URL of a ledger in SQLite alone: what is asked about does not depend on the database."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(autouse=True)
def all_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that are sure of no symbol, and a server's client that does not wait long."""
    monkeypatch.setattr(ask_symbols, "LOW", 0.0)
    monkeypatch.setattr(ask_symbols, "HIGH", 1.1)
    monkeypatch.setattr("streams.llm.wire.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("streams.agents.asking.FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def server() -> Iterator[Any]:
    """A scripted server on which no symbol is anything."""
    server = SCRIPTED["Server"]()
    server.script = NIL
    yield server
    server.stop()


@pytest.fixture
def asking(settings: StreamsSettings, server: Any, tmp_path: Any) -> StreamsSettings:
    """Settings that want it asked."""
    cache = SCRIPTED["byte_tokenizer"](tmp_path / "model-cache")
    return settings.model_copy(
        update={"llm_policy": "undecided", "llm_base_url": server.url, "llm_model": "scripted", "cache": cache}
    )


@pytest.fixture
def agent(world: Any, pool: Any, metrics: Any) -> Callable[[StreamsSettings], LinksAgent]:
    """Give a function that puts another links agent, with settings of its own, into the world."""

    def make(settings: StreamsSettings) -> LinksAgent:
        world.links = LinksAgent(
            world.engine, metrics, pool, lambda _: world.mirror, settings=settings, asker=Asker(settings, metrics)
        )
        return world.links

    return make


def live(world: Any) -> set[str]:
    with reading(world.engine) as conn:
        return {link.name for link in links.find_links(conn)} & NAMES


def lines(world: Any) -> list[str]:
    with reading(world.engine) as conn:
        return [*dump.link_lines(conn, world.repo), *dump.relevance_lines(conn, world.repo)]


def test_an_answer_changes_links_and_the_audit_asks_nobody(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any
) -> None:
    """NIL takes links away; the audit takes the same decision from the answers kept, though the cache is gone."""
    agent(asking)
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    asked = len(server.requests)
    for file in asking.home.glob("llm.db*"):
        file.unlink()

    report = audit(world.engine)

    assert asked > 0
    assert live(world) == set()
    assert report.is_clean
    assert report.repositories[0].current
    assert len(server.requests) == asked
    assert (world.cost().prompts, world.cost().tokens) == (asked, 110 * asked)


def test_what_a_commit_does_not_touch_is_not_asked_again(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any
) -> None:
    """A decision with answers is kept; of a touched driver only prompts that are others are asked."""
    agent(asking)
    tree = {f"lib/part{number}__c": "int part_on(void) { return 1; }\n" for number in range(40)}
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER, **tree)
    asked = len(server.requests)

    tree["lib/led__c"] = "int led_on(void) { return 1; }\n"
    world.commit("c2", drv__h=HEADER, **tree)
    kept = (len(server.requests), world.cost().decisions_kept, world.cost().tokens)
    world.commit("c3", drv__h=HEADER.replace("0x02", "0x03"), **tree)

    assert kept == (asked, 1, 0)
    assert len(server.requests) > asked
    assert audit(world.engine).is_clean


def test_a_kill_between_answer_and_commit_asks_nothing_again(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any
) -> None:
    """What was prepared and lost is prepared again by another process, from the answers kept, to the same ledger."""
    first = agent(asking)
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER, map=False)
    first.prepare(world.waiting[0])  # and the process is gone
    asked = len(server.requests)
    server.script = FIRST

    agent(asking)
    world.map()

    assert asked == len(server.requests) > 0
    assert live(world) == set()
    assert audit(world.engine).is_clean


def test_a_server_that_is_busy_for_a_moment_is_asked_again(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any
) -> None:
    """429, then the answer."""
    server.script = lambda request, n: server.reply(429, {"error": {"message": "later"}}) if n == 1 else NIL(request, n)
    agent(asking)
    world.release(make_sheet())

    world.commit("c1", drv__h=HEADER)

    assert live(world) == set()
    assert audit(world.engine).is_clean


def test_a_server_that_is_away_keeps_the_record_waiting(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any, metrics: Any, registry: Any
) -> None:
    """However often it is tried there is no dead letter and no death; the loop goes on, and when it is back all is."""
    server.script = lambda request, n: server.reply(503, {"error": {"message": "away"}})
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER, map=False)
    pauses: list[float] = []
    threads: set[str] = set()
    until_known = agent(asking)._asker.until_known
    world.links._asker.until_known = lambda *given: (threads.add(threading.current_thread().name), until_known(*given))[
        1
    ]

    async def sleep(seconds: float) -> None:
        pauses.append(registry.get_sample_value("sheetstream_streams_llm_circuit_open"))
        if len(pauses) == 6:
            server.script = NIL

    class Flushed:
        async def flush(self) -> None:
            """Nothing waits."""

    delivery: Any = Delivery(
        world.links, world.engine, Flushed(), metrics, retry_seconds=0.0, sleep=sleep, die=lambda _: pytest.fail("died")
    )
    value = ChangeRecord.from_domain(world.waiting[-1]).encode()
    message = Message(topic="mapping.changes", topic_id="t", partition=0, offset=0, key=None, value=value, time=1.0)
    asyncio.run(delivery.deliver(message))

    assert pauses == [1.0] * 6
    assert threads
    assert "MainThread" not in threads
    assert registry.get_sample_value("sheetstream_streams_llm_circuit_open") == 0
    assert registry.get_sample_value("sheetstream_streams_records_total", {"stage": "links", "result": "ok"}) == 1
    with reading(world.engine) as conn:
        assert not letters.find_letters(conn)
    assert audit(world.engine).is_clean


def test_an_open_circuit_sends_nothing(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fault the next try waits its time, whichever record it is of."""
    monkeypatch.setattr("streams.agents.asking.FIRST_PAUSE_SECONDS", 60.0)
    server.script = lambda request, n: server.reply(401, {"error": {"message": "no"}})
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER, map=False)
    agent(asking)
    with pytest.raises(LlmWaitError) as first:
        world.map()
    asked = len(server.requests)
    with pytest.raises(LlmWaitError):
        world.deliver(world.links, MappingChange(cause=Cause(kind="commit", id="c1", time=1.0), repo_id=world.repo))

    assert (classify(first.value), first.value.reason) == (Fault.TRANSIENT, "misconfigured")
    assert len(server.requests) == asked == 1


def test_a_day_without_budget_links_by_rules_and_asks_when_something_changes(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any
) -> None:
    """What the rules say is written and stays; another day asks only about what is decided anew."""
    agent(asking.model_copy(update={"llm_max_tokens_per_day": 1}))
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    undecided = (len(server.requests), live(world), audit(world.engine).is_clean)

    agent(asking)
    world.commit("c2", drv__h=HEADER, **{"test/a__c": "int a;\n"})
    untouched = len(server.requests)
    world.commit("c3", drv__h=HEADER + "#define ZQ4071_NAME 7\n")

    assert undecided == (0, NAMES, True)
    assert untouched == 0
    assert len(server.requests) > 0
    assert live(world) == set()
    assert audit(world.engine).is_clean


def test_switching_takes_decisions_anew(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, settings: StreamsSettings, server: Any
) -> None:
    """Off, on, off, and another model: the links are those of the policy, and the ledger is clean each time."""
    found = []
    world.release(make_sheet())
    for number, used in enumerate((settings, asking, settings, asking)):
        agent(used)
        world.commit(f"c{number}", drv__h=HEADER, **{f"test/t{number}__c": "int t;\n"})
        found.append((live(world), audit(world.engine).is_clean))
    asked = len(server.requests)
    agent(asking.model_copy(update={"llm_model": "other"}))
    world.commit("c9", drv__h=HEADER)

    assert found == [(NAMES, True), (set(), True)] * 2
    assert len(server.requests) > asked
    assert audit(world.engine).is_clean


def test_answers_that_are_none_leave_the_rules(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any
) -> None:
    """A refusal is no fault of the server: nothing waits, and the links are the rules'."""
    server.script = lambda request, n: server.completion(None, refusal="no")
    agent(asking)
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)

    assert live(world) == NAMES
    assert audit(world.engine).is_clean


def test_the_mapping_itself_asks_nobody(
    world: Any, make_sheet: Any, agent: Any, asking: StreamsSettings, server: Any, pool: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """In the pool's process no server is spoken to: what is open comes back."""
    before: list[int] = []
    agent(asking)

    def watched(function: Any, *args: Any) -> Any:
        number = len(server.requests)
        found = function(*args)
        if function is remap:
            before.append(len(server.requests) - number)
        return found

    monkeypatch.setattr(pool, "call", watched)
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)

    assert before
    assert set(before) == {0}
    assert server.requests


def test_a_policy_without_a_server_is_refused_by_name() -> None:
    """The setting and what it lacks are named."""
    with pytest.raises(ConfigError, match="llm_policy: undecided needs llm_base_url and llm_model"):
        StreamsSettings(llm_policy="undecided")


def test_a_model_without_a_tokenizer_is_refused_at_start(asking: StreamsSettings, tmp_path: Path) -> None:
    """Nothing starts that could never ask; with all there nothing is said."""
    require_model(asking)
    with pytest.raises(ConfigError, match=r"llm_policy: undecided: .*no tokenizer"):
        require_model(asking.model_copy(update={"cache": tmp_path / "empty"}))
