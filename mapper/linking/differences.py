"""What differs between two forms of a link's ends, in words."""

from mapper.model import Anchor, Symbol, TraceLink


def symbol_differences(old: Symbol, new: Symbol) -> list[str]:
    """Return what differs between two forms of a symbol; where it stands in its file does not count."""
    if old.value != new.value and old.value is not None and new.value is not None:
        return [f"value {old.value:#x} -> {new.value:#x}"]
    if old.value != new.value:
        return [f"value {_number(old.value)} -> {_number(new.value)}"]
    if old.revision == new.revision:
        return []
    return ["its body was edited" if old.declaration == new.declaration else "its definition was edited"]


def anchor_differences(old: Anchor, new: Anchor) -> list[str]:
    """Return what differs between two forms of a place of a datasheet."""
    told = []
    if old.title != new.title:
        told.append(f"title {old.title!r} -> {new.title!r}")
    if old.address != new.address:
        told.append(f"address {_number(old.address)} -> {_number(new.address)}")
    if old.page != new.page:
        told.append(f"now on page {new.page}, was on page {old.page}")
    return told


def rule_differences(old: TraceLink, new: TraceLink) -> list[str]:
    """Return what differs in how a link was derived, as far as it says more than a figure."""
    told = []
    if old.method != new.method:
        told.append(f"by {new.method}, was by {old.method}")
    if old.grade != new.grade:
        told.append(f"{new.grade}, was {old.grade}")
    return told


def place_names(anchor: Anchor) -> tuple[str, ...]:
    """Return the names under which a comparison of two releases tells what differs at a place, without addresses.

    >>> place_names(Anchor(kind="field", title="CTRL", path=("Registers",), page=9, register="CTRL", field="EN"))
    ('field/CTRL.EN', 'register/CTRL', 'command/CTRL')
    """
    names = [f"field/{anchor.register}.{anchor.field}"] if anchor.field else []
    if anchor.register:
        return (*names, f"register/{anchor.register}", f"command/{anchor.register}")
    return (f"section/{'/'.join(anchor.path)}",) if anchor.kind == "section" else ()


def sheet_phrases(changes: "list[tuple[str, str, str | None, str | None]]") -> dict[str, list[str]]:
    """Return what differs between two releases in words, by the name of the place; changes: (anchor, what, old, new).

    >>> sheet_phrases([("register/CTRL@0x04", "reset", "0x0", "0x7")])
    {'register/CTRL': ['reset 0x0 -> 0x7']}
    """
    said: dict[str, list[str]] = {}
    for anchor, what, old, new in changes:
        name = anchor.partition("@0x")[0]
        if what == "text":
            text = "its text was edited"
        elif what in ("added", "removed"):
            text = f"{name.partition('/')[0]} {what}"
        else:
            text = f"{what} {old or 'none'} -> {new or 'none'}"
        said.setdefault(name, []).append(text)
    return said


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:#x}"
