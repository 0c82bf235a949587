"""Settings, a mirror in memory, and what agents need besides."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.ids import blob_id
from mapper.model import BitField, Datasheet, Register, Section
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import ChangedPath
from streams.ledger import outbox, sheets
from streams.ledger.engine import writing
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics


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
