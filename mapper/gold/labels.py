"""A label made by reading, and its JSON line: the symbol, NIL or the places that specify it, who read it and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from mapper.errors import FormatError
from mapper.model import Grade, Place, Symbol, TraceLink

LabelKind = Literal["function", "macro", "struct", "struct_member", "constant", "config", "register"]
"""The kinds of symbols; members of structs apart, since they hold registers and fields while structs mirror blocks."""

MAX_ANCHORS = 6
"""Places that one reader may name."""

LabelKey = tuple[str, str, str, str | None, str]
"""Datasheet file, path, kind, scope, name: what makes two lines speak of one symbol. The line may move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldAnchor:
    """A place of the datasheet that a reader accepts."""

    page: Annotated[int, Field(ge=1, strict=True)]
    kind: Place
    title: str
    register: str | None = None
    field: str | None = None
    address: str | None = None
    grade: Grade = "full"
    agreed: bool | None = None
    """Whether both of two readers named it; None with one reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldLabel:
    """What a reader says of one symbol: nothing specifies it (nil), or these places do, best first."""

    file: str
    """The datasheet's file name."""
    set: str
    """The name of the source tree."""
    path: str
    line: Annotated[int, Field(ge=1, strict=True)]
    kind: LabelKind
    name: Annotated[str, Field(min_length=1)]
    scope: str | None
    nil: bool
    anchors: tuple[GoldAnchor, ...]
    readers: Annotated[int, Field(ge=1, strict=True)] = 1
    conflict: bool = False
    """Code and datasheet disagree; the note says how."""
    note: str = ""
    reader: str = ""
    date: str = ""
    """Of the reading, UTC, ISO 8601."""
    tool: str = ""

    @property
    def key(self) -> LabelKey:
        return (self.file, self.path, self.kind, self.scope, self.name)


_LABEL: TypeAdapter[GoldLabel] = TypeAdapter(GoldLabel)


def label_kind(symbol: Symbol) -> LabelKind:
    """Return the kind that a symbol has in gold."""
    return "struct_member" if symbol.form == "member" else symbol.kind


def anchor_of(link: TraceLink) -> GoldAnchor:
    """Return a proposed link's datasheet end as an anchor of gold."""
    anchor = link.anchor
    return GoldAnchor(
        page=anchor.page,
        kind=anchor.place,
        title=anchor.title,
        register=anchor.register,
        field=anchor.field,
        address=None if anchor.address is None else f"0x{anchor.address:02X}",
        grade=link.grade,
    )


def label_line(label: GoldLabel) -> dict[str, object]:
    """Return a label as one JSON line's object; what is not known is left out, as in lines of other readers."""
    line: dict[str, object] = {
        "level": "symbol",
        "source": "read",
        "readers": label.readers,
        "file": label.file,
        "set": label.set,
        "path": label.path,
        "line": label.line,
        "kind": label.kind,
        "name": label.name,
        "scope": label.scope,
        "nil": label.nil,
        "anchors": [_anchor_object(anchor) for anchor in label.anchors],
    }
    optional: dict[str, object] = {
        "conflict": label.conflict,
        "note": label.note,
        "reader": label.reader,
        "date": label.date,
        "tool": label.tool,
    }
    return line | {key: value for key, value in optional.items() if value}


def read_label(row: Mapping[str, object]) -> GoldLabel:
    """Return the label of a line made by reading. Raises FormatError with every key that is wrong."""
    if problems := label_problems(row):
        raise FormatError("; ".join(problems))
    return _LABEL.validate_python(dict(row))


def label_problems(row: Mapping[str, object]) -> tuple[str, ...]:
    """Return what is wrong with a line made by reading, each as `key: what was expected, what came`."""
    try:
        label = _LABEL.validate_python(dict(row))
    except ValidationError as error:
        return tuple(_problem(detail) for detail in error.errors())
    problems = []
    if label.nil != (not label.anchors):
        problems.append(f"nil: {str(not label.anchors).lower()} expected with {len(label.anchors)} anchors")
    if len(label.anchors) > MAX_ANCHORS * label.readers:
        problems.append(f"anchors: {MAX_ANCHORS * label.readers} at most expected, got {len(label.anchors)}")
    return tuple(problems)


def _problem(detail: ErrorDetails) -> str:
    place = ""
    for piece in detail["loc"]:
        place += f"[{piece}]" if isinstance(piece, int) else f".{piece}" if place else str(piece)
    if detail["type"] == "missing":
        return f"{place}: missing"
    return f"{place}: {detail['msg']}, got {detail['input']!r}"


def _anchor_object(anchor: GoldAnchor) -> dict[str, object]:
    entry: dict[str, object] = {
        "page": anchor.page,
        "kind": anchor.kind,
        "title": anchor.title,
        "register": anchor.register,
        "field": anchor.field,
        "address": anchor.address,
        "grade": anchor.grade,
    }
    return entry if anchor.agreed is None else entry | {"agreed": anchor.agreed}
