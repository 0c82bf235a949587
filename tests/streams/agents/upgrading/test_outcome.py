"""After an upgrade the ledger is what the new version makes from scratch, whatever happens in between."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from mapper import version
from mapper.errors import DatasheetError
from streams import topics
from streams.ledger import links, outbox, samples, sources
from streams.ledger.engine import reading, writing
from streams.ledger.schema import link_history

HOUR = 3600.0
ALL = {"parser": "2", "reader": "2", "linker": "2"}


@pytest.mark.parametrize("new", [{"parser": "2"}, {"reader": "2"}, {"linker": "2"}, ALL], ids=lambda new: "+".join(new))
def test_an_upgrade_ends_as_the_new_version_from_scratch(
    flow: Any, old: Any, from_scratch: Callable[..., str], new: dict[str, str]
) -> None:
    """Nobody commits or publishes anything: the watcher alone has everything read again."""
    before = flow.dump()
    old.use(**new)

    told = flow.run()

    assert told > 0
    assert flow.outdated() == (0, 0, 0)
    assert flow.dump() == from_scratch("c1") != before
    assert flow.run() == 0


def test_an_upgrade_is_told_as_the_cause(flow: Any, old: Any) -> None:
    """The history of a link that came with the new parser says so; what stayed has no new entry."""
    with reading(flow.engine) as conn:
        before = set(conn.execute(select(link_history.c.change_id)).scalars())
    old.use(parser="2")

    flow.run()

    with reading(flow.engine) as conn:
        turns = conn.execute(select(link_history).where(link_history.c.change_id.not_in(before))).all()
        new = [stored.link.symbol.name for stored in links.load_links(conn, states=["new"])]
    assert {(turn.state, turn.cause_kind) for turn in turns} == {("new", "upgrade")}
    assert any(name.endswith("STATUS") for name in new)
    assert all(turn.cause_id.startswith(("parser1_", "mapping1_")) for turn in turns)


def test_a_version_that_reads_the_same_rewrites_no_link(flow: Any, old: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read again once, and nothing is written about any link."""
    old.use(**ALL)
    flow.run()
    dumped = flow.dump()
    monkeypatch.setattr(links, "write_links", lambda conn, repo_id, rows: pytest.fail("rewritten") if rows else None)
    monkeypatch.setattr(links, "write_turns", lambda conn, repo, rows, now: pytest.fail("turned") if rows else None)
    old.parsed.clear()
    old.use(parser="3", reader="3", linker="3")

    assert flow.run() > 0

    assert sorted(old.parsed) == ["drv.c", "drv.h", "other.h"]
    assert (flow.dump(), flow.outdated()) == (dumped, (0, 0, 0))


@pytest.mark.parametrize("seed", range(4))
def test_kills_in_between_change_nothing(
    flow: Any, old: Any, from_scratch: Callable[..., str], make_flow: Callable[..., Any], seed: int
) -> None:
    """Before, within and after each transaction; what was applied and not acknowledged comes again."""
    old.use(**ALL)
    dice, kills = random.Random(seed), 0
    while True:
        flow = make_flow(flow.engine)  # a fresh process: nothing but the ledger is left
        flow.now += HOUR * kills
        flow.kills = iter([dice.random() < 0.4 for _ in range(40)])
        try:
            flow.run()
            break
        except flow.Killed:
            kills += 1

    assert kills > 3
    assert (flow.dump(), flow.outdated()) == (from_scratch("c1"), (0, 0, 0))


def test_an_event_that_comes_again_does_nothing(flow: Any, old: Any) -> None:
    """Twice is once: nothing is parsed, told or written a second time."""
    old.use(**ALL)
    flow.run()
    told = [record for record in flow.delivered if b'"upgrade"' in (record.value or b"")]
    dumped = flow.dump()
    old.parsed.clear()
    flow.delivered.clear()

    for record in told:
        with writing(flow.engine) as conn:
            outbox.put(conn, [record], 1.0)
    flow.run()

    assert len(flow.delivered) >= len(told) > 2
    assert (old.parsed, flow.dump()) == ([], dumped)


def test_a_commit_after_an_upgrade_reads_all_of_its_tree(flow: Any, old: Any, from_scratch: Callable[..., str]) -> None:
    """It need not wait for the watcher: a tree is of one version, and each link says what it changed for."""
    repo = flow.add()
    old.use(parser="2")
    old.parsed.clear()
    flow.commit(repo, "c2", "c1")

    flow.run(watch=False)

    assert sorted(old.parsed) == ["drv.c", "drv.h", "other.h"]
    assert flow.dump() == from_scratch("c1", "c2")
    with reading(flow.engine) as conn:
        assert sources.get_repository(conn, repo).parser == version.parser_version()
        kinds = set(conn.execute(select(link_history.c.cause_kind).where(link_history.c.seq == 1)).scalars())
    assert "upgrade" in kinds


def test_a_datasheet_that_the_new_version_can_not_read_stays_as_it_was(flow: Any, old: Any) -> None:
    """It is noted among what is left out, and holds up neither itself nor the links."""
    dumped = flow.dump()
    old.use(reader="2")
    old.refuses = DatasheetError("x.pdf: reading took longer than 1 s", reason="pdf_timeout")

    assert flow.run() > 0

    assert (flow.dump(), flow.outdated()) == (dumped, (0, 0, 0))
    with reading(flow.engine) as conn:
        (drop,) = samples.find_drops(conn, stage="sheets")
    assert (drop.reason, drop.repo_id) == ("pdf_timeout", None)
    assert "kept as an older version read it" in drop.detail

    old.refuses = None
    old.use(reader="3")
    flow.run()
    with reading(flow.engine) as conn:
        assert samples.find_drops(conn, stage="sheets") == []


def test_links_are_made_once_everything_was_read(flow: Any, old: Any) -> None:
    """Two repositories and two datasheets: each repository is mapped once for the upgrade's sake, not once a sheet."""
    flow.commit(flow.add("https://x/z"), "c1")
    flow.release(b"%PDF- other")
    flow.run()
    old.use(reader="2")
    flow.delivered.clear()

    flow.run()

    told = [record.topic for record in flow.delivered]
    assert told.count(topics.CHANGES.name) == 2
    assert flow.outdated() == (0, 0, 0)
