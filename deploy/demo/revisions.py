"""The older revision of a datasheet, from the newer one and the list of what changed between them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from deploy.demo.model import Access, Part, Register, Topic

What = Literal["reset", "access", "field_added", "field_widened", "value", "register_added", "section_added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between revision A (old) and revision B (new); None where a side has nothing."""

    what: What
    register: str | None = None
    field: str | None = None
    old: str | None = None
    new: str | None = None
    note: str = ""
    """The line of the revision history."""
    block: str = ""


def older(part: Part, changes: tuple[Change, ...], *, revision: str, date: str) -> Part:
    """Return the part as its older revision described it."""
    for change in changes:
        part = _UNDO[change.what](part, change)
    return replace(part, revision=revision, date=date)


def _edit(part: Part, change: Change, edit: Callable[[Register], Register | None]) -> Part:
    blocks = []
    for block in part.blocks:
        registers = []
        for register in block.registers:
            if register.name == change.register and change.block in ("", block.name):
                edited = edit(register)
                if edited is not None:
                    registers.append(edited)
            else:
                registers.append(register)
        blocks.append(replace(block, registers=tuple(registers)))
    return replace(part, blocks=tuple(blocks))


def _undo_reset(part: Part, change: Change) -> Part:
    return _edit(part, change, lambda register: replace(register, reset=int(change.old or "0", 16)))


def _undo_access(part: Part, change: Change) -> Part:
    access: Access = "rw" if change.old == "rw" else "r"

    def edit(register: Register) -> Register:
        if change.field is None:
            fields = tuple(replace(field, access=access) for field in register.fields)
            return replace(register, access=access, fields=fields)
        fields = tuple(replace(f, access=access) if f.name == change.field else f for f in register.fields)
        return replace(register, fields=fields)

    return _edit(part, change, edit)


def _undo_field_added(part: Part, change: Change) -> Part:
    def edit(register: Register) -> Register:
        gone = register.field(change.field or "")
        fields = tuple(field for field in register.fields if field is not gone)
        return replace(register, fields=fields, reset=register.reset & ~gone.mask)

    return _edit(part, change, edit)


def _undo_field_widened(part: Part, change: Change) -> Part:
    high, _, low = (change.old or "").partition(":")

    def edit(register: Register) -> Register:
        fields = tuple(
            replace(field, high=int(high), low=int(low or high)) if field.name == change.field else field
            for field in register.fields
        )
        return replace(register, fields=fields)

    return _edit(part, change, edit)


def _undo_value(part: Part, change: Change) -> Part:
    """Undo the code of one encoding: new and old are written "NAME=code"."""
    name, _, code = (change.old or "").partition("=")

    def edit(register: Register) -> Register:
        fields = tuple(
            replace(field, values=tuple(replace(v, code=int(code, 0)) if v.name == name else v for v in field.values))
            if field.name == change.field
            else field
            for field in register.fields
        )
        return replace(register, fields=fields)

    return _edit(part, change, edit)


def _undo_register_added(part: Part, change: Change) -> Part:
    part = _edit(part, change, lambda register: None)
    kept = tuple(
        procedure
        for procedure in part.procedures
        if all(op.target != change.register for step in procedure.steps for op in step.operations)
    )
    return replace(part, procedures=kept)


def _undo_section_added(part: Part, change: Change) -> Part:
    def without(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
        return tuple(replace(t, children=without(t.children)) for t in topics if t.title != change.new)

    return replace(part, topics=without(part.topics), application=without(part.application))


_UNDO: dict[What, Callable[[Part, Change], Part]] = {
    "reset": _undo_reset,
    "access": _undo_access,
    "field_added": _undo_field_added,
    "field_widened": _undo_field_widened,
    "value": _undo_value,
    "register_added": _undo_register_added,
    "section_added": _undo_section_added,
}
