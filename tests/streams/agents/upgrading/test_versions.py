"""Versions beside each other: nothing goes to and fro, nothing is overtaken, what nobody needs is removed."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select

from streams import topics
from streams.errors import MovedError
from streams.events import Cause, CommitEvent, MappingChange
from streams.ledger import outbox, sheets, sources, symbols, upgrades
from streams.ledger.engine import reading, writing
from streams.ledger.schema import parsed_files
from streams.records import ChangeRecord, CommitRecord
from streams.upgrade import tell_upgrades

HOUR = 3600.0
ALL = {"parser": "2", "reader": "2", "linker": "2"}


def test_workers_of_two_versions_do_not_go_to_and_fro(flow: Any, old: Any) -> None:
    """A worker of the older version does nothing about events of the newer one; those are told less and less often."""
    old.use(parser="2")
    assert tell_upgrades(flow.engine, 0.0) == 1
    old.use(parser="1")
    old.parsed.clear()
    flow.run(watch=False)
    assert old.parsed == []

    old.use(parser="2")
    told = [moment for moment in range(24 * 6) if tell_upgrades(flow.engine, moment * 600.0 + 1.0)]

    assert 5 < len(told) < 10
    flow.run(watch=False)
    assert flow.outdated()[0] == 0


def test_an_older_worker_does_not_undo_an_upgrade(flow: Any, old: Any) -> None:
    """Given the newer version's events, by a rebalance say, it leaves everything as it is."""
    old.use(**ALL)
    flow.run()
    told = [record for record in flow.delivered if b'"upgrade"' in (record.value or b"")]
    dumped = flow.dump()
    old.use()
    old.parsed.clear()

    for record in told:
        with writing(flow.engine) as conn:
            outbox.put(conn, [record], 1.0)
    flow.run(watch=False)

    assert (old.parsed, flow.dump()) == ([], dumped)
    old.use(**ALL)
    assert flow.outdated() == (0, 0, 0)


def test_few_repositories_are_under_way_at_a_time(flow: Any, old: Any) -> None:
    """So that a new commit waits for a few re-reads, and not for all of them."""
    for number in range(11):
        flow.commit(flow.add(f"https://x/{number}"), "c1")
    flow.run()
    old.use(parser="2")

    assert tell_upgrades(flow.engine, 5000.0) == upgrades.UNDER_WAY
    assert tell_upgrades(flow.engine, 5001.0) == 0

    flow.now = 5002.0
    flow.run()
    assert flow.outdated() == (0, 0, 0)


def count_rows(engine: Engine) -> dict[str, int]:
    with reading(engine) as conn:
        rows = list(conn.execute(select(parsed_files.c.parser)).scalars())
    return {parser[-1]: rows.count(parser) for parser in rows}


def tidied(engine: Engine, now: float) -> int:
    with writing(engine) as conn:
        return upgrades.remove_unneeded(conn, now)


def test_files_of_an_older_version_go_when_nobody_needs_them(
    flow: Any, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while a head is of that version, nor while a worker of it was seen lately; then in small batches."""
    monkeypatch.setattr(upgrades, "REMOVED_ROWS", 2)
    with writing(flow.engine) as conn:
        upgrades.note_parser(conn, 0.0)
    old.use(parser="2")
    assert tidied(flow.engine, 10 * HOUR) == 0
    flow.run()
    assert count_rows(flow.engine) == {"1": 3, "2": 3}
    assert tidied(flow.engine, 0.5 * HOUR) == 0

    removed = [tidied(flow.engine, 10 * HOUR) for _ in range(4)]

    assert removed == [2, 1, 0, 0]
    assert count_rows(flow.engine) == {"2": 3}


def test_a_commit_whose_files_were_removed_meanwhile_is_prepared_again(flow: Any, old: Any) -> None:
    """A row that is gone between parsing and writing never becomes a file without symbols."""
    agent = flow.agents[topics.COMMITS.name]
    repo = flow.add()
    event = CommitEvent(
        event_id="e",
        repo_id=repo,
        family=repo,
        ref="main",
        commit="c2",
        base="c1",
        changed=tuple(flow.mirror.changes("c1", "c2")),
        commit_time=6.0,
        summary="c2",
    )
    prepared = agent.prepare(event)
    with writing(flow.engine) as conn:
        conn.execute(parsed_files.delete())

    with pytest.raises(MovedError, match=r"1 parsed files are gone, other\.h among them"), writing(flow.engine) as conn:
        agent.apply(conn, event, prepared)


def test_of_a_re_read_and_a_commit_at_once_both_count(flow: Any, old: Any, from_scratch: Callable[..., str]) -> None:
    """The re-read was prepared on the old head; it moves over to the new one."""
    repo = flow.add()
    old.use(parser="2")
    tell_upgrades(flow.engine, 5000.0)
    agent = flow.agents[topics.COMMITS.name]
    (item,) = _waiting(flow.engine)
    event = CommitRecord.decode(item.record.value).to_domain()
    prepared = agent.prepare(event)
    flow.commit(repo, "c2", "c1")
    with writing(flow.engine) as conn:
        outbox.confirm(conn, [item.id])
    flow.run(watch=False)

    with pytest.raises(MovedError), writing(flow.engine) as conn:
        agent.apply(conn, event, prepared)
    flow.put(topics.COMMITS, CommitRecord.from_domain(event))
    flow.run(watch=False)

    assert flow.dump() == from_scratch("c1", "c2")
    with reading(flow.engine) as conn:
        assert sources.get_repository(conn, repo).head == "c2"


def _waiting(engine: Engine) -> Any:
    with reading(engine) as conn:
        return outbox.waiting(conn, limit=10)


def test_a_ledger_from_before_versions_is_read_again(flow: Any) -> None:
    """Its rows are of no known version: they serve until they were read again."""
    repo = flow.add()
    with writing(flow.engine) as conn:
        conn.execute(parsed_files.update().values(parser=""))
        conn.execute(sources.repositories.update().values(parser="", linked_by="", linked="snap1_old"))
        conn.execute(sheets.datasheets.update().values(reader=""))
        assert len(symbols.tree_bodies(conn, repo)) == 3
    dumped = flow.dump()

    assert flow.outdated() == (1, 1, 1)
    assert flow.run() > 0
    assert (flow.dump(), flow.outdated()) == (dumped, (0, 0, 0))


def test_a_repository_is_linked_again_when_a_worker_of_another_version_did_so(flow: Any, old: Any) -> None:
    """Links of mixed reading are noted as such, and are made anew by the watcher's word."""
    old.use(parser="2")
    tell_upgrades(flow.engine, 5000.0)
    for item in _waiting(flow.engine):
        flow._deliver(flow.agents[item.record.topic], item.record.value)
        with writing(flow.engine) as conn:
            outbox.confirm(conn, [item.id])
    old.use(parser="1")
    change = MappingChange(cause=Cause(kind="commit", id="c1", time=1.0), repo_id=flow.add())
    flow.put(topics.CHANGES, ChangeRecord.from_domain(change))
    flow.run(watch=False)
    old.use(parser="2")

    assert flow.outdated() == (0, 0, 1)
    flow.now = 5000.0 + HOUR
    flow.run()
    assert flow.outdated() == (0, 0, 0)


def test_two_watchers_tell_once(flow: Any, old: Any) -> None:
    """They ask at the same moment; one puts the event, the other sees that it was told."""
    old.use(parser="2")
    told: list[int] = []
    threads = [threading.Thread(target=lambda: told.append(tell_upgrades(flow.engine, 5000.0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == [0, 0, 1]
