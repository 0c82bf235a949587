"""`sheetstream sheet`: which datasheets are watched."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.impact import sheet_impact
from deploy.cli.ledger import (
    HOME_OPTION,
    JSON_OPTION,
    exit_codes,
    load_settings,
    reading_ledger,
    unless_running,
    when,
    writing_ledger,
)
from deploy.cli.output import EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table
from deploy.cli.sheet_read import diff, show

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from streams.config import StreamsSettings
    from streams.ledger.letters import Letter
    from streams.ledger.sheets import SheetRow
    from streams.ledger.sources import SheetSource

app = typer.Typer(no_args_is_help=True, help="Track datasheets; show and compare them.", rich_markup_mode=None)
app.command("show")(show)
app.command("diff")(diff)
app.command("impact")(sheet_impact)

MANY = 10_000

KEY = typer.Argument(help="Id (or its start) or location, as in `sheet list`.", metavar="SHEET")


@app.command("add")
def add(
    locations: list[str] = typer.Argument(
        help="PDF file, folder (each PDF file in it, also those that come later), or https URL.",
        metavar="FILE_OR_URL...",
    ),
    part: list[str] = typer.Option([], metavar="PART", help="Part number it documents; repeat for more."),
    revision: str | None = typer.Option(None, metavar="REVISION", help="Its revision, if its text does not say it."),
    force: bool = typer.Option(False, "--force", help="Add it even if it cannot be read now or is no PDF."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Track datasheets; a file that is replaced or a URL that serves new bytes is a new release.

    A folder is one source: files that come are read, those that go are withdrawn.

    For example:

      sheetstream sheet add ~/docs/AB1234.pdf --part AB1234

      sheetstream sheet add https://vendor.example/AB1234.pdf
    """
    from streams.ledger.sources import add_sheet_source

    settings = load_settings(home)
    if revision is not None and (len(locations) > 1 or _is_folder(locations[0])):
        fail("--revision is for one datasheet; add them one by one")
    checked = [_check(location, settings, force=force) for location in locations]
    with writing_ledger(settings, create=True) as conn:
        added = [
            add_sheet_source(
                conn,
                location=location,
                now=time.time(),
                parts=part,
                revision=revision,
                is_folder=_is_folder(location),
            )
            for location in checked
        ]
    if json:
        emit_json([asdict(source) for source in added])
    else:
        for source in added:
            emit_line(source.source_id)
    note(f"watching {', '.join(checked)}; see `sheetstream sheet list`" + unless_running(settings.home))


@app.command("list")
def list_(home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """List the datasheets, what was read from them, and what is wrong: also where a text does not name its part.

    For example:

      sheetstream sheet list

      sheetstream sheet list --json
    """
    from streams.ledger.letters import find_letters
    from streams.ledger.sheets import list_sheets
    from streams.ledger.sources import list_sheet_sources

    with reading_ledger(home) as conn:
        sources = list_sheet_sources(conn)
        releases = {sheet.source_id: sheet for sheet in list_sheets(conn)}
        dead = {letter.key: letter for letter in reversed(find_letters(conn, agent="sheets", limit=MANY))}
    found = [(source, releases.get(source.source_id), dead.get(source.source_id)) for source in sources]
    if json:
        emit_json(
            [
                asdict(source)
                | {
                    "release": asdict(release) if release else None,
                    "unread": _unread(release, letter),
                    "unconfirmed": list((release.unconfirmed if release else None) or ()),
                }
                for source, release, letter in found
            ]
        )
        return
    if not sources:
        note("no datasheet is watched; add one with `sheetstream sheet add FILE_OR_URL`")
        return
    columns = ("id", "location", "parts", "revision", "pages", "registers", "state", "last look", "error")
    table("", columns, [_row(*line) for line in found])


@app.command("remove")
def remove(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Stop watching a datasheet and retire its links and samples. What is in sealed shards stays there.

    For example:

      sheetstream sheet remove src1_77aa

      sheetstream sheet remove ~/docs/AB1234.pdf
    """
    from streams.ledger.folders import remove_folder
    from streams.ledger.sources import remove_sheet_source

    with writing_ledger(load_settings(home)) as conn:
        source = _find(conn, key)
        if source.folder is not None:
            fail(f"{source.location}: came with its folder and would come again; remove the file, or the folder")
        if source.is_folder:
            count = remove_folder(conn, source.source_id, time.time())
        else:
            remove_sheet_source(conn, source.source_id, time.time())
    note(f"removed {source.location}" + (f" and its {count} datasheets" if source.is_folder else ""))


@app.command("pause")
def pause(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Stop looking at a datasheet for now; what is known of it stays.

    For example:

      sheetstream sheet pause src1_77aa

      sheetstream sheet pause ~/docs/AB1234.pdf
    """
    _set_state(key, home, "paused")


@app.command("resume")
def resume(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Look at a paused datasheet again.

    For example:

      sheetstream sheet resume src1_77aa

      sheetstream sheet resume ~/docs/AB1234.pdf
    """
    _set_state(key, home, "active")


def _is_folder(location: str) -> bool:
    return Path(location).expanduser().is_dir()


def _check(location: str, settings: "StreamsSettings", *, force: bool) -> str:
    """Return the location to watch after a look at it; end the command when it is no PDF that can be read.

    Of a folder it is enough that there is a PDF file.
    """
    from streams.errors import DownloadError
    from streams.watch.address import check_address
    from streams.watch.folders import pdf_files
    from streams.watch.sheets import Limits, is_pdf, read_release

    limits = Limits(
        max_bytes=settings.max_pdf_bytes,
        allow_local=settings.allow_local_sources,
        allow_private=settings.allow_private_addresses,
    )
    with exit_codes():
        address = check_address(location, allow_local=limits.allow_local, allow_private=limits.allow_private)
        if address.scheme == "file" and address.path.is_dir():
            if not pdf_files(address.path, settings.max_folder_files) and not force:
                fail(f"{location}: no PDF file in this folder; --force adds it nevertheless", EXIT_NOT_FOUND)
            return address.url
        try:
            release = read_release(address.url, limits=limits)
            fault = (
                None if release and is_pdf(release.data) else f"{address.url}: not a PDF: it does not begin with %PDF-"
            )
        except DownloadError as error:
            fault = str(error)
    if fault and not force:
        fail(f"{fault}; --force adds it nevertheless")
    if fault:
        note(f"warning: {fault}")
    return address.url


def _set_state(key: str, home: Path | None, state: str) -> None:
    from streams.ledger.folders import set_folder_state
    from streams.ledger.sources import set_sheet_source_state

    with writing_ledger(load_settings(home)) as conn:
        source = _find(conn, key)
        change = set_folder_state if source.is_folder else set_sheet_source_state
        change(conn, source.source_id, state)
    note(f"{source.location}: {state}")


def _find(conn: "Connection", key: str) -> "SheetSource":
    from streams.ledger.sources import LIVE, find_sheet_source

    found = find_sheet_source(conn, key) or find_sheet_source(conn, str(Path(key).expanduser().absolute()))
    if found is None or found.state not in LIVE:
        fail(f"{key}: no such datasheet, or several; see `sheetstream sheet list`", EXIT_NOT_FOUND)
    return found


def _unread(release: "SheetRow | None", letter: "Letter | None") -> str | None:
    """Return why the newest bytes of a source became a dead letter, None if they did not."""
    if letter is None or (release is not None and letter.died_at <= release.read_at):
        return None
    return letter.message


def _row(source: "SheetSource", release: "SheetRow | None", letter: "Letter | None") -> tuple[object, ...]:
    return (
        source.source_id[:13],
        f"{source.location}/*.pdf" if source.is_folder else source.location,
        ", ".join(source.parts or (release.parts if release else ())),
        source.revision or (release.revision if release else None),
        release.num_pages if release else "",
        release.num_registers if release else "",
        source.state,
        when(source.polled_at),
        source.error or _unread(release, letter) or _unconfirmed(source, release),
    )


def _unconfirmed(source: "SheetSource", release: "SheetRow | None") -> str:
    """Return which of the parts that were given the datasheet's text does not name, "" for none."""
    if release is None or not release.unconfirmed:
        return ""
    given = {part.lower() for part in source.parts}
    own = ", ".join(part for part in release.parts if part.lower() not in given) or "no part"
    return f"its text does not name {', '.join(release.unconfirmed)}, which was given; it names {own}"
