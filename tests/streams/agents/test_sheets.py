"""streams/agents/sheets.py"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.errors import DatasheetError
from mapper.ids import sheet_event_id
from mapper.model import Datasheet
from streams.agents.sheets import SheetsAgent
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.events import SheetEvent
from streams.ledger import sheets, sources
from streams.ledger.engine import reading, writing
from streams.metrics import StreamsMetrics
from streams.records import ChangeRecord


class Reader:
    """Reads the PDFs it was told of."""

    def __init__(self) -> None:
        self.sheets: dict[bytes, Datasheet] = {}

    def __call__(self, pdf: bytes, *, file: str, parts: tuple[str, ...], timeout_seconds: float) -> Datasheet:
        if pdf not in self.sheets:
            raise DatasheetError(f"{file}: not a PDF", reason="not_pdf")
        return self.sheets[pdf]


@pytest.fixture
def reader() -> Reader:
    """A reader that knows no PDF yet."""
    return Reader()


@pytest.fixture
def agent(settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, reader: Reader) -> SheetsAgent:
    """The agent with that reader."""
    return SheetsAgent(settings, engine, metrics, reader)


@pytest.fixture
def release(
    engine: Engine, settings: StreamsSettings, reader: Reader, make_sheet: Callable[..., Datasheet]
) -> Callable[..., SheetEvent]:
    """Give a function that publishes a release of these registers at a time, and returns the event."""

    def release(pdf: bytes, time: float, **registers: int) -> SheetEvent:
        sha256 = hashlib.sha256(pdf).hexdigest()
        reader.sheets[pdf] = make_sheet(sha256, revision="", registers=registers)
        BlobStore(settings.home).put(pdf)
        with writing(engine) as conn:
            source = sources.add_sheet_source(conn, location="/x.pdf", now=1.0)
        return SheetEvent(
            event_id=sheet_event_id(source.source_id, sha256),
            source_id=source.source_id,
            location="/x.pdf",
            file="x.pdf",
            sha256=sha256,
            released_at=time,
        )

    return release


def current(engine: Engine) -> list[str]:
    with reading(engine) as conn:
        return [sheet.sha256 for sheet in sheets.list_sheets(conn)]


def test_a_release_becomes_current_and_is_told(
    engine: Engine, agent: SheetsAgent, release: Callable[..., SheetEvent], deliver: Callable[..., Any]
) -> None:
    """The links agent learns the family; the content comes back whole."""
    event = dataclasses.replace(release(b"1", 1.0, CTRL=0), revision="7")

    (record,) = deliver(agent, event)

    change = ChangeRecord.decode(record.value).to_domain()
    assert (record.key, change.sheet_family, change.cause.kind) == ("zq4071", "zq4071", "datasheet")
    with reading(engine) as conn:
        (row,) = sheets.list_sheets(conn)
        assert (row.sha256, row.revision, row.num_registers) == (event.sha256, "7", 1)
        assert sheets.load_sheet(conn, event.sha256).registers[0].name == "CTRL"


def test_a_new_revision_tells_what_changed(
    engine: Engine, agent: SheetsAgent, release: Callable[..., SheetEvent], deliver: Callable[..., Any]
) -> None:
    """Register by register; the old release is kept, and not current."""
    deliver(agent, release(b"1", 1.0, CTRL=0, STAT=1))
    event = release(b"2", 2.0, CTRL=0, STAT=2)

    (record,) = deliver(agent, event)

    assert current(engine) == [event.sha256]
    with reading(engine) as conn:
        changes = sheets.find_sheet_changes(conn, new_sha256=event.sha256)
        assert len(sheets.list_sheets(conn, current=None)) == 2
    assert any("STAT" in change.anchor for change in changes)
    assert not any("CTRL" in change.anchor for change in changes)
    assert ChangeRecord.decode(record.value).to_domain().anchors


def test_the_newest_release_is_current_in_any_order(
    engine: Engine, agent: SheetsAgent, release: Callable[..., SheetEvent], deliver: Callable[..., Any]
) -> None:
    """An old release that comes late is kept as history, and tells nobody."""
    newer, older = release(b"2", 2.0, CTRL=1), release(b"1", 1.0, CTRL=0)
    deliver(agent, newer)

    assert deliver(agent, older) == []
    assert deliver(agent, newer) == []
    assert current(engine) == [newer.sha256]


def test_a_vendor_that_goes_back_makes_the_old_release_current(
    engine: Engine, agent: SheetsAgent, release: Callable[..., SheetEvent], deliver: Callable[..., Any]
) -> None:
    """The same bytes at a later time are a release of their own."""
    first, second = release(b"1", 1.0, CTRL=0), release(b"2", 2.0, CTRL=1)
    deliver(agent, first)
    deliver(agent, second)

    (record,) = deliver(agent, dataclasses.replace(first, released_at=3.0))

    assert current(engine) == [first.sha256]
    assert ChangeRecord.decode(record.value).to_domain().cause.id == first.sha256


def test_a_release_of_a_removed_source_is_dropped(
    engine: Engine, agent: SheetsAgent, release: Callable[..., SheetEvent], deliver: Callable[..., Any]
) -> None:
    """An event that was under way when the source was removed has no effect."""
    event = release(b"1", 1.0, CTRL=0)
    with writing(engine) as conn:
        sources.remove_sheet_source(conn, event.source_id, 2.0)

    assert deliver(agent, event) == []
    assert current(engine) == []


def test_a_broken_pdf_is_poison(agent: SheetsAgent, release: Callable[..., SheetEvent], reader: Reader) -> None:
    """The reader's error goes through as it is: its reason is that of the dead letter."""
    event = release(b"1", 1.0, CTRL=0)
    reader.sheets.clear()

    with pytest.raises(DatasheetError) as caught:
        agent.prepare(event)

    assert caught.value.reason == "not_pdf"
