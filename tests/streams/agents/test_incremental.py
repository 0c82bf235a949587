"""The agents over a history of commits and releases: links from kept decisions, their causes, their costs."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from mapper.datasheet.revision import diff_datasheets
from mapper.ids import commit_event_id
from mapper.linking import mapping as mapping_module
from mapper.model import Datasheet
from streams.agents import remap as remap_module
from streams.agents.links import LinksAgent
from streams.agents.symbols import SymbolsAgent
from streams.audit import audit
from streams.config import StreamsSettings
from streams.events import Cause, ChangedPath, CommitEvent, MappingChange
from streams.ledger import conflicts, costs, links, schema, sheets, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.metrics import StreamsMetrics
from streams.records import ChangeRecord

HEADER = """#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
#endif
"""
FAMILY = "zq4071"


@dataclass
class World:
    """A repository and a datasheet family whose events go through both agents, at once or when asked."""

    engine: Engine
    symbols: SymbolsAgent
    links: LinksAgent
    mirror: Any
    deliver: Callable[[Any, Any], list[Any]]
    repo: str = ""
    head: str | None = None
    waiting: list[MappingChange] = field(default_factory=list)

    def add_repository(self) -> None:
        with writing(self.engine) as conn:
            self.repo = sources.add_repository(conn, url="https://x/y", now=1.0, parts=["ZQ4071"]).repo_id

    def commit(self, name: str, *, map: bool = True, **files: str) -> None:
        """Apply a commit with this whole tree; __ in a name is a dot."""
        self.mirror.add(name, **files)
        changed = tuple(self.mirror.changes(self.head, name))
        self._apply(name, changed if self.head else (), complete=self.head is not None)
        if map:
            self.map()

    def jump(self, name: str) -> None:
        """Go to a commit that does not follow the head: a force-push."""
        self._apply(name, (), complete=False)
        self.map()

    def release(self, sheet: Datasheet, *, map: bool = True) -> None:
        """Make a release current, as the sheets agent does."""
        with writing(self.engine) as conn:
            before = sheets.current_sheet(conn, sheet.family)
            old = sheets.load_sheet(conn, before.sha256) if before else None
            time = (before.released_at if before else 0.0) + 1.0
            sheets.write_sheet(conn, sheet, source_id="src", released_at=time, read_at=1.0, seconds=0.1, current=True)
            if old is not None and before is not None and old.sha256 != sheet.sha256:
                changes = diff_datasheets(old, sheet)
                sheets.write_sheet_changes(conn, sheet.family, before.sha256, sheet.sha256, changes)
        cause = Cause(kind="datasheet", id=sheet.sha256, time=time)
        self.waiting.append(MappingChange(cause=cause, sheet_family=sheet.family))
        if map:
            self.map()

    def map(self) -> None:
        """Let the links agent take what waits."""
        while self.waiting:
            self.deliver(self.links, self.waiting.pop(0))

    def _apply(self, name: str, changed: tuple[ChangedPath, ...], *, complete: bool) -> None:
        event = CommitEvent(
            event_id=commit_event_id(self.repo, name, self.head),
            repo_id=self.repo,
            family=self.repo,
            ref="refs/heads/main",
            commit=name,
            base=self.head,
            changed=changed,
            complete=complete,
            commit_time=float(len(self.mirror.commits)),
            summary="",
        )
        records = self.deliver(self.symbols, event)
        self.waiting += [ChangeRecord.decode(record.value).to_domain() for record in records]
        self.head = name

    def told(self, name: str, **where: Any) -> list[tuple[str, str, str]]:
        """Return (state, cause, detail) of all changes of a symbol's best link."""
        with reading(self.engine) as conn:
            best = links.find_links(conn, symbol=name, state="all", **where)[0]
            story = links.link_story(conn, best.link_id)
        assert story is not None
        return [(item.state, item.cause_id, item.detail) for item in story.history]

    def cost(self) -> costs.Cost:
        """Return what the links agent's last event cost."""
        with reading(self.engine) as conn:
            return next(cost for cost in costs.recent_costs(conn) if cost.agent == "links")


@pytest.fixture
def world(
    engine: Engine, settings: StreamsSettings, metrics: StreamsMetrics, pool: Any, mirror: Any, deliver: Any
) -> World:
    """An empty world with one repository."""
    return _world(engine, settings, metrics, pool, mirror, deliver)


def _world(
    engine: Engine, settings: StreamsSettings, metrics: StreamsMetrics, pool: Any, mirror: Any, deliver: Any
) -> World:
    world = World(
        engine,
        SymbolsAgent(settings, engine, metrics, pool, lambda _: mirror),
        LinksAgent(engine, metrics, pool, lambda _: mirror, settings=settings),
        mirror,
        deliver,
    )
    world.add_repository()
    return world


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the datasheets that are decided about, from now on."""
    found: list[str] = []
    decide = mapping_module._decide

    def noted(tree: Any, sheet: Datasheet, *arguments: Any, **named: Any) -> Any:
        found.append(sheet.file)
        return decide(tree, sheet, *arguments, **named)

    monkeypatch.setattr(mapping_module, "_decide", noted)
    return found


def test_a_commit_that_no_decision_read_costs_no_link_work(
    world: World, make_sheet: Any, decided: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a new test nothing is asked; of a new file elsewhere nothing is decided; no link is loaded for either."""
    tree = {f"lib/part{number}__c": "int part_on(void) { return 1; }\n" for number in range(40)} | {"drv__h": HEADER}
    world.release(make_sheet())
    world.commit("c1", **tree)
    decided.clear()
    monkeypatch.setattr(links, "differing_links", lambda *_: pytest.fail("links were loaded"))

    tree["test/drv_test__c"] = "int main(void) { return 1; }\n"
    world.commit("c2", **tree)
    no_tree = world.cost()
    world.commit("c3", **tree, **{"lib/led__c": "int led_on(void) { return 1; }\n"})

    assert decided == []
    assert (no_tree.decisions_kept, no_tree.decisions_taken, no_tree.symbols_aligned) == (1, 0, 0)
    assert (world.cost().decisions_kept, world.cost().decisions_taken, world.cost().links_changed) == (1, 0, 0)


def test_only_the_family_that_a_change_touches_is_written(world: World, make_sheet: Any, decided: list[str]) -> None:
    """Of two datasheets the one whose driver was edited is decided anew."""
    world.release(make_sheet())
    second = make_sheet("o1", registers={"GAIN": 0x31, "FILTER": 0x32, "MODE": 0x33})
    world.release(
        replace(second, file="kt9920.pdf", parts=("KT9920",), family="kt9920", title="KT9920", pages=("KT9920",))
    )
    other_header = "".join(f"#define KT9920_REG_{name} {at}\n" for name, at in (("GAIN", 0x31), ("FILTER", 0x32)))
    world.commit("c1", drv__h=HEADER, kt__h=other_header)
    decided.clear()

    world.commit("c2", drv__h=HEADER, kt__h=other_header.replace("50", "52"))

    assert decided == ["kt9920.pdf"]
    assert world.told("ZQ4071_REG_STATUS")[-1][1] == "c1"
    assert audit(world.engine).is_clean


def test_of_commits_that_wait_each_change_has_its_own(world: World, make_sheet: Any) -> None:
    """Three commits and a release are mapped at once: each change names the one that made it, and says what differs."""
    more = HEADER.replace("#endif\n", "#define ZQ4071_REG_LIMIT 0x05\n#endif\n")
    registers = {"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2, "LIMIT": 5}
    world.release(make_sheet("s1", registers=registers))
    world.commit("c1", drv__h=more)

    edited = more.replace("RATE 0x01", "RATE 0x09")
    world.commit("c2", map=False, drv__h=edited)
    without = edited.replace("#define ZQ4071_REG_CONTROL 0x00\n", "")
    world.commit("c3", map=False, drv__h=without)
    world.commit("c4", map=False, drv__h=without, other__c="int other(void) { return 1; }\n")
    world.release(
        make_sheet("s2", registers={name: at for name, at in registers.items() if name != "LIMIT"}), map=False
    )
    world.map()

    assert world.told("ZQ4071_REG_SAMPLE_RATE")[-1][1] == "c2"
    assert "value 0x1 -> 0x9" in world.told("ZQ4071_REG_SAMPLE_RATE")[-1][2]
    assert world.told("ZQ4071_REG_CONTROL")[-1][:2] == ("broken", "c3")
    state, cause, detail = world.told("ZQ4071_REG_LIMIT")[-1]
    assert (state, cause) == ("broken", "s2")
    assert detail.startswith("register LIMIT is no longer in the datasheet")
    assert world.told("ZQ4071_REG_STATUS") == [("new", "c1", world.told("ZQ4071_REG_STATUS")[0][2])]
    assert audit(world.engine).is_clean


def test_a_chain_of_renames_keeps_identity(world: World, make_sheet: Any) -> None:
    """A file that was renamed twice, and edited so much in between that its two ends are unlike, is the same file."""
    filler = "".join(f"int filler_{n}(void) {{ return {n}; }}\n" for n in range(40))
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    world.commit("c2", map=False, mid__h=HEADER)
    world.commit("c3", map=False, mid__h=HEADER + filler)
    world.commit("c4", map=False, zq__h=HEADER + filler)

    world.map()

    state, cause, detail = world.told("ZQ4071_REG_STATUS", path="zq.h")[-1]
    assert (state, cause) == ("moved", "c4")
    assert detail.startswith("moved from drv.h")
    assert world.told("ZQ4071_REG_STATUS", path="drv.h")[-1][:2] == ("retired", "c2")


def test_a_new_release_fires_only_what_it_changed(world: World, make_sheet: Any) -> None:
    """Links of untouched registers get no history, but are of the new release; nothing is announced of them."""
    sheet = make_sheet("s1")
    world.release(sheet)
    world.commit("c1", drv__h=HEADER)
    world.release(make_sheet("s2", registers={"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2, "LIMIT": 5}))

    with reading(world.engine) as conn:
        rows = links.find_links(conn, symbol="ZQ4071_REG_STATUS")
    assert {row.sheet_sha256 for row in rows} == {"s2"}
    assert [told[:2] for told in world.told("ZQ4071_REG_STATUS")] == [("new", "c1")]
    assert audit(world.engine).is_clean


def test_conflicts_keep_their_causes_on_both_sides(world: World, make_sheet: Any) -> None:
    """Opened by a commit, resolved by a release; opened again by another commit: all of it stays told."""
    registers = {"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2, "OFFSET": 7}
    right = HEADER.replace("#endif\n", "#define ZQ4071_REG_OFFSET 0x07\n#endif\n")
    wrong = right.replace("0x07", "0x08")
    world.release(make_sheet("s1", registers=registers))
    world.commit("c1", drv__h=right)
    world.commit("c2", map=False, drv__h=wrong)
    world.commit("c3", drv__h=wrong, other__c="int other(void) { return 1; }\n")
    world.release(make_sheet("s2", registers=registers | {"OFFSET": 8}))
    world.release(make_sheet("s3", registers=registers))

    with reading(world.engine) as conn:
        (found,) = conflicts.find_conflicts(conn, state="open")
        turns = conflicts.conflict_turns(conn, found.conflict_id)
    assert (found.opened_kind, found.opened_by, found.code_value, found.sheet_value) == (
        "datasheet",
        "s3",
        "0x8",
        "0x7",
    )
    assert [(turn.state, turn.cause_kind, turn.cause_id) for turn in turns] == [
        ("open", "commit", "c2"),
        ("resolved", "datasheet", "s2"),
        ("open", "datasheet", "s3"),
    ]


def test_a_new_linker_decides_anew_and_says_so(
    world: World, make_sheet: Any, decided: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version makes another snapshot, and no decision of the old one is kept; equal links are not touched."""
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    decided.clear()
    for module in (remap_module, __import__("streams.agents.links", fromlist=["links"])):
        monkeypatch.setattr(module, "linker_version", lambda: "f" * 32)

    cause = Cause(kind="upgrade", id="f" * 32, time=9.0)
    world.deliver(world.links, MappingChange(cause=cause, repo_id=world.repo))

    assert decided == ["zq4071.pdf"]
    assert [told[1] for told in world.told("ZQ4071_REG_STATUS")] == ["c1"]
    assert world.cost().cause_kind == "upgrade"


@pytest.mark.parametrize("harm", ["lost", "torn", "foreign"])
def test_the_cache_of_trees_is_only_a_cache(
    world: World, make_sheet: Any, settings: StreamsSettings, harm: str
) -> None:
    """Whatever happens to its file, the links are those of a mapping from scratch."""
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    (file,) = (settings.home / "cache" / "trees").iterdir()
    data = file.read_bytes()
    if harm == "lost":
        file.unlink()
    else:
        file.write_bytes(data[: len(data) // 2] if harm == "torn" else b"something else")

    world.commit("c2", drv__h=HEADER.replace("0x02", "0x03"), b__c="int b;\n")

    assert audit(world.engine).is_clean
    assert file.read_bytes()[:20] == data[:20]


def test_the_cache_of_another_worker_is_harmless(world: World, make_sheet: Any, settings: StreamsSettings) -> None:
    """A tree that is several commits old is brought up to date from the ledger."""
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER, old__c="int old;\n")
    (file,) = (settings.home / "cache" / "trees").iterdir()
    before = file.read_bytes()
    world.commit("c2", drv__h=HEADER.replace("0x02", "0x03"))
    file.write_bytes(before)

    world.commit("c3", zq__h=HEADER)

    assert audit(world.engine).is_clean


def test_a_ledger_without_decisions_goes_on(world: World, make_sheet: Any) -> None:
    """After an upgrade from a version that kept none, all is decided, and nothing happens to links that are right."""
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    with writing(world.engine) as conn:
        conn.execute(schema.decisions.delete())
        conn.execute(schema.repositories.update().values(linked_tree=None, linked="older"))
        before = conn.execute(select(schema.link_history).order_by(schema.link_history.c.change_id)).all()

    world.commit("c2", drv__h=HEADER, b__c="int b;\n")

    with reading(world.engine) as conn:
        assert conn.execute(select(schema.link_history).order_by(schema.link_history.c.change_id)).all() == before
    assert audit(world.engine).is_clean


def test_what_waited_is_forgotten_once_it_is_linked(world: World, make_sheet: Any) -> None:
    """Nothing of it is noted before anything was linked either."""
    world.commit("c1", map=False, drv__h=HEADER)
    assert _num_pending(world.engine) == 0
    world.release(make_sheet())
    world.commit("c2", map=False, drv__h=HEADER.replace("0x02", "0x03"))
    assert _num_pending(world.engine) == 2

    world.map()

    assert _num_pending(world.engine) == 0


def _num_pending(engine: Engine) -> int:
    with reading(engine) as conn:
        return len(conn.execute(select(schema.pending_changes)).all())


PATHS = ("drv.h", "drv.c", "lib/zq4071/zq4071.c", "other.h", "test/zq4071_test.c")
TEXTS = (
    HEADER,
    HEADER.replace("0x02", "0x03"),
    HEADER.replace("#define ZQ4071_REG_CONTROL 0x00\n", ""),
    "#define REG_CONTROL 0x00\n#define REG_SAMPLE_RATE 0x01\n#define REG_STATUS ZQ_BASE\n",
    "#define ZQ_BASE 0x02\n",
    '#include "drv.h"\nint zq4071_status(void) { return bus(ZQ4071_REG_STATUS); }\n',
    None,
)
SHEETS = (
    {"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2},
    {"CONTROL": 0, "SAMPLE_RATE": 1},
    {"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 3},
)
edits = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(TEXTS), min_size=1, max_size=3)
steps = st.one_of(
    st.tuples(st.just("commit"), edits, st.booleans()),
    st.tuples(st.just("release"), st.integers(0, len(SHEETS) - 1), st.booleans()),
    st.tuples(st.just("jump"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("lose the cache"), st.none(), st.booleans()),
)


@pytest.fixture
def new_world(pool: Any, deliver_with: Any, new_mirror: Any) -> Iterator[Callable[[], World]]:
    """Give a function that makes an empty world, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        homes = (Path(folder) / str(number) for number in range(10**6))

        def make() -> World:
            home = next(homes)
            settings = StreamsSettings(home=home, database_url=f"sqlite:///{home / 'ledger.db'}")
            engine = open_ledger(settings.database_url)
            upgrade(engine)
            metrics = StreamsMetrics(CollectorRegistry())
            return _world(engine, settings, metrics, pool, new_mirror(), deliver_with(engine))

        yield make


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, min_size=1, max_size=6))
def test_any_history_ends_in_the_mapping_of_its_last_snapshot(
    new_world: Callable[[], World], make_sheet: Any, history: list[tuple[str, Any, bool]]
) -> None:
    """Commits, releases, force-pushes and lost caches, mapped one by one or together: the audit finds no difference."""
    world = new_world()
    tree = {"drv.h": HEADER}
    world.release(make_sheet("s0"))
    world.commit("c0", **tree)
    for number, (kind, what, maps) in enumerate(history, start=1):
        if kind == "commit":
            tree = {path: text for path, text in {**tree, **what}.items() if text is not None}
            world.commit(f"c{number}", map=maps, **tree)
        elif kind == "release":
            world.release(make_sheet(f"s{number}", registers=SHEETS[what]), map=maps)
        elif kind == "jump" and f"c{what}" in world.mirror.commits:
            world.jump(f"c{what}")
            tree = {path: data.decode() for path, data in world.mirror.commits[f"c{what}"].items()}
        elif kind == "lose the cache":
            for file in world.links._cache.iterdir() if world.links._cache else ():
                file.unlink()
    world.map()

    report = audit(world.engine)
    world.engine.dispose()

    assert report.is_clean, report
    assert report.repositories[0].current
