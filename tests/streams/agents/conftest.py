"""Settings, a mirror in memory, and what agents need besides."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.datasheet.revision import diff_datasheets
from mapper.ids import blob_id, commit_event_id
from mapper.model import BitField, Datasheet, Register, Section
from streams.agents.links import LinksAgent
from streams.agents.symbols import SymbolsAgent
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import Cause, ChangedPath, CommitEvent, MappingChange
from streams.ledger import costs, links, outbox, sheets, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import ChangeRecord


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> StreamsSettings:
    """Settings with a home and a ledger of its own, and a licence for files that name none."""
    return StreamsSettings(home=tmp_path, database_url=database_url, default_licence="MIT")


@pytest.fixture
def registry() -> CollectorRegistry:
    """An empty metrics registry."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> StreamsMetrics:
    """The metrics on it."""
    return StreamsMetrics(registry)


class HerePool:
    """A pool that calls at once, in this process."""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def call_each(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]], limits: Any) -> list[Any]:
        return [function(*item) for item in items]


@pytest.fixture
def pool() -> HerePool:
    """A pool that calls at once."""
    return HerePool()


@dataclass
class MemoryMirror:
    """A mirror of commits given as path -> text."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def add(self, commit: str, **files: str) -> None:
        """Add a commit's whole tree; __ in a name is a dot."""
        tree = {path.replace("__", "."): text.encode() for path, text in files.items()}
        self.commits[commit] = tree
        self.blobs |= {blob_id(data): data for data in tree.values()}

    def tree(self, commit: str) -> dict[str, str]:
        return {path: blob_id(data) for path, data in self.commits[commit].items()}

    def changes(self, base: str | None, commit: str) -> list[ChangedPath]:
        old, new = self.tree(base) if base else {}, self.tree(commit)
        gone = {blob: path for path, blob in old.items() if path not in new}
        found = []
        for path, blob in sorted(new.items()):
            if path not in old and blob in gone:
                found.append(ChangedPath(status="R", path=path, blob_id=blob, old_path=gone.pop(blob)))
            elif old.get(path) != blob:
                found.append(ChangedPath(status="M" if path in old else "A", path=path, blob_id=blob))
        return found + [ChangedPath(status="D", path=path, blob_id=None) for path in sorted(gone.values())]

    def read_blobs(self, blob_ids: Iterable[str], *, max_bytes: int = 1000) -> Iterator[tuple[str, bytes | None]]:
        for blob in blob_ids:
            self.read.append(blob)
            data = self.blobs[blob]
            yield blob, data if len(data) <= max_bytes else None


@pytest.fixture
def mirror() -> MemoryMirror:
    """An empty mirror, the same for every repository."""
    return MemoryMirror()


@pytest.fixture
def deliver(engine: Engine) -> Callable[..., list[Outgoing]]:
    """Give a function that lets an agent apply an event, and returns the records it sends."""
    return _deliver_with(engine)


def _deliver_with(engine: Engine) -> Callable[..., list[Outgoing]]:
    def deliver(agent: Any, event: Any) -> list[Outgoing]:
        while True:
            prepared = agent.prepare(event)
            try:
                with writing(engine) as conn:
                    effect = agent.apply(conn, event, prepared)
                    outbox.put(conn, effect.records, 0.0)
            except MovedError:
                continue
            effect.count()
            return list(effect.records)

    return deliver


REGISTERS = {"CONTROL": 0x00, "SAMPLE_RATE": 0x01, "STATUS": 0x02}


@pytest.fixture
def make_sheet() -> Callable[..., Datasheet]:
    """Give a function that makes a release of the datasheet of a made-up chip."""

    def make(sha256: str = "s1", revision: str = "A", registers: dict[str, int] | None = None) -> Datasheet:
        numbers = REGISTERS if registers is None else registers
        path = ("Registers",)
        text = "ZQ4071 register map\n" + "\n".join(f"0x{at:02X} {name}" for name, at in numbers.items())
        return Datasheet(
            sha256=sha256,
            file="zq4071.pdf",
            title="ZQ4071 three axis sensor",
            parts=("ZQ4071",),
            family="zq4071",
            revision=revision,
            num_pages=2,
            sections=(
                Section(
                    title="Registers",
                    number="5",
                    level=1,
                    path=path,
                    page=2,
                    end_page=2,
                    text=text,
                    content_hash=sha256,
                ),
            ),
            registers=tuple(
                Register(
                    name=name,
                    address=at,
                    width=8,
                    access="rw",
                    reset=0,
                    fields=(BitField(name=f"{name}_EN", high=0, low=0, access="rw", page=2),),
                    page=2,
                    overview_pages=(2,),
                    section_path=path,
                    reader="ruled",
                )
                for name, at in numbers.items()
            ),
            pages=("ZQ4071 three axis sensor", text),
        )

    return make


@pytest.fixture
def publish(engine: Engine) -> Callable[..., None]:
    """Give a function that makes a release current, as the sheets agent does."""

    def publish(sheet: Datasheet, released_at: float = 1.0, source_id: str = "src") -> None:
        with writing(engine) as conn:
            sheets.write_sheet(
                conn, sheet, source_id=source_id, released_at=released_at, read_at=1.0, seconds=0.1, current=True
            )

    return publish


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
def new_world(pool: Any) -> Iterator[Callable[[], World]]:
    """Give a function that makes an empty world, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        homes = (Path(folder) / str(number) for number in range(10**6))

        def make() -> World:
            home = next(homes)
            settings = StreamsSettings(home=home, database_url=f"sqlite:///{home / 'ledger.db'}")
            engine = open_ledger(settings.database_url)
            upgrade(engine)
            metrics = StreamsMetrics(CollectorRegistry())
            return _world(engine, settings, metrics, pool, MemoryMirror(), _deliver_with(engine))

        yield make
