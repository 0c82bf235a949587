"""Walk the pages of a datasheet and collect its registers: headings, captions, tables and bit lines in reading order.

A heading, caption or bold line that names a register opens it; the bit tables and bit lines that follow belong to it
until another register or section opens, also over a page break. A table with addresses lists registers itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mapper.datasheet.headings import Heading, split_number
from mapper.datasheet.page.layout import Line
from mapper.datasheet.page.pages import Page
from mapper.datasheet.page.running import is_running, running_lines
from mapper.datasheet.register.bit_rows import add_field, read_field_rows, read_layout_rows
from mapper.datasheet.register.command_rows import command_drafts
from mapper.datasheet.register.drafts import Draft, same_name
from mapper.datasheet.register.heads import (
    Head,
    further_heads,
    named_head,
    read_head,
    read_property,
    register_name,
    strip_caption,
)
from mapper.datasheet.register.notation import bit_range, clean_name, fold, is_identifier, is_reserved
from mapper.datasheet.register.register_rows import register_drafts
from mapper.datasheet.register.short_names import short_name
from mapper.datasheet.sections import path_title
from mapper.datasheet.table.grids import Grid, grids_of
from mapper.datasheet.table.header import Header
from mapper.datasheet.table.signs import COMMAND
from mapper.datasheet.table.tables import Table
from mapper.model import Box

MAX_BOLD_HEAD_WORDS = 12

TableReader = Callable[[Page], Sequence[Table]]

_BIT_LINE = re.compile(
    r"^bits?\s+(?P<bits>\d{1,3}(?:\s*(?:[:\-\u2013]|to|\.\.)\s*\d{1,3})?)\s+"
    r"(?P<name>[A-Za-z][\w.]*(?: [A-Za-z][\w.]*){0,2}(?:[<\[]\d+(?::\d+)?[>\]])?)"
    r"\s*(?::|\s[\u2013\u2014-])\s*(?P<text>.*)$",
    re.IGNORECASE,
)
_DEVICE_ADDRESS = re.compile(r"\b(?:slave|device|i2c|bus|chip)\b", re.IGNORECASE)
_ACTS = re.compile(r"(?:read|write|set|get|erase|program|clear|enable|disable|lock|unlock)\b", re.IGNORECASE)
_REGISTER = re.compile(r"\bregisters?\b|\breg\b|\u5bc4\u5b58\u5668|\u30ec\u30b8\u30b9\u30bf", re.IGNORECASE)


@dataclass(slots=True)
class RegisterWalk:
    """The state of one walk over a document."""

    tables_of: TableReader
    drafts: list[Draft] = field(default_factory=list)
    bare_pages: list[int] = field(default_factory=list)
    """Pages with signs of a register table on which no table gave anything."""
    _open: Draft | None = None
    _path: list[tuple[int, str]] = field(default_factory=list)
    _caption: str = ""
    _is_below_heading: bool = False
    _carried: tuple[Header, int] | None = None
    _names: dict[str, str] = field(default_factory=dict)

    def read(self, pages: Sequence[Page], headings: Sequence[Heading]) -> None:
        """Read all pages."""
        places: dict[tuple[int, int], list[Heading]] = {}
        for heading in headings:
            places.setdefault((heading.page, heading.line), []).append(heading)
        running = running_lines(pages)
        for page in pages:
            self._read_page(page, places, running)

    def read_tables(self, page: Page, tables: Sequence[Table]) -> None:
        """Read tables that another reader found on a page, outside the walk."""
        self._open, self._carried = None, None
        for table in tables:
            for grid in grids_of(table):
                self._grid(grid, page)

    def _read_page(
        self, page: Page, places: Mapping[tuple[int, int], Sequence[Heading]], running: frozenset[str]
    ) -> None:
        for heading in places.get((page.number, -1), ()):
            self._enter(heading, None)
        waiting = self._grids_on(page) if page.signs.registers else []
        before = len(self.drafts)
        inside: list[Table] = []
        for index, line in enumerate(page.lines):
            for heading in places.get((page.number, index), ()):
                self._enter(heading, line)
            for table, grids in [item for item in waiting if _holds(item[0], line)]:
                waiting = [item for item in waiting if item[0] is not table]
                inside.append(table)
                for grid in grids:
                    self._grid(grid, page)
                self._caption = ""
            if (page.number, index) in places or any(_holds(table, line) for table in inside):
                continue
            if not is_running(line, page, running):
                self._text(line, page)
        if page.signs.registers and len(self.drafts) == before:
            self.bare_pages.append(page.number)

    def _grids_on(self, page: Page) -> list[tuple[Table, list[Grid]]]:
        found: list[tuple[Table, list[Grid]]] = []
        for table in self.tables_of(page):
            carried = None
            if not found and self._carried is not None and self._carried[1] == page.number - 1:
                carried = self._carried[0]
            grids = grids_of(table, carried)
            if grids:
                found.append((table, grids))
                self._carried = ((grids[-1].columns, grids[-1].bits), page.number)
        return found

    def _enter(self, heading: Heading, line: Line | None) -> None:
        while self._path and self._path[-1][0] >= heading.level:
            self._path.pop()
        self._path.append((heading.level, path_title(heading.title)))
        self._open = None
        self._caption = heading.title
        self._is_below_heading = True
        title, _ = strip_caption(heading.title)
        head = read_head(title) or (read_head(strip_caption(split_number(line.text)[1])[0]) if line else None)
        known = self._names.get(fold(title))
        head = head or (Head(known) if known else named_head(title))
        if head is not None:
            self._start(head, heading.page, line)
            first = self._open
            for other in further_heads(title):
                self._start(other, heading.page, line)
            self._open = first

    def _text(self, line: Line, page: Page) -> None:
        text, is_caption = strip_caption(line.text)
        if is_caption:
            self._caption = text
            self._name_by(text, page, line, needs_address=False)
            return
        prop = read_property(text)
        if prop is not None and self._open is None and self._is_below_heading and prop[0] == "address":
            self._start(Head(register_name(self._caption)), page.number, line)
        self._is_below_heading = False
        if prop is not None and self._open is not None:
            self._set(prop)
            return
        match = _BIT_LINE.match(text)
        if match and self._open is not None:
            bits = bit_range(match["bits"])
            name = clean_name(match["name"])
            if bits and not is_reserved(name):
                add_field(self._open, name, bits, page.number, description=match["text"])
            return
        if line.is_bold and len(line.words) <= MAX_BOLD_HEAD_WORDS:
            known = self._names.get(fold(text))
            if known and (self._open is None or fold(self._open.name) != fold(known)):
                self._start(Head(text if is_identifier(text) else known), page.number, line)
                return
            self._name_by(text, page, line, needs_address=short_name(text) is None)

    def _name_by(self, text: str, page: Page, line: Line, *, needs_address: bool) -> None:
        """Open the register that a caption or bold line names, unless it is the open one."""
        head = read_head(text) or (None if needs_address else named_head(text))
        if head is None:
            return
        if self._open is not None and _is_same(self._open, head):
            _fill(self._open, head)
            return
        self._start(head, page.number, line)

    def _start(self, head: Head, page: int, line: Line | None) -> None:
        role = "command" if self._speaks_of_commands(head) else "register"
        self._open = Draft(
            name=head.name if is_identifier(head.name) else self._names.get(fold(head.name), head.name),
            address=head.address,
            access=head.access,
            reset=head.reset,
            page=page,
            section_path=self._section_path,
            box=_line_box(line) if line else None,
            reader="heading",
            role="command" if role == "command" else "register",
            long_name=head.long_name,
        )
        self._keep(self._open)

    def _keep(self, draft: Draft) -> None:
        self.drafts.append(draft)
        if draft.name:
            self._names.setdefault(fold(draft.name), draft.name)

    @property
    def _section_path(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._path)

    def _speaks_of_commands(self, head: Head) -> bool:
        if head.is_command:
            return True
        above = " ".join(title for _, title in self._path[:-1])
        names_register = _REGISTER.search(head.name) and not _ACTS.match(head.name)
        return bool(COMMAND.search(above)) and not _REGISTER.search(above) and not names_register

    def _set(self, prop: tuple[str, int | str]) -> None:
        assert self._open is not None
        key, value = prop
        if key == "address" and self._open.address is None and isinstance(value, int):
            self._open.address = value
        elif key == "reset" and self._open.reset is None and isinstance(value, int):
            self._open.reset = value
        elif key == "access" and self._open.access is None and isinstance(value, str):
            self._open.access = value

    def _grid(self, grid: Grid, page: Page) -> None:
        has_names = grid.has("name") or grid.has("field")
        if _DEVICE_ADDRESS.search(grid.header("address")):
            return
        if has_names and (grid.has("code") or grid.has("address")) and self._table_lists_commands(grid):
            for draft in command_drafts(grid, page.number, self._section_path):
                self._keep(draft)
            return
        lists_registers = grid.has("address") and (has_names or bool(grid.bits) or grid.has("description"))
        if lists_registers or (grid.bits and _REGISTER.search(grid.header("name"))):
            drafts, self._open = register_drafts(grid, page.number, self._open, self._section_path)
            for draft in drafts:
                self._keep(draft)
            return
        is_field_table = grid.has("bits") and (has_names or grid.has("description"))
        owner = self._owner(grid, page) if is_field_table or grid.bits else None
        if owner is None:
            return
        if is_field_table:
            read_field_rows(owner, grid, page.number)
        else:
            read_layout_rows(owner, grid, page.number)
        if owner.reader == "heading":
            owner.reader = grid.reader

    def _table_lists_commands(self, grid: Grid) -> bool:
        headers = " ".join(column.header for column in grid.columns)
        above = self._caption or (self._path[-1][1] if self._path else "")
        if COMMAND.search(headers) and not _REGISTER.search(headers):
            return True
        near = " ".join((headers, above, grid.title))
        return bool(COMMAND.search(near)) and not _REGISTER.search(near)

    def _owner(self, grid: Grid, page: Page) -> Draft | None:
        """Return the register that a bit table without address belongs to."""
        if grid.title:
            head = read_head(grid.title) or named_head(grid.title)
            if head is not None and not (self._open is not None and _is_same(self._open, head)):
                self._start(head, page.number, None)
        if self._open is None and self._path and _REGISTER.search(self._path[-1][1]):
            name = register_name(self._path[-1][1])
            if name and not re.search(r"\bregisters\b|\bmap\b", name, re.IGNORECASE):
                self._start(Head(name), page.number, None)
        return self._open


def _holds(table: Table, line: Line) -> bool:
    x, y = (line.left + line.right) / 2, (line.top + line.bottom) / 2
    return table.top <= y <= table.bottom and table.left - 2 <= x <= table.right + 2


def _is_same(draft: Draft, head: Head) -> bool:
    if head.address is not None and draft.address is not None and head.address != draft.address:
        return False
    if not head.name or not draft.name or same_name(draft.name, head.name):
        return True
    return fold(draft.name) == fold(head.long_name) or fold(head.name) == fold(draft.long_name)


def _fill(draft: Draft, head: Head) -> None:
    if is_identifier(head.name) and not is_identifier(draft.name):
        draft.name = head.name
    draft.address = head.address if draft.address is None else draft.address
    draft.access = draft.access or head.access
    draft.reset = head.reset if draft.reset is None else draft.reset


def _line_box(line: Line) -> Box:
    return Box(
        left=round(line.left, 1), top=round(line.top, 1), right=round(line.right, 1), bottom=round(line.bottom, 1)
    )
