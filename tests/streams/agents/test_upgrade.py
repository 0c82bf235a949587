"""After an upgrade the ledger is what the new version makes from scratch, whatever happens in between."""

import dataclasses
import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

import mapper.code
import mapper.linking
from mapper import version
from mapper.errors import DatasheetError
from mapper.ids import commit_event_id, sheet_event_id
from mapper.model import Datasheet, SourceFile
from streams import topics
from streams.agents.links import LinksAgent
from streams.agents.samples import SamplesAgent
from streams.agents.sheets import SheetsAgent
from streams.agents.symbols import SymbolsAgent
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import Cause, CommitEvent, MappingChange, SheetEvent
from streams.ledger import links, outbox, samples, sheets, sources, symbols, upgrades
from streams.ledger.dump import dump
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import link_history, parsed_files
from streams.records import ChangeRecord, CommitRecord, SheetRecord
from streams.upgrade import tell_upgrades

HEADER = "".join(f"#define ZQ4071_REG_{name} 0x0{at}\n" for at, name in enumerate(("CONTROL", "SAMPLE_RATE", "STATUS")))
SOURCE = '#include "drv.h"\nint zq4071_status(void) { return bus(ZQ4071_REG_STATUS); }\n'
FILES = {"drv__h": HEADER, "drv__c": SOURCE, "other__h": "#define ZQ_OTHER 7\n"}
PDF = b"%PDF- zq4071"
HOUR = 3600.0


class KilledError(Exception):
    """The process is gone."""


class Flow:
    """The agents over a ledger, fed from its outbox; a record is taken out only once it was applied."""

    def __init__(self, engine: Engine, settings: StreamsSettings, metrics: Any, pool: Any, mirror: Any, read: Any):
        self.engine, self.settings, self.mirror = engine, settings, mirror
        self.now = 1000.0
        self.kills: Iterator[bool] = iter(())
        self.delivered: list[Outgoing] = []
        self.agents: dict[str, Any] = {
            topics.COMMITS.name: SymbolsAgent(settings, engine, metrics, pool, lambda _: mirror),
            topics.SHEETS.name: SheetsAgent(settings, engine, metrics, read),
            topics.CHANGES.name: LinksAgent(engine, metrics, pool, lambda _: mirror),
            topics.LINKED.name: SamplesAgent(settings, engine, metrics, pool, lambda _: mirror),
        }

    def put(self, topic: topics.Topic, record: Any) -> None:
        with writing(self.engine) as conn:
            outbox.put(conn, [Outgoing(topic=topic.name, key="k", value=record.encode())], self.now)

    def add(self, url: str = "https://x/y") -> str:
        with writing(self.engine) as conn:
            return sources.add_repository(conn, url=url, now=1.0, parts=["ZQ4071"]).repo_id

    def commit(self, repo: str, name: str, base: str | None = None) -> None:
        event = CommitEvent(
            event_id=commit_event_id(repo, name, base),
            repo_id=repo,
            family=repo,
            ref="main",
            commit=name,
            base=base,
            changed=tuple(self.mirror.changes(base, name)),
            commit_time=5.0,
            summary=name,
        )
        self.put(topics.COMMITS, CommitRecord.from_domain(event))

    def release(self, pdf: bytes = PDF) -> str:
        sha256 = BlobStore(self.settings.home).put(pdf)
        with writing(self.engine) as conn:
            source = sources.add_sheet_source(conn, location=f"/{sha256[:8]}.pdf", now=1.0)
        event = SheetEvent(
            event_id=sheet_event_id(source.source_id, sha256),
            source_id=source.source_id,
            location=source.location,
            file="x.pdf",
            sha256=sha256,
            released_at=2.0,
        )
        self.put(topics.SHEETS, SheetRecord.from_domain(event))
        return sha256

    def run(self, *, watch: bool = True) -> int:
        """Apply all that waits, and what the watcher then tells, until nothing is left; return how many were told."""
        told = 0
        while True:
            self._drain()
            self.now += 1.0
            more = tell_upgrades(self.engine, self.now) if watch else 0
            told += more
            if not more:
                return told

    def _drain(self) -> None:
        while True:
            with reading(self.engine) as conn:
                waiting = outbox.waiting(conn, limit=100)
            if not waiting:
                return
            for item in waiting:
                if item.record.topic in self.agents and item.record.value is not None:
                    self._deliver(self.agents[item.record.topic], item.record.value)
                    self.delivered.append(item.record)
                with writing(self.engine) as conn:
                    outbox.confirm(conn, [item.id])

    def _deliver(self, agent: Any, value: bytes) -> None:
        event = agent.record.decode(value).to_domain()
        while True:
            try:
                prepared = agent.prepare(event)
                self._may_die()
                with writing(self.engine) as conn:
                    effect = agent.apply(conn, event, prepared)
                    outbox.put(conn, effect.records, self.now)
                    self._may_die()
            except MovedError:
                continue
            self._may_die()  # applied, and it comes again
            effect.count()
            return

    def _may_die(self) -> None:
        if next(self.kills, False):
            raise KilledError

    def dump(self) -> str:
        with reading(self.engine) as conn:
            return dump(conn)

    def outdated(self) -> tuple[int, int, int]:
        with reading(self.engine) as conn:
            return dataclasses.astuple(upgrades.outdated(conn))


class Mapper:
    """A mapper of which each part can be of an older version, which sees less."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sheet: Callable[..., Datasheet]) -> None:
        self.versions = {version.PARSING: "1", version.READING: "1", version.LINKING: "1"}
        self.parsed: list[str] = []
        self.refuses: DatasheetError | None = None
        self._sheet = sheet
        monkeypatch.setattr(version, "source_digest", lambda names, _: self.versions[tuple(names)] * 32)
        monkeypatch.setattr("streams.agents.one_file.parse_file", self.parse)
        monkeypatch.setattr("streams.agents.links.map_tree", self.map)

    def use(self, parser: str = "1", reader: str = "1", linker: str = "1") -> None:
        """Be of these versions from now on, as if every process had been started afresh."""
        self.versions = {version.PARSING: parser, version.READING: reader, version.LINKING: linker}
        for kind in (version.parser_version, version.reader_version, version.linker_version, version.mapping_version):
            kind.cache_clear()

    def parse(self, path: str, data: bytes) -> SourceFile:
        self.parsed.append(path)
        file = mapper.code.parse_file(path, data)
        if self.versions[version.PARSING] == "1":
            file = dataclasses.replace(file, symbols=tuple(s for s in file.symbols if not s.name.endswith("STATUS")))
        return file

    def read(self, pdf: bytes, **_: Any) -> Datasheet:
        if self.refuses:
            raise self.refuses
        count = 2 if self.versions[version.READING] == "1" else 3
        names = ("CONTROL", "STATUS", "SAMPLE_RATE")
        at = {"CONTROL": 0, "SAMPLE_RATE": 1, "STATUS": 2}
        return self._sheet(hashlib.sha256(pdf).hexdigest(), registers={name: at[name] for name in names[:count]})

    def map(self, *args: Any, **kwargs: Any) -> Any:
        mapping = mapper.linking.map_tree(*args, **kwargs)
        if self.versions[version.LINKING] == "1":
            return dataclasses.replace(mapping, links=tuple(n for n in mapping.links if n.symbol.kind != "function"))
        return mapping


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch, make_sheet: Callable[..., Datasheet]) -> Iterator[Mapper]:
    """A mapper whose parts are all of the older version."""
    found = Mapper(monkeypatch, make_sheet)
    found.use()
    yield found
    monkeypatch.undo()
    found.use()


@pytest.fixture
def make_flow(settings: StreamsSettings, metrics: Any, pool: Any, mirror: Any, old: Mapper) -> Callable[..., Flow]:
    """Give a function that makes the agents over a ledger."""
    mirror.add("c1", **FILES)
    mirror.add("c2", **FILES | {"other__h": "#define ZQ_OTHER 8\n"})
    return lambda engine: Flow(engine, settings, metrics, pool, mirror, old.read)


@pytest.fixture
def flow(engine: Engine, make_flow: Callable[..., Flow]) -> Flow:
    """A repository and a datasheet as the older version reads them."""
    flow = make_flow(engine)
    flow.commit(flow.add(), "c1")
    flow.release()
    assert flow.run() == 0
    return flow


@pytest.fixture
def from_scratch(tmp_path: Path, make_flow: Callable[..., Flow]) -> Iterator[Callable[..., str]]:
    """Give a function that returns the dump of a new ledger which never knew another version."""
    engine = open_ledger(f"sqlite:///{tmp_path}/scratch.db")
    upgrade(engine)

    def from_scratch(*commits: str) -> str:
        flow = make_flow(engine)
        repo = flow.add()
        for base, name in zip((None, *commits), commits, strict=False):
            flow.commit(repo, name, base)
        flow.release()
        flow.run()
        return flow.dump()

    yield from_scratch
    engine.dispose()


ALL = {"parser": "2", "reader": "2", "linker": "2"}


@pytest.mark.parametrize("new", [{"parser": "2"}, {"reader": "2"}, {"linker": "2"}, ALL], ids=lambda new: "+".join(new))
def test_an_upgrade_ends_as_the_new_version_from_scratch(
    flow: Flow, old: Mapper, from_scratch: Callable[..., str], new: dict[str, str]
) -> None:
    """Nobody commits or publishes anything: the watcher alone has everything read again."""
    before = flow.dump()
    old.use(**new)

    told = flow.run()

    assert told > 0
    assert flow.outdated() == (0, 0, 0)
    assert flow.dump() == from_scratch("c1") != before
    assert flow.run() == 0


def test_an_upgrade_is_told_as_the_cause(flow: Flow, old: Mapper) -> None:
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


def test_a_version_that_reads_the_same_rewrites_no_link(
    flow: Flow, old: Mapper, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    flow: Flow, old: Mapper, from_scratch: Callable[..., str], make_flow: Callable[..., Flow], seed: int
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
        except KilledError:
            kills += 1

    assert kills > 3
    assert (flow.dump(), flow.outdated()) == (from_scratch("c1"), (0, 0, 0))


def test_an_event_that_comes_again_does_nothing(flow: Flow, old: Mapper) -> None:
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


def test_a_commit_after_an_upgrade_reads_all_of_its_tree(
    flow: Flow, old: Mapper, from_scratch: Callable[..., str]
) -> None:
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


def test_a_datasheet_that_the_new_version_can_not_read_stays_as_it_was(flow: Flow, old: Mapper) -> None:
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


def test_links_are_made_once_everything_was_read(flow: Flow, old: Mapper) -> None:
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


def test_workers_of_two_versions_do_not_go_to_and_fro(flow: Flow, old: Mapper) -> None:
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


def test_an_older_worker_does_not_undo_an_upgrade(flow: Flow, old: Mapper) -> None:
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


def test_few_repositories_are_under_way_at_a_time(flow: Flow, old: Mapper) -> None:
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
    flow: Flow, old: Mapper, monkeypatch: pytest.MonkeyPatch
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


def test_a_commit_whose_files_were_removed_meanwhile_is_prepared_again(flow: Flow, old: Mapper) -> None:
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


def test_of_a_re_read_and_a_commit_at_once_both_count(
    flow: Flow, old: Mapper, from_scratch: Callable[..., str]
) -> None:
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


def test_a_ledger_from_before_versions_is_read_again(flow: Flow) -> None:
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


def test_a_repository_is_linked_again_when_a_worker_of_another_version_did_so(flow: Flow, old: Mapper) -> None:
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


def test_two_watchers_tell_once(flow: Flow, old: Mapper) -> None:
    """They ask at the same moment; one puts the event, the other sees that it was told."""
    old.use(parser="2")
    told: list[int] = []
    threads = [threading.Thread(target=lambda: told.append(tell_upgrades(flow.engine, 5000.0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == [0, 0, 1]
