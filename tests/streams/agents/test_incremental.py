"""The agents over a history of commits and releases: links from kept decisions, their causes, their costs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from mapper.linking import mapping as mapping_module
from mapper.model import Datasheet
from mapper.version import mapping_version
from streams.agents import links as links_module
from streams.agents import remap as remap_module
from streams.audit import audit
from streams.config import StreamsSettings
from streams.events import Cause, MappingChange
from streams.ledger import links, schema
from streams.ledger.engine import reading, writing

HEADER = """#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
#endif
"""


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
    world: Any, make_sheet: Any, decided: list[str], monkeypatch: pytest.MonkeyPatch
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


def test_only_the_family_that_a_change_touches_is_written(world: Any, make_sheet: Any, decided: list[str]) -> None:
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


def test_a_new_linker_decides_anew_and_says_so(
    world: Any, make_sheet: Any, decided: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version makes another snapshot, and no decision of the old one is kept; equal links are not touched."""
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER)
    decided.clear()
    for module in (remap_module, links_module):
        monkeypatch.setattr(module, "linker_version", lambda: "f" * 32)

    cause = Cause(kind="upgrade", id=mapping_version(), time=9.0)
    world.deliver(world.links, MappingChange(cause=cause, repo_id=world.repo))

    assert decided == ["zq4071.pdf"]
    assert [told[1] for told in world.told("ZQ4071_REG_STATUS")] == ["c1"]
    assert world.cost().cause_kind == "upgrade"


@pytest.mark.parametrize("harm", ["lost", "torn", "foreign"])
def test_the_cache_of_trees_is_only_a_cache(world: Any, make_sheet: Any, settings: StreamsSettings, harm: str) -> None:
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


def test_the_cache_of_another_worker_is_harmless(world: Any, make_sheet: Any, settings: StreamsSettings) -> None:
    """A tree that is several commits old is brought up to date from the ledger."""
    world.release(make_sheet())
    world.commit("c1", drv__h=HEADER, old__c="int old;\n")
    (file,) = (settings.home / "cache" / "trees").iterdir()
    before = file.read_bytes()
    world.commit("c2", drv__h=HEADER.replace("0x02", "0x03"))
    file.write_bytes(before)

    world.commit("c3", zq__h=HEADER)

    assert audit(world.engine).is_clean


def test_a_ledger_without_decisions_goes_on(world: Any, make_sheet: Any) -> None:
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


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, min_size=1, max_size=6))
def test_any_history_ends_in_the_mapping_of_its_last_snapshot(
    new_world: Callable[[], Any], make_sheet: Any, history: list[tuple[str, Any, bool]]
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
