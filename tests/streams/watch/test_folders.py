"""A folder is one source: its files come, change and go as they do on disk."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.model import Datasheet
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import DownloadError
from streams.events import SheetEvent
from streams.ledger import folders, sheets, sources
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import SheetRecord
from streams.watch import folders as watch_folders
from streams.watch.folders import poll_folder
from streams.watch.poll import Poller


class FakeProducer:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def send(self, records: Sequence[Outgoing]) -> None:
        self.records += records

    def events(self) -> list[SheetEvent]:
        return [SheetRecord.decode(record.value).to_domain() for record in self.records]


class Shelf:
    """A folder that is watched."""

    def __init__(self, tmp_path: Path, engine: Engine) -> None:
        self.folder, self.engine, self.producer = tmp_path / "shelf", engine, FakeProducer()
        settings = StreamsSettings(home=tmp_path / "home", max_folder_files=5)
        blobs = BlobStore(settings.home)
        self.poller = Poller(settings, engine, self.producer, blobs, StreamsMetrics(CollectorRegistry()))  # type: ignore[arg-type]
        self.folder.mkdir()
        with writing(engine) as conn:
            self.source_id = sources.add_sheet_source(
                conn, location=str(self.folder), now=1.0, parts=["AB12"], is_folder=True
            ).source_id

    def put(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"%PDF-1.7 {text or name}".encode())
        os.utime(path, (1000, 1000))
        return path

    def look(self) -> list[str]:
        before = len(self.producer.records)
        with reading(self.engine) as conn:
            source = sources.find_sheet_source(conn, self.source_id)
        assert source is not None
        poll_folder(self.poller, source)
        return [event.file for event in self.producer.events()[before:]]

    def names(self) -> list[str]:
        with reading(self.engine) as conn:
            return [Path(member.location).name for member in folders.members(conn, self.source_id)]


@pytest.fixture
def shelf(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(watch_folders, "SETTLE_SECONDS", 0.0)
    return Shelf(tmp_path, engine)


def test_files_come_and_change(shelf: Shelf) -> None:
    """Each PDF file is told once, those in folders below too, with the folder's parts; other files are not."""
    shelf.put("a.pdf")
    shelf.put("sub/B.PDF")
    shelf.put("notes.txt")
    shelf.put(".hidden.pdf")
    shelf.put(".trash/c.pdf")

    assert shelf.look() == ["a.pdf", "B.PDF"]
    assert {event.parts for event in shelf.producer.events()} == {("AB12",)}
    assert shelf.look() == []
    shelf.put("d.pdf")
    (shelf.folder / "a.pdf").write_bytes(b"%PDF-1.7 revised")
    assert shelf.look() == ["a.pdf", "d.pdf"]


def release(shelf: Shelf, event: SheetEvent) -> None:
    """Do what the sheets agent does."""
    sheet = Datasheet(
        sha256=event.sha256,
        file=event.file,
        title="x",
        parts=("AB12",),
        family=event.sha256,
        revision=None,
        num_pages=1,
        sections=(),
        registers=(),
    )
    with writing(shelf.engine) as conn:
        sheets.write_sheet(
            conn, sheet, source_id=event.source_id, released_at=1.0, read_at=1.0, seconds=0.1, current=True
        )


def test_a_file_that_goes_is_withdrawn(shelf: Shelf) -> None:
    """Its release is current no more; the others stay, and it may come again."""
    shelf.put("a.pdf")
    gone = shelf.put("b.pdf")
    shelf.look()
    for event in shelf.producer.events():
        release(shelf, event)
    gone.unlink()

    shelf.look()

    assert shelf.names() == ["a.pdf"]
    with reading(shelf.engine) as conn:
        assert [sheet.file for sheet in sheets.list_sheets(conn)] == ["a.pdf"]
    shelf.put("b.pdf")
    assert shelf.look() == ["b.pdf"]


def test_a_renamed_file_stays_current(shelf: Shelf) -> None:
    """The same bytes under another name are not withdrawn, nor are those of a second copy."""
    old = shelf.put("a.pdf", "same")
    shelf.put("other.pdf")
    shelf.look()
    release(shelf, shelf.producer.events()[0])
    old.rename(shelf.folder / "renamed.pdf")

    assert shelf.look() == ["renamed.pdf"]
    assert shelf.names() == ["other.pdf", "renamed.pdf"]
    with reading(shelf.engine) as conn:
        (sheet,) = sheets.list_sheets(conn)
        source = sources.find_sheet_source(conn, sheet.source_id)
    assert source is not None
    assert Path(source.location).name == "renamed.pdf"


@pytest.mark.parametrize("empty", [True, False])
def test_a_disk_that_is_not_there_withdraws_nothing(shelf: Shelf, empty: bool) -> None:
    """Neither a folder that is gone nor one that became empty: the error says what to do."""
    path = shelf.put("a.pdf")
    shelf.look()
    path.unlink()
    if not empty:
        shelf.folder.rmdir()

    with pytest.raises(DownloadError, match="nothing is withdrawn"):
        shelf.look()

    assert shelf.names() == ["a.pdf"]


def test_a_bad_file_keeps_no_other_waiting(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error stands at the file."""
    shelf.put("a.pdf")
    shelf.put("b.pdf")
    tell = Poller.poll_sheet

    def fail_at_a(self: Poller, source: sources.SheetSource) -> int:
        if source.location.endswith("a.pdf"):
            raise DownloadError("unreadable")
        return tell(self, source)

    monkeypatch.setattr(Poller, "poll_sheet", fail_at_a)

    assert shelf.look() == ["b.pdf"]
    with reading(shelf.engine) as conn:
        assert [member.error for member in folders.members(conn, shelf.source_id)] == ["unreadable", None]


def test_too_many_files_are_refused(shelf: Shelf) -> None:
    """The error names the setting."""
    for number in range(6):
        shelf.put(f"{number}.pdf")

    with pytest.raises(DownloadError, match="max_folder_files"):
        shelf.look()


def test_a_file_that_a_person_added_stays_theirs(shelf: Shelf) -> None:
    """The folder leaves it alone, also when the file is gone."""
    path = shelf.put("a.pdf")
    shelf.put("b.pdf")
    with writing(shelf.engine) as conn:
        sources.add_sheet_source(conn, location=str(path), now=1.0)

    assert shelf.look() == ["b.pdf"]
    assert shelf.names() == ["b.pdf"]


def test_pause_and_removal_are_of_the_folder_and_its_files(shelf: Shelf) -> None:
    """A paused folder's files are paused; removed, all are gone, and a look that was under way adds nothing."""
    shelf.put("a.pdf")
    shelf.look()
    with writing(shelf.engine) as conn:
        folders.set_folder_state(conn, shelf.source_id, "paused")
        assert {source.state for source in sources.list_sheet_sources(conn)} == {"paused"}
        assert folders.remove_folder(conn, shelf.source_id, 2.0) == 1
    shelf.put("b.pdf")

    assert shelf.look() == []
    assert shelf.names() == []


def test_a_link_to_a_folder_is_not_followed(shelf: Shelf, tmp_path: Path) -> None:
    """What lies elsewhere is not part of it, however it is linked; a file that is a link is."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.pdf").write_bytes(b"%PDF-1.7 x")
    os.utime(tmp_path / "elsewhere" / "x.pdf", (1000, 1000))
    (shelf.folder / "loop").symlink_to(shelf.folder)
    (shelf.folder / "out").symlink_to(tmp_path / "elsewhere")
    (shelf.folder / "file.pdf").symlink_to(tmp_path / "elsewhere" / "x.pdf")

    assert shelf.look() == ["file.pdf"]
