"""Registers while they are being read, and how several places that print one register become one value.

A register is listed in overview tables and described on pages of its own; it may be described twice (figure of its
bits, table of its fields). Places belong together when the address is the same and the names agree, when one of them
gives no address and the name is the same, or when address and role leave no other choice.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mapper.datasheet.register.notation import fold, is_identifier
from mapper.model import BitField, Box, Register

DESCRIPTION_CHARS = 600
MIN_SHARED = 4  # letters of a common start that make two spellings one name
_NUMBERING = re.compile(r"\d+[a-z]?|[hlxyz]|[lm]sb|high|low")
CONFIDENCE = {"ruled": 0.95, "columns": 0.85, "heading": 0.8, "camelot": 0.7}


@dataclass(slots=True)
class Draft:
    """One place that prints a register."""

    name: str
    address: int | None = None
    access: str | None = None
    reset: int | None = None
    width: int | None = None
    fields: list[BitField] = field(default_factory=list)
    description: str = ""
    page: int = 0
    is_overview: bool = False
    num_listed: int = 1
    """How many registers the table that lists it holds."""
    section_path: tuple[str, ...] = ()
    box: Box | None = None
    reader: str = "ruled"
    role: Literal["register", "command"] = "register"
    long_name: str = ""
    """The name printed beside a short one."""
    pages: list[int] = field(default_factory=list)
    """Pages of the overview rows merged into this one."""

    def add_field(self, new: BitField) -> None:
        """Add a bit field, or complete the one that covers the same bits or has the same name."""
        for index, old in enumerate(self.fields):
            same_bits = (old.high, old.low) == (new.high, new.low)
            if same_bits or (fold(old.name) == fold(new.name) and _touch(old, new)):
                self.fields[index] = _merge_fields(old, new)
                return
        self.fields.append(new)


def assemble(drafts: Sequence[Draft]) -> tuple[Register, ...]:
    """Return one register for all drafts that print it, in the order of their first appearance."""
    merged: list[Draft] = []
    unclear: list[Draft] = []
    for draft in drafts:
        home = _home(draft, merged)
        if home is not None:
            _absorb(home, draft)
        elif draft.address is None and not draft.fields:
            unclear.append(draft)
        else:
            merged.append(replace(draft, fields=list(draft.fields), pages=list(draft.pages)))
    merged = _join_by_address(merged)
    for draft in unclear:
        home = _home(draft, merged)
        if home is not None:
            _absorb(home, draft)
    for draft in merged:
        if not draft.name and len(draft.fields) == 1:
            draft.name = draft.fields[0].name  # the only thing in it
    kept = [draft for draft in merged if draft.name and (draft.address is not None or draft.fields)]
    return tuple(_register(draft) for draft in kept)


def same_name(one: str, other: str) -> bool:
    """Say whether two spellings name one register: equal, one inside the other, or the words' initials."""
    a, b = fold(one), fold(other)
    if not a or not b or a == b:
        return a == b
    short, long = sorted((a, b), key=len)
    if (
        len(short) >= MIN_SHARED
        and (long.startswith(short) or long.endswith(short))
        and not _numbered_apart(short, long)
    ):
        return True
    words = set(re.findall(r"[a-z0-9]+", one.lower())) - {"register", "the", "of", "and"}
    others = set(re.findall(r"[a-z0-9]+", other.lower())) - {"register", "the", "of", "and"}
    if not words or not others or any(map(_NUMBERING.fullmatch, words ^ others)):
        return False
    return words <= others or others <= words


def _numbered_apart(short: str, long: str) -> bool:
    """Say whether the names differ in a number: CTRL1 is not CTRL12, DATA is not DATA0."""
    rest = long.removeprefix(short) if long.startswith(short) else long.removesuffix(short)
    return _NUMBERING.fullmatch(rest) is not None


def _home(draft: Draft, merged: Sequence[Draft]) -> Draft | None:
    """Return the register that a draft is another place of."""
    name = fold(draft.name)
    nearest: Draft | None = None
    for other in reversed(merged):
        is_same = name == fold(other.name) and draft.address == other.address
        if other.role != draft.role and draft.address is not None and other.address is not None and not is_same:
            continue
        if draft.address is not None and other.address is not None:
            if draft.address == other.address and (
                not name or not other.name or same_name(draft.name, other.name) or _is_named_like(draft, other)
            ):
                return other
        elif nearest is None and _is_named_like(draft, other):
            nearest = other
    return nearest


def _is_named_like(one: Draft, other: Draft) -> bool:
    """Say whether two places print one name, or one prints the long name beside the other's short one."""
    names = fold(one.name), fold(other.name)
    if not all(names):
        return False
    return names[0] == names[1] or names[0] == fold(other.long_name) or names[1] == fold(one.long_name)


def _join_by_address(merged: Sequence[Draft]) -> list[Draft]:
    """Join an overview row and a description of unlike names when each is the only one of its kind at the address."""
    kept = list(merged)
    by_address: dict[tuple[int, str], list[Draft]] = {}
    for draft in kept:
        if draft.address is not None:
            by_address.setdefault((draft.address, draft.role), []).append(draft)
    for group in by_address.values():
        listed = [draft for draft in group if draft.is_overview or draft.pages]
        described = [draft for draft in group if not draft.is_overview and not draft.pages]
        if len(listed) == 1 and len(described) == 1 and _fields_agree(listed[0], described[0]):
            _absorb(listed[0], described[0])
            kept.remove(described[0])
    return kept


def _fields_agree(one: Draft, other: Draft) -> bool:
    """Say whether two places could print one register: one has no fields, or they share a field's name."""
    names = [{fold(f.name) for f in draft.fields} for draft in (one, other)]
    return not all(names) or bool(names[0] & names[1])


def _absorb(home: Draft, draft: Draft) -> None:
    """Put what another place says into a register; the description's page and section win over the overview's.

    A table that lists far fewer registers than the one before is a description of these few.
    """
    is_detail = draft.is_overview and home.is_overview and 2 * draft.num_listed <= home.num_listed
    if draft.is_overview and not is_detail:
        home.pages.append(draft.page)
    elif home.is_overview:
        home.pages.append(home.page)
        home.is_overview = False
        home.page, home.section_path, home.box = draft.page, draft.section_path, draft.box
        home.reader = home.reader if home.address is not None and home.reader == "ruled" else draft.reader
    elif home.reader == "heading" and draft.fields and not home.fields:
        home.reader = draft.reader
    home.pages += draft.pages
    home.role = "command" if draft.role == "command" else home.role
    if draft.name and _is_better_name(draft.name, home.name, is_listed=draft.is_overview):
        home.name = draft.name
    home.long_name = home.long_name or draft.long_name
    home.address = draft.address if home.address is None else home.address
    home.access = home.access or draft.access
    home.reset = draft.reset if home.reset is None else home.reset
    home.width = max(home.width or 0, draft.width or 0) or None
    home.description = home.description or draft.description
    for new in draft.fields:
        home.add_field(new)


def _is_better_name(new: str, old: str, *, is_listed: bool) -> bool:
    """Say whether a spelling says more: an identifier over words, unbroken over broken, more words over fewer."""
    if not old or is_identifier(new) != is_identifier(old):
        return not old or is_identifier(new)
    if fold(new) == fold(old):
        return len(new.split()) < len(old.split())
    return not is_identifier(new) and is_listed and set(old.lower().split()) < set(new.lower().split())


def _register(draft: Draft) -> Register:
    fields = sorted(_without_overlaps(draft.fields), key=lambda f: (-f.high, -f.low, f.name))
    highest = max((f.high for f in fields), default=-1)
    width = draft.width or next((size for size in (8, 16, 24, 32, 64) if size > highest), None)
    pages = {*draft.pages, *((draft.page,) if draft.is_overview else ())}
    return Register(
        name=draft.name,
        address=draft.address,
        width=width if fields or draft.width else None,
        access=draft.access or _common_access(fields),
        reset=draft.reset,
        fields=tuple(fields),
        description=draft.description[:DESCRIPTION_CHARS],
        page=draft.page,
        overview_pages=tuple(sorted(pages)),
        section_path=draft.section_path,
        box=draft.box,
        reader=draft.reader,
        confidence=CONFIDENCE.get(draft.reader, 0.7),
        role=draft.role,
    )


def _common_access(fields: Sequence[BitField]) -> str | None:
    modes = {f.access for f in fields if f.access}
    return modes.pop() if len(modes) == 1 and all(f.access for f in fields) else None


def _touch(one: BitField, other: BitField) -> bool:
    return one.low <= other.high and other.low <= one.high


def _merge_fields(old: BitField, new: BitField) -> BitField:
    """Return both readings of a field; the one with a description names it."""
    main, other = (new, old) if new.description and not old.description else (old, new)
    return replace(
        main,
        access=main.access or other.access,
        reset=other.reset if main.reset is None else main.reset,
        description=main.description or other.description,
    )


def _without_overlaps(fields: Iterable[BitField]) -> list[BitField]:
    """Return fields with those of one name that overlap or follow each other made one."""
    kept: list[BitField] = []
    for new in sorted(fields, key=lambda f: (-f.high, f.low)):
        for index, old in enumerate(kept):
            if fold(old.name) == fold(new.name) and new.high >= old.low - 1:
                kept[index] = replace(_merge_fields(old, new), high=old.high, low=min(old.low, new.low))
                break
        else:
            kept.append(new)
    return kept
