"""Coverage: how much of each current datasheet the code is linked to."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from mapper.model import LIVE_STATES
from streams.ledger.schema import links
from streams.ledger.sheets import list_sheets


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


def coverage(conn: Connection) -> list[SheetCoverage]:
    """Return the coverage of every current datasheet, by family."""
    numbers = (
        select(
            links.c.sheet_family,
            func.count(func.distinct(links.c.register)).label("registers_linked"),
            func.count().label("links"),
            func.count(func.distinct(links.c.symbol_id)).label("symbols"),
            func.count(func.distinct(links.c.repo_id)).label("repositories"),
        )
        .where(links.c.state.in_(sorted(LIVE_STATES)))
        .group_by(links.c.sheet_family)
    )
    by_family = {row.sheet_family: row for row in conn.execute(numbers)}
    found = []
    for sheet in list_sheets(conn):
        row = by_family.get(sheet.family)
        found.append(
            SheetCoverage(
                family=sheet.family,
                file=sheet.file,
                parts=sheet.parts,
                revision=sheet.revision,
                sections=sheet.num_sections,
                registers=sheet.num_registers,
                registers_linked=min(row.registers_linked, sheet.num_registers) if row else 0,
                links=row.links if row else 0,
                symbols=row.symbols if row else 0,
                repositories=row.repositories if row else 0,
            )
        )
    return found
