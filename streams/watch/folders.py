"""A folder of PDF files as one datasheet source: new files become sources, files that are gone are withdrawn.

Hidden files and folders are left alone, links to folders are not followed. A folder that is gone or has become empty
withdraws nothing: that is a disk that is not there more often than a wish.
"""

import logging
import os
import time
from pathlib import Path

from streams.errors import DownloadError, StreamsError
from streams.ledger import sources
from streams.ledger.engine import reading, writing
from streams.ledger.folders import members, taken_elsewhere
from streams.ledger.sources import SheetSource
from streams.watch.poll import Poller
from streams.watch.sheets import SETTLE_SECONDS

logger = logging.getLogger(__name__)

PDF_SUFFIX = ".pdf"


def poll_folder(poller: Poller, folder: SheetSource) -> int:
    """Tell what is new in a folder; return how many events. Raises DownloadError about the folder as a whole."""
    limit = poller.settings.max_folder_files
    files = pdf_files(Path(folder.location), limit)
    with reading(poller.engine) as conn:
        before = {source.location: source for source in members(conn, folder.source_id)}
        elsewhere = taken_elsewhere(conn, folder.source_id)
    if not files and before:
        raise DownloadError(
            f"{folder.location}: empty now, {len(before)} PDF files before; nothing is withdrawn, as its disk may be "
            "missing: put a file there, or `sheetstream sheet remove` the folder"
        )
    wanted = [path for path in files if path not in elsewhere]
    with writing(poller.engine) as conn:
        now = sources.lock_sheet_source(conn, folder.source_id)
        if now is None or (now.state, now.added_at) != ("active", folder.added_at):
            return 0
        for path in wanted:
            known = before.get(path)
            if known is None or known.parts != folder.parts:
                before[path] = sources.add_sheet_source(
                    conn, location=path, now=time.time(), parts=folder.parts, folder=folder.source_id
                )
    events = sum(_poll_member(poller, before[path]) for path in wanted if before[path].state == "active")
    # Looked for after the new ones are told: a file that was renamed is then there under its new name.
    _withdraw(poller, folder, [source for path, source in before.items() if path not in files])
    return events


def pdf_files(folder: Path, limit: int) -> list[str]:
    """Return the PDF files of a folder and those below it. Raises DownloadError: no folder, unreadable, too many."""
    found: list[str] = []

    def refuse(error: OSError) -> None:
        raise DownloadError(f"{folder}: cannot be read: {error.strerror}: {error.filename}") from error

    if not folder.is_dir():
        raise DownloadError(f"{folder}: no such folder; nothing is withdrawn, as its disk may be missing")
    for path, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        chosen = (name for name in names if name.lower().endswith(PDF_SUFFIX) and not name.startswith("."))
        found += [str(Path(path) / name) for name in chosen if (Path(path) / name).is_file()]
        if len(found) > limit:
            raise DownloadError(f"{folder}: more PDF files than the limit of {limit} (max_folder_files in [streams])")
    return sorted(found)


def _poll_member(poller: Poller, source: SheetSource) -> int:
    """Tell one file's news; what is wrong with it is noted at the file, and keeps no other waiting."""
    try:
        events, error = poller.poll_sheet(source), None
    except (DownloadError, OSError) as fault:
        events, error = 0, str(fault)
    if events or error != source.error or source.polled_at is None:
        poller.note_poll(source, error)
    return events


def _withdraw(poller: Poller, folder: SheetSource, gone: list[SheetSource]) -> None:
    if not gone:
        return
    time.sleep(SETTLE_SECONDS)  # a file that is being replaced is missing for a moment
    for source in gone:
        if Path(source.location).is_file() or not Path(folder.location).is_dir():
            continue
        try:
            with writing(poller.engine) as conn:
                now = sources.lock_sheet_source(conn, source.source_id)
                if now is not None and (now.folder, now.added_at) == (folder.source_id, source.added_at):
                    sources.remove_sheet_source(conn, source.source_id, time.time())
        except StreamsError as error:
            logger.warning("file not withdrawn, again later path=%s error=%s", source.location, error)
            continue
        logger.info("datasheet withdrawn source_id=%s path=%s", source.source_id, source.location)
