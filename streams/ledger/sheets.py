"""Datasheet releases: what was read from each PDF, which release of a family is current, what changed between two."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select, update

from mapper.ids import content_id
from mapper.model import Datasheet
from mapper.version import reader_version
from streams.ledger.bodies import content_of, pack, unpack
from streams.ledger.engine import starts_with
from streams.ledger.locks import lock
from streams.ledger.schema import datasheets, sheet_changes, sheet_sources
from streams.ledger.upsert import upsert

if TYPE_CHECKING:  # else every reader of the ledger would load the PDF libraries
    from mapper.datasheet.revision import SheetChange


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A release of a datasheet besides its content."""

    sha256: str
    source_id: str
    family: str
    file: str
    title: str
    revision: str | None
    parts: tuple[str, ...]
    num_pages: int
    num_sections: int
    num_registers: int
    copy_restricted: bool
    partial: bool
    current: bool
    released_at: float
    read_at: float
    seconds: float
    reader: str
    """Version that read it; "": one before versions were noted."""
    unconfirmed: tuple[str, ...] | None = None
    """Part numbers that a person gave and its text does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetChangeRow:
    """One thing that differs between two releases of a family."""

    family: str
    old_sha256: str
    new_sha256: str
    anchor: str
    what: str
    old_value: str | None
    new_value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What tells one release of a datasheet, as read, from another."""

    sha256: str
    parts: tuple[str, ...]
    content: str
    """Digest of what was read from it."""
    reader: str
    """Version of the mapper that read it."""
    revision: str | None
    released_at: float


def current_sheet(conn: Connection, family: str) -> SheetRow | None:
    """Return the current release of a family."""
    query = select(*_COLUMNS).where(datasheets.c.family == family, datasheets.c.current.is_(True))
    row = conn.execute(query).one_or_none()
    return _row(row) if row else None


def get_sheet(conn: Connection, sha256: str) -> SheetRow | None:
    """Return a release, current or not."""
    row = conn.execute(select(*_COLUMNS).where(datasheets.c.sha256 == sha256)).one_or_none()
    return _row(row) if row else None


def find_sheet(conn: Connection, key: str) -> SheetRow | None:
    """Return the current release of this family, part or file, else the release with this sha256 or the start of it.

    None when none is, or several are.
    """
    current = list_sheets(conn)
    wanted = key.lower()
    for matches in (
        lambda sheet: sheet.family.lower() == wanted,
        lambda sheet: wanted in {part.lower() for part in sheet.parts},
        lambda sheet: sheet.file.lower() == wanted,
    ):
        chosen = [sheet for sheet in current if matches(sheet)]
        if len(chosen) == 1:
            return chosen[0]
    found = conn.execute(select(*_COLUMNS).where(starts_with(datasheets.c.sha256, wanted)).limit(2)).all()
    return _row(found[0]) if len(found) == 1 else None


def lock_family(conn: Connection, family: str) -> SheetRow | None:
    """Return the current release of a family; until the transaction ends nobody else makes another one current."""
    lock(conn, "datasheet family", family)
    return current_sheet(conn, family)


def load_body(conn: Connection, sha256: str) -> bytes:
    """Return the packed content of a release that is known."""
    return bytes(conn.execute(select(datasheets.c.body).where(datasheets.c.sha256 == sha256)).scalar_one())


def find_release(conn: Connection, sha256: str) -> SheetRow | None:
    """Return a release by the digest of its PDF."""
    row = conn.execute(select(*_COLUMNS).where(datasheets.c.sha256 == sha256)).one_or_none()
    return _row(row) if row else None


def load_sheet(conn: Connection, sha256: str) -> Datasheet:
    """Return the content of a release that is known."""
    body = conn.execute(select(datasheets.c.body).where(datasheets.c.sha256 == sha256)).scalar_one()
    return unpack(Datasheet, body)


def write_sheet(
    conn: Connection,
    sheet: Datasheet,
    *,
    source_id: str,
    released_at: float,
    read_at: float,
    seconds: float,
    current: bool,
    unconfirmed: Sequence[str] | None = None,
    reader: str | None = None,
) -> None:
    """Write a release, as the version `reader` read it (None: this one); when current, no other of its family is.

    unconfirmed: given parts that are not in its text.
    """
    if current:
        conn.execute(update(datasheets).where(datasheets.c.family == sheet.family).values(current=False))
    body = pack(sheet)
    row = {
        "sha256": sheet.sha256,
        "source_id": source_id,
        "family": sheet.family,
        "file": sheet.file,
        "title": sheet.title,
        "revision": sheet.revision,
        "parts": list(sheet.parts),
        "num_pages": sheet.num_pages,
        "num_sections": len(sheet.sections),
        "num_registers": len(sheet.registers),
        "copy_restricted": sheet.copy_restricted,
        "partial": sheet.partial,
        "current": current,
        "released_at": released_at,
        "read_at": read_at,
        "seconds": seconds,
        "reader": reader_version() if reader is None else reader,
        "body": body,
        "content": content_of(body),
        "unconfirmed": None if unconfirmed is None else list(unconfirmed),
    }
    upsert(conn, datasheets, [row])


def record_reader(conn: Connection, sha256: str, reader: str) -> None:
    """Note that this version has read a release and left it as it was."""
    conn.execute(update(datasheets).where(datasheets.c.sha256 == sha256).values(reader=reader))


def list_sheets(conn: Connection, *, current: bool | None = True, family: str | None = None) -> list[SheetRow]:
    """Return releases, by family and time; current None: also those that were replaced."""
    query = select(*_COLUMNS).order_by(datasheets.c.family, datasheets.c.released_at, datasheets.c.sha256)
    if current is not None:
        query = query.where(datasheets.c.current.is_(current))
    if family is not None:
        query = query.where(datasheets.c.family == family)
    return [_row(row) for row in conn.execute(query)]


def current_bodies(conn: Connection) -> dict[str, bytes]:
    """Return sha256 -> packed Datasheet of every current release, by family."""
    query = select(datasheets.c.sha256, datasheets.c.body).where(datasheets.c.current.is_(True))
    return {row.sha256: row.body for row in conn.execute(query.order_by(datasheets.c.family, datasheets.c.sha256))}


def current_releases(conn: Connection) -> dict[str, Release]:
    """Return family -> current release."""
    names = ("family", *(field.name for field in dataclasses.fields(Release)))
    query = select(*(datasheets.c[name] for name in names)).where(datasheets.c.current.is_(True))
    return {
        row.family: Release(**{**{name: row._mapping[name] for name in names[1:]}, "parts": tuple(row.parts)})
        for row in conn.execute(query.order_by(datasheets.c.family))
    }


def removed_source(conn: Connection, sha256: str) -> str | None:
    """Return the source of a release if that was removed."""
    query = (
        select(datasheets.c.source_id)
        .join(sheet_sources, sheet_sources.c.source_id == datasheets.c.source_id)
        .where(datasheets.c.sha256 == sha256, sheet_sources.c.state == "removed")
    )
    return conn.execute(query).scalar_one_or_none()


def current_ids(conn: Connection) -> set[str]:
    """Return the sha256 of every current release."""
    return set(conn.execute(select(datasheets.c.sha256).where(datasheets.c.current.is_(True))).scalars())


def write_sheet_changes(
    conn: Connection, family: str, old_sha256: str, new_sha256: str, changes: "Sequence[SheetChange]"
) -> None:
    """Write what differs between two releases; the same again adds nothing."""
    rows = {}
    for change in changes:
        key = content_id("sc1", family, old_sha256, new_sha256, change.anchor, change.what, change.old, change.new)
        rows[key] = {
            "change_id": key,
            "family": family,
            "old_sha256": old_sha256,
            "new_sha256": new_sha256,
            "anchor": change.anchor,
            "what": change.what,
            "old_value": change.old,
            "new_value": change.new,
        }
    upsert(conn, sheet_changes, list(rows.values()))


def find_sheet_changes(
    conn: Connection, *, family: str | None = None, new_sha256: str | None = None, limit: int = 1000
) -> list[SheetChangeRow]:
    """Return what differs between releases, by family and anchor."""
    columns = [sheet_changes.c[field.name] for field in dataclasses.fields(SheetChangeRow)]
    query = select(*columns).order_by(sheet_changes.c.family, sheet_changes.c.anchor, sheet_changes.c.what).limit(limit)
    if family is not None:
        query = query.where(sheet_changes.c.family == family)
    if new_sha256 is not None:
        query = query.where(sheet_changes.c.new_sha256 == new_sha256)
    return [SheetChangeRow(**row._mapping) for row in conn.execute(query)]


def changes_from(conn: Connection, family: str, old_sha256: str) -> list[SheetChangeRow]:
    """Return what the release that last followed one changed; nothing if none did, or nothing differed."""
    columns = [sheet_changes.c[field.name] for field in dataclasses.fields(SheetChangeRow)]
    query = (
        select(*columns)
        .join(datasheets, datasheets.c.sha256 == sheet_changes.c.new_sha256)
        .where(sheet_changes.c.family == family, sheet_changes.c.old_sha256 == old_sha256)
        .order_by(datasheets.c.released_at.desc(), sheet_changes.c.new_sha256, sheet_changes.c.change_id)
    )
    rows = [SheetChangeRow(**row._mapping) for row in conn.execute(query)]
    return [row for row in rows if row.new_sha256 == rows[0].new_sha256]


_COLUMNS = [datasheets.c[field.name] for field in dataclasses.fields(SheetRow)]


def _row(row: Row[Any]) -> SheetRow:
    fields = {field.name: row._mapping[field.name] for field in dataclasses.fields(SheetRow)}
    unconfirmed = None if row.unconfirmed is None else tuple(row.unconfirmed)
    return SheetRow(**{**fields, "parts": tuple(row.parts), "unconfirmed": unconfirmed})
