"""Links that a cause touched, with what happened to them; and which links a change of a datasheet is about."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from mapper.model import LinkState
from streams.ledger.schema import links
from streams.ledger.sheets import SheetChangeRow

ADDRESS = re.compile(r"@0x[0-9A-F]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a revision changed, at the place a link leads to."""

    anchor: str
    what: str
    old: str | None
    new: str | None

    @property
    def words(self) -> str:
        """The difference as people say it: a text's digests say nothing."""
        place = self.anchor.partition("/")[2]
        if self.what in ("added", "removed", "text"):
            return f"{place}: {self.what}" + (" changed" if self.what == "text" else "")
        return f"{place}: {self.what} {self.old or 'none'} -> {self.new or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedLink:
    """A link as it is now, and what a cause did to it."""

    link_id: str
    repo_id: str
    sheet_family: str
    part: str
    register: str | None
    field: str | None
    anchor_kind: str
    anchor_title: str
    page: int
    symbol_id: str
    kind: str
    name: str
    path: str
    line: int
    state: LinkState
    """Today's."""
    happened: str | None
    """The state it came into by this cause; None: it stands as it was, or is not derived anew yet."""
    detail: str
    differences: tuple[Difference, ...] = ()

    @property
    def place(self) -> str:
        """The register and field, or the section's title."""
        return ".".join(name for name in (self.register, self.field) if name) or self.anchor_title


COLUMNS = [
    links.c[name]
    for name in (
        *("link_id", "repo_id", "sheet_family", "part", "register", "field", "anchor_kind", "anchor_title", "page"),
        *("symbol_id", "kind", "name", "path", "line", "state"),
    )
]


class Changes:
    """The changes of one revision, found by the places they are about."""

    def __init__(self, changes: Iterable[SheetChangeRow]) -> None:
        self._by_register: dict[str, list[SheetChangeRow]] = defaultdict(list)
        self._sections: list[SheetChangeRow] = []
        for change in changes:
            if change.anchor.startswith("section/"):
                self._sections.append(change)
            for name in register_names(change):
                self._by_register[name].append(change)

    @property
    def registers(self) -> list[str]:
        """Names of registers that something may have changed of, as printed."""
        return sorted(self._by_register)

    @property
    def has_sections(self) -> bool:
        return bool(self._sections)

    def of(self, *, register: str | None, field: str | None, title: str) -> tuple[Difference, ...]:
        """Return what changed at the place of a link."""
        if register is None:
            found = [c for c in self._sections if c.anchor == f"section/{title}" or c.anchor.endswith(f"/{title}")]
        else:
            found = [c for c in self._by_register.get(register, ()) if _is_about(c, register, field)]
        return tuple(Difference(anchor=c.anchor, what=c.what, old=c.old_value, new=c.new_value) for c in found)


def register_names(change: SheetChangeRow) -> tuple[str, ...]:
    """Return the registers that a change may be of; a field's anchor may have more than one dot."""
    kind, _, rest = change.anchor.partition("/")
    if kind in ("register", "command"):
        names = [ADDRESS.sub("", rest)]
        return tuple(names + ([change.old_value] if change.what == "name" and change.old_value else []))
    if kind == "field":
        return tuple(rest[: at.start()] for at in re.finditer(r"\.", rest))
    return ()


def touched(row: Row[Any], *, happened: str | None, detail: str | None, changes: Changes | None = None) -> TouchedLink:
    """Return the link of a row of COLUMNS."""
    values = {column.name: row._mapping[column.name] for column in COLUMNS}
    place = {"register": row.register, "field": row.field, "title": row.anchor_title}
    found = changes.of(**place) if changes is not None else ()
    return TouchedLink(**values, happened=happened, detail=detail or "", differences=found)


def in_order(found: Iterable[TouchedLink]) -> tuple[TouchedLink, ...]:
    """Return links by repository, file and line."""
    return tuple(sorted(found, key=lambda link: (link.repo_id, link.path, link.line, link.page, link.link_id)))


def differences_at(
    changes: Sequence[SheetChangeRow], *, register: str | None, field: str | None, title: str
) -> tuple[Difference, ...]:
    """Return what a revision changed at one place."""
    return Changes(changes).of(register=register, field=field, title=title)


def repositories_of(conn: Connection, repo_ids: Iterable[str]) -> dict[str, str]:
    """Return the URL of each of these repositories."""
    from streams.ledger.sources import STATES, list_repositories

    wanted = set(repo_ids)
    return {found.repo_id: found.url for found in list_repositories(conn, STATES) if found.repo_id in wanted}


def _is_about(change: SheetChangeRow, register: str, field: str | None) -> bool:
    """Return whether a change is about a register's link, or about a link of one of its fields.

    What changes of a register concerns its fields too; what changes of a field concerns its register, no other field.
    """
    kind, _, rest = change.anchor.partition("/")
    if kind != "field":
        return True
    if field is None:
        return rest.startswith(f"{register}.")
    was = change.old_value if change.what == "name" else None
    return rest == f"{register}.{field}" or (was == field and rest.startswith(f"{register}."))
