"""What the ledger holds of another version of the mapper than the one that runs, and who was told to read it again.

A repository's tree is of the version that parsed it, a datasheet of the one that read it, links of the three that made
them. Nothing has to be remembered by those who upgrade: whatever is of another version is due, until it is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, tuple_

from mapper.ids import content_id
from mapper.version import mapping_version, parser_version, reader_version
from streams.ledger.schema import datasheets, parsed_files, parser_versions, refused_files, repositories, upgrades
from streams.ledger.sources import LIVE
from streams.ledger.upsert import upsert

Kind = Literal["tree", "sheet", "links"]
KINDS: tuple[Kind, ...] = ("sheet", "tree", "links")

AGAIN_SECONDS = 600.0
"""What was told and is still due after so long is told again: whoever had it was of another version, or failed."""
MAX_AGAIN_SECONDS = 24 * 3600.0
MAX_DOUBLINGS = 10
UNDER_WAY = 8
"""So many of a kind are told and not done at a time: new commits need not wait behind all that is old."""
KEEP_SECONDS = 3600.0
"""Rows of a version stay for so long after a worker of that version was last seen."""
REMOVED_ROWS = 500  # at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """How much is still to be read, or linked, again by this version."""

    trees: int
    sheets: int
    links: int

    def __str__(self) -> str:
        """Return what is due in words; "" for nothing."""
        words = (
            (self.trees, "repositories are still to be read again"),
            (self.sheets, "datasheets are still to be read again"),
            (self.links, "repositories are still to be linked again"),
        )
        said = [f"{number} {text}" for number, text in words if number]
        return f"{', '.join(said)} by this version" if said else ""


def outdated(conn: Connection) -> Outdated:
    """Return how much of the ledger is of another version than this one."""
    return Outdated(
        trees=_count(conn, repositories, _tree_is_due()),
        sheets=_count(conn, datasheets, _sheet_is_due()),
        links=_count(conn, repositories, _links_are_due()),
    )


def due(conn: Connection, kind: Kind, now: float) -> list[str]:
    """Return the ids (of repositories; sha256 of datasheets) to tell now: a few, those never told first."""
    told = {
        row.of: row
        for row in conn.execute(select(upgrades).where(upgrades.c.kind == kind, upgrades.c.version == _version(kind)))
    }
    waiting, under_way = [], 0
    for key in _due_ids(conn, kind):
        row = told.get(key)
        under_way += row is not None and now - row.told_at < AGAIN_SECONDS
        if row is None or now - row.told_at >= _pause(row.times):
            waiting.append((row.times if row else 0, key))
    return [key for _, key in sorted(waiting)[: max(0, UNDER_WAY - under_way)]]


def note_told(conn: Connection, kind: Kind, keys: Sequence[str], now: float) -> None:
    """Note that these were told; what was told for other versions is forgotten."""
    version = _version(kind)
    conn.execute(delete(upgrades).where(upgrades.c.kind == kind, upgrades.c.version != version))
    before = select(upgrades.c.of, upgrades.c.times).where(upgrades.c.kind == kind, upgrades.c.of.in_(keys))
    times: dict[str, int] = {row.of: row.times for row in conn.execute(before)}
    rows: list[dict[str, Any]] = [
        {
            "upgrade_id": upgrade_id(kind, key),
            "kind": kind,
            "of": key,
            "version": version,
            "times": times.get(key, 0) + 1,
            "told_at": now,
        }
        for key in keys
    ]
    upsert(conn, upgrades, rows)


def upgrade_id(kind: Kind, key: str) -> str:
    """Return the id of the event "this is to be read again by this version": however often it is told, one id."""
    return content_id("up1", kind, key, _version(kind))


def note_parser(conn: Connection, now: float) -> None:
    """Note that a worker of this version runs: what it has parsed must not go."""
    upsert(conn, parser_versions, [{"version": parser_version(), "seen_at": now}])


def remove_unneeded(conn: Connection, now: float) -> int:
    """Remove some parsed files of versions that no head and no running worker needs; return how many are gone.

    Files of this version stay, also those of old commits: a branch may come back to them.
    """
    needed = select(repositories.c.parser).where(repositories.c.parser.is_not(None))
    old = select(parser_versions.c.version).where(
        parser_versions.c.version != parser_version(),
        parser_versions.c.seen_at < now - KEEP_SECONDS,
        parser_versions.c.version.not_in(needed),
    )
    for version in list(conn.execute(old.order_by(parser_versions.c.version)).scalars()):
        removed = _remove_some(conn, version)
        if removed:
            return removed
    return 0


def _remove_some(conn: Connection, version: str) -> int:
    """Remove files of a version, and all that is known of it with the last of them; return how many files."""
    files = parsed_files.c
    some = select(files.blob_id, files.path, files.parser).where(files.parser == version).limit(REMOVED_ROWS)
    removed = conn.execute(delete(parsed_files).where(tuple_(files.blob_id, files.path, files.parser).in_(some)))
    if removed.rowcount < REMOVED_ROWS:
        conn.execute(delete(refused_files).where(refused_files.c.parser == version))
        conn.execute(delete(parser_versions).where(parser_versions.c.version == version))
    return removed.rowcount


def _version(kind: Kind) -> str:
    return {"tree": parser_version, "sheet": reader_version, "links": mapping_version}[kind]()


def _pause(times: int) -> float:
    return min(AGAIN_SECONDS * 2.0 ** min(times - 1, MAX_DOUBLINGS), MAX_AGAIN_SECONDS)


def _due_ids(conn: Connection, kind: Kind) -> list[str]:
    if kind == "sheet":
        query = select(datasheets.c.sha256).where(_sheet_is_due()).order_by(datasheets.c.sha256)
    else:
        is_due = _tree_is_due() if kind == "tree" else _can_be_linked()
        query = select(repositories.c.repo_id).where(is_due).order_by(repositories.c.repo_id)
    return list(conn.execute(query).scalars())


def _tree_is_due() -> ColumnElement[bool]:
    columns = repositories.c
    other = or_(columns.parser.is_(None), columns.parser != parser_version())
    return and_(columns.state.in_(LIVE), columns.head.is_not(None), other)


def _sheet_is_due() -> ColumnElement[bool]:
    return and_(datasheets.c.current.is_(True), datasheets.c.reader != reader_version())


def _links_are_due() -> ColumnElement[bool]:
    columns = repositories.c
    other = or_(columns.linked_by.is_(None), columns.linked_by != mapping_version())
    return and_(columns.state.in_(LIVE), columns.linked.is_not(None), other)


def _can_be_linked() -> ColumnElement[bool]:
    """Return the condition that links are due and all they are made of was read by this version."""
    old_sheets = select(datasheets.c.sha256).where(_sheet_is_due()).exists()
    return and_(_links_are_due(), ~_tree_is_due(), ~old_sheets)


def _count(conn: Connection, table: Any, condition: ColumnElement[bool]) -> int:
    return int(conn.execute(select(func.count()).select_from(table).where(condition)).scalar_one())
