"""Coverage: how much of each current datasheet the code is linked to.

How many links there are is tallied. Distinct registers and symbols have to be counted: that is done once for each
state of a family's links and kept (`refresh`, which the watcher calls), and a reader counts what is not kept yet, up
to COUNT_LINKS links; beyond that it takes the numbers of the last count.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row, distinct, func, select

from mapper.model import LIVE_STATES
from streams.ledger.engine import reading, writing
from streams.ledger.schema import links, sheet_coverage
from streams.ledger.sheets import list_sheets
from streams.ledger.tallies import LinkTally, links_by_family
from streams.ledger.upsert import upsert

COUNT_LINKS = 10_000  # so many are counted in some ten milliseconds

NO_LINKS = LinkTally(live=0, repositories=0, version=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCoverage:
    """One current datasheet: what it has, and what live links speak about."""

    family: str
    file: str
    parts: tuple[str, ...]
    revision: str | None
    sections: int
    registers: int
    registers_linked: int
    links: int
    symbols: int
    repositories: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The distinct registers and symbols of a family's live links, at a version of them."""

    registers_linked: int
    symbols: int
    version: int


def coverage(conn: Connection) -> list[SheetCoverage]:
    """Return the coverage of every current datasheet, by family."""
    tallied, known, budget = links_by_family(conn), _known(conn), COUNT_LINKS
    found = []
    for sheet in list_sheets(conn):
        tally = tallied.get(sheet.family, NO_LINKS)
        counted = known.get(sheet.family)
        if counted is None or (counted.version != tally.version and tally.live <= budget):
            counted = _count(conn, sheet.family, tally)
            budget -= tally.live
        found.append(
            SheetCoverage(
                family=sheet.family,
                file=sheet.file,
                parts=sheet.parts,
                revision=sheet.revision,
                sections=sheet.num_sections,
                registers=sheet.num_registers,
                registers_linked=min(counted.registers_linked, sheet.num_registers),
                links=tally.live,
                symbols=counted.symbols,
                repositories=tally.repositories,
            )
        )
    return found


def refresh(engine: Engine, now: Callable[[], float], *, seconds: float) -> int:
    """Count the families whose links changed since they were counted, for so long; return how many are left."""
    with reading(engine) as conn:
        tallied, known = links_by_family(conn), _known(conn)
    due = [family for family, tally in sorted(tallied.items()) if _version(known.get(family)) != tally.version]
    end = now() + seconds
    for number, family in enumerate(due):
        if number and now() >= end:
            return len(due) - number
        with reading(engine) as conn:
            counted = _count(conn, family, links_by_family(conn)[family])
        row = {"sheet_family": family, "counted_at": now()}
        with writing(engine) as conn:
            row |= {name: getattr(counted, name) for name in ("registers_linked", "symbols", "version")}
            upsert(conn, sheet_coverage, [row])
    return 0


def _count(conn: Connection, family: str, tally: LinkTally) -> Counted:
    if not tally.live:
        return Counted(registers_linked=0, symbols=0, version=tally.version)
    query = select(func.count(distinct(links.c.register)), func.count(distinct(links.c.symbol_id)))
    here = links.c.sheet_family == family, links.c.state.in_(sorted(LIVE_STATES))
    registers, symbols = conn.execute(query.where(*here)).one()
    return Counted(registers_linked=registers, symbols=symbols, version=tally.version)


def _known(conn: Connection) -> dict[str, Counted]:
    rows: Iterable[Row[tuple[str, int, int, int, float]]] = conn.execute(select(sheet_coverage))
    return {
        row.sheet_family: Counted(registers_linked=row.registers_linked, symbols=row.symbols, version=row.version)
        for row in rows
    }


def _version(counted: Counted | None) -> int | None:
    return None if counted is None else counted.version
