"""streams/agents/causes.py, mapped.py: each change of a link or conflict has its own cause and says what differs."""

from typing import Any

from sqlalchemy import Engine, select

from streams.audit import audit
from streams.ledger import conflicts, links, schema
from streams.ledger.engine import reading

HEADER = """#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
#endif
"""


def test_of_commits_that_wait_each_change_has_its_own(world: Any, make_sheet: Any) -> None:
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


def test_a_chain_of_renames_keeps_identity(world: Any, make_sheet: Any) -> None:
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


def test_a_new_release_fires_only_what_it_changed(world: Any, make_sheet: Any) -> None:
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


def test_conflicts_keep_their_causes_on_both_sides(world: Any, make_sheet: Any) -> None:
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


def test_what_waited_is_forgotten_once_it_is_linked(world: Any, make_sheet: Any) -> None:
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
