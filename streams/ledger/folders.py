"""Folders of datasheets: a folder is one source, and each PDF file in it one more that comes and goes with the file."""

from sqlalchemy import Connection

from streams.ledger import sources
from streams.ledger.sources import SheetSource


def members(conn: Connection, folder_id: str) -> list[SheetSource]:
    """Return the files that a folder brought and that are still watched, by location."""
    return [source for source in sources.list_sheet_sources(conn) if source.folder == folder_id]


def taken_elsewhere(conn: Connection, folder_id: str) -> set[str]:
    """Return the locations that are watched by themselves, or for another folder."""
    return {source.location for source in sources.list_sheet_sources(conn) if source.folder != folder_id}


def set_folder_state(conn: Connection, folder_id: str, state: str) -> None:
    """Pause or resume a folder and all its files."""
    for source in members(conn, folder_id):
        sources.set_sheet_source_state(conn, source.source_id, state)
    sources.set_sheet_source_state(conn, folder_id, state)


def remove_folder(conn: Connection, folder_id: str, now: float) -> int:
    """Remove a folder and all its files; return how many these were."""
    found = members(conn, folder_id)
    for source in found:
        sources.remove_sheet_source(conn, source.source_id, now)
    sources.remove_sheet_source(conn, folder_id, now)
    return len(found)
