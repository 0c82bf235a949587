"""Compare two releases of a datasheet: which sections, registers and bit fields were added, removed or changed.

Sections are matched by their path of titles, then by content (a renamed heading); page numbers and section numbers
move too easily to say anything. Registers are matched by name and address, then by address, then by name.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mapper.datasheet.register.notation import fold
from mapper.model import BitField, Datasheet, Parameter, Register, Section

SIMILAR = 0.6  # of the lines shared: a section under another title is the same one
LIGATURES = re.compile(r"ff|fi|fl|ffi|ffl|ft|tt")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetChange:
    """One difference between two releases.

    anchor names the place ("section/5 Registers/5.2 CTRL" without numbers, "register/CTRL@0x04", "field/CTRL.EN");
    what says what differs there: added, removed, title, text, name, address, access, reset, width, role or bits; of a
    parameter ("parameter/Supply voltage VDD") min, typ, max, unit or conditions.
    """

    anchor: str
    what: str
    old: str | None
    new: str | None


def diff_datasheets(old: Datasheet, new: Datasheet) -> tuple[SheetChange, ...]:
    """Return what changed from old to new: sections, registers with their fields, parameters, in the order of new.

    >>> from dataclasses import replace
    >>> from mapper import Datasheet, diff_datasheets
    >>> from mapper.model import Register
    >>> control = Register(name="CTRL", address=0x04, reset=0x00)
    >>> old = Datasheet(
    ...     sha256="00" * 32, file="ab1234.pdf", title="AB1234", parts=("AB1234",), family="ab1234", revision="A",
    ...     num_pages=12, sections=(), registers=(control,),
    ... )
    >>> new = replace(old, revision="B", registers=(replace(control, reset=0x07),))
    >>> [(change.anchor, change.what, change.old, change.new) for change in diff_datasheets(old, new)]
    [('register/CTRL@0x04', 'reset', '0x0', '0x7')]
    """
    return (
        *_section_changes(old.sections, new.sections),
        *_register_changes(old.registers, new.registers),
        *_parameter_changes(old.parameters, new.parameters),
    )


def _section_changes(old: Sequence[Section], new: Sequence[Section]) -> Iterator[SheetChange]:
    pairs, gone, added = _match_sections(old, new)
    for before, after in pairs:
        anchor = f"section/{'/'.join(after.path)}"
        if _title_key(before.path) != _title_key(after.path):
            yield SheetChange(anchor=anchor, what="title", old="/".join(before.path), new="/".join(after.path))
        if before.content_hash != after.content_hash:
            yield SheetChange(anchor=anchor, what="text", old=before.content_hash[:12], new=after.content_hash[:12])
    for section in added:
        yield SheetChange(anchor=f"section/{'/'.join(section.path)}", what="added", old=None, new=section.title)
    for section in gone:
        yield SheetChange(anchor=f"section/{'/'.join(section.path)}", what="removed", old=section.title, new=None)


def _match_sections(
    old: Sequence[Section], new: Sequence[Section]
) -> tuple[list[tuple[Section, Section]], list[Section], list[Section]]:
    pairs: list[tuple[Section, Section]] = []
    gone, added = list(old), list(new)
    for key in (_title_key, _bare_key):
        numbered_old = _numbered(gone, key)
        for name, after in _numbered(added, key).items():
            before = numbered_old.get(name)
            if before is not None:
                pairs.append((before, after))
                gone.remove(before)
                added.remove(after)
    for after in list(added):
        best = max(gone, key=lambda before: _similarity(before, after), default=None)
        if best is not None and _similarity(best, after) >= SIMILAR:
            pairs.append((best, after))
            gone.remove(best)
            added.remove(after)
    order = {id(section): index for index, section in enumerate(new)}
    return sorted(pairs, key=lambda pair: order[id(pair[1])]), gone, added


def _numbered(sections: Sequence[Section], key: Callable[[tuple[str, ...]], str]) -> dict[tuple[str, int], Section]:
    """Return sections by title path; repeats of one path are told apart by counting."""
    counts: Counter[str] = Counter()
    found: dict[tuple[str, int], Section] = {}
    for section in sections:
        name = key(section.path)
        found[name, counts[name]] = section
        counts[name] += 1
    return found


def _title_key(path: tuple[str, ...]) -> str:
    return "/".join(" ".join(unicodedata.normalize("NFKC", title).lower().split()) for title in path)


def _bare_key(path: tuple[str, ...]) -> str:
    """Return a path without ligature letters: some writers lose them ("conguration")."""
    return re.sub(r"[^a-z0-9/]", "", LIGATURES.sub("", _title_key(path)))


def _similarity(one: Section, other: Section) -> float:
    a, b = set(one.text.splitlines()), set(other.text.splitlines())
    return len(a & b) / len(a | b) if a and b else 0.0


def _register_changes(old: Sequence[Register], new: Sequence[Register]) -> Iterator[SheetChange]:
    pairs, gone, added = _match_registers(old, new)
    for before, after in pairs:
        anchor = _register_anchor(after)
        sides = (
            ("name", before.name, after.name),
            ("address", _hexadecimal(before.address), _hexadecimal(after.address)),
            ("access", before.access, after.access),
            ("reset", _hexadecimal(before.reset), _hexadecimal(after.reset)),
            ("width", _text(before.width), _text(after.width)),
            ("role", before.role, after.role),
        )
        for what, one, other in sides:
            if one != other:
                yield SheetChange(anchor=anchor, what=what, old=one, new=other)
        yield from _field_changes(before, after)
    for register in added:
        yield SheetChange(anchor=_register_anchor(register), what="added", old=None, new=register.name)
    for register in gone:
        yield SheetChange(anchor=_register_anchor(register), what="removed", old=register.name, new=None)


def _match_registers(
    old: Sequence[Register], new: Sequence[Register]
) -> tuple[list[tuple[Register, Register]], list[Register], list[Register]]:
    pairs: list[tuple[Register, Register]] = []
    gone, added = list(old), list(new)
    keys: tuple[Callable[[Register], object], ...] = (
        lambda r: (fold(r.name), r.address, r.role),
        lambda r: (fold(r.name), r.role),
        lambda r: (r.address, r.role) if r.address is not None else None,
    )
    for key in keys:
        before_of: dict[object, list[Register]] = {}
        for register in gone:
            before_of.setdefault(key(register), []).append(register)
        for after in list(added):
            candidates = before_of.get(key(after), []) if key(after) is not None else []
            if candidates:
                before = candidates.pop(0)
                pairs.append((before, after))
                gone.remove(before)
                added.remove(after)
    order = {id(register): index for index, register in enumerate(new)}
    return sorted(pairs, key=lambda pair: order[id(pair[1])]), gone, added


def _field_changes(before: Register, after: Register) -> Iterator[SheetChange]:
    old = {fold(field.name): field for field in before.fields}
    new = {fold(field.name): field for field in after.fields}
    old_bits = {(field.high, field.low): field for field in before.fields if fold(field.name) not in new}
    for name, field in new.items():
        anchor = f"field/{after.name}.{field.name}"
        was = old.pop(name, None) or old_bits.pop((field.high, field.low), None)
        if was is None:
            yield SheetChange(anchor=anchor, what="added", old=None, new=_bits(field))
            continue
        old.pop(fold(was.name), None)
        for what, one, other in (
            ("name", was.name, field.name),
            ("bits", _bits(was), _bits(field)),
            ("access", was.access, field.access),
            ("reset", _hexadecimal(was.reset), _hexadecimal(field.reset)),
        ):
            if one != other:
                yield SheetChange(anchor=anchor, what=what, old=one, new=other)
    for field in old.values():
        yield SheetChange(anchor=f"field/{after.name}.{field.name}", what="removed", old=_bits(field), new=None)


def _parameter_changes(old: Sequence[Parameter], new: Sequence[Parameter]) -> Iterator[SheetChange]:
    """Yield what differs between parameters of one name: first those with equal conditions, then in their order."""
    pairs: list[tuple[Parameter, Parameter]] = []
    gone, added = list(old), list(new)
    keys: tuple[Callable[[Parameter], object], ...] = (
        lambda p: (fold(p.name), fold(p.symbol), fold(p.conditions)),
        lambda p: (fold(p.name), fold(p.symbol)),
    )
    for key in keys:
        before_of: dict[object, list[Parameter]] = {}
        for parameter in gone:
            before_of.setdefault(key(parameter), []).append(parameter)
        for after in list(added):
            if before_of.get(key(after)):
                before = before_of[key(after)].pop(0)
                pairs.append((before, after))
                gone = [parameter for parameter in gone if parameter is not before]
                added = [parameter for parameter in added if parameter is not after]
    for before, after in pairs:
        for what in ("min", "typ", "max", "unit", "conditions"):
            one, other = getattr(before, what) or None, getattr(after, what) or None
            if one != other:
                yield SheetChange(anchor=_parameter_anchor(after), what=what, old=one, new=other)
    for parameter in added:
        yield SheetChange(anchor=_parameter_anchor(parameter), what="added", old=None, new=_limits(parameter))
    for parameter in gone:
        yield SheetChange(anchor=_parameter_anchor(parameter), what="removed", old=_limits(parameter), new=None)


def _parameter_anchor(parameter: Parameter) -> str:
    symbol = f" {parameter.symbol}" if parameter.symbol and parameter.symbol != parameter.name else ""
    return f"parameter/{parameter.name}{symbol}"


def _limits(parameter: Parameter) -> str:
    values = "/".join(value or "-" for value in (parameter.min, parameter.typ, parameter.max))
    return f"{values} {parameter.unit or ''}".strip()


def _register_anchor(register: Register) -> str:
    where = f"@0x{register.address:02X}" if register.address is not None else ""
    return f"{register.role}/{register.name}{where}"


def _bits(field: BitField) -> str:
    return f"{field.high}:{field.low}" if field.high != field.low else str(field.high)


def _hexadecimal(value: int | None) -> str | None:
    return None if value is None else f"0x{value:X}"


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
