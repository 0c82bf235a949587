"""The agents over a ledger, and a mapper whose parts can be of an older version."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import mapper.code
import mapper.linking.mapping
from mapper import version
from mapper.errors import DatasheetError
from mapper.ids import commit_event_id, sheet_event_id
from mapper.linking.mapping import Decision
from mapper.model import Datasheet, SourceFile
from streams import topics
from streams.agents.links import LinksAgent
from streams.agents.samples import SamplesAgent
from streams.agents.sheets import SheetsAgent
from streams.agents.symbols import SymbolsAgent
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import CommitEvent, SheetEvent
from streams.ledger import outbox, sources, upgrades
from streams.ledger.dump import dump
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.records import CommitRecord, SheetRecord
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

    Killed = KilledError

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
        monkeypatch.setattr("streams.agents.remap.renew", self.renew)

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

    def renew(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Any]]:
        for key, decision in mapper.linking.mapping.renew(*args, **kwargs):
            is_older = isinstance(decision, Decision) and self.versions[version.LINKING] == "1"
            kept = tuple(n for n in decision.links if n.symbol.kind != "function") if is_older else ()
            yield key, dataclasses.replace(decision, links=kept) if is_older else decision

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
