"""Byte offsets of the members of structs and unions, from their own text, as C lays them out.

Sizes are those of a 32-bit target: int, long and pointers have four bytes. What cannot be known from the file (a type
of another file, a length that is no constant, a condition in the body, a base class) leaves that member and those
behind it without an offset.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mapper.code.c.defines import Preprocessor
from mapper.code.c.symbols import Aggregate, Declaration, Parsed
from mapper.code.text import SourceText
from mapper.code.values import evaluate

POINTER_BYTES = 4
MAX_TYPE_CHAIN = 16

_FIXED = re.compile(r"(?:__|v|std::)?[us]?_?(?:int)?_?(8|16|32|64)(?:_t)?|\w*Reg(8|16|32)", re.IGNORECASE)
_BYTES_OF_WORD = {
    **dict.fromkeys(("char", "bool", "_Bool", "byte", "uchar", "u_char", "BYTE"), 1),
    **dict.fromkeys(("short", "ushort", "u_short"), 2),
    "double": 8,
    **dict.fromkeys(("int", "long", "uint", "ulong", "unsigned", "signed", "float", "size_t", "uintptr_t"), 4),
}
_TAGGED = re.compile(r"\b(struct|union|enum)\s+(?:\w+\s+)*?(\w+)\s*$")
_PACKED = re.compile(r"packed", re.IGNORECASE)
_PRAGMA_PACK = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+pack[ \t]*\(([^)\n]*)\)", re.MULTILINE)
_UNKNOWN_LAYOUT = re.compile(r"\b(?:virtual|alignas|_Alignas|__aligned|aligned|static)\b")
_WORD = re.compile(r"[A-Za-z_][\w:]*")
_DIMENSIONS = re.compile(r"\s*((?:\[[^\]]*\]\s*)*)(?::\s*([^,;{}]+))?")
_DIMENSION = re.compile(r"\[([^\]]*)\]")
_UNNAMED_BITS = re.compile(r"([A-Za-z_][\w \t]*?)\s*:\s*(\w+)\s*;")


class _Size(NamedTuple):
    num_bytes: int
    alignment: int


@dataclass(slots=True)
class _Cursor:
    """Where the next member of an aggregate goes."""

    is_union: bool
    cap: int | None
    """Largest alignment (packed: 1)."""
    bit: int | None = 0
    """Next free bit; None once it is not known."""
    end: int = 0
    alignment: int = 1

    def place(self, size: _Size | None, count: int | None, width: int | None) -> int | None:
        """Return the byte offset of the next member and go on behind it."""
        if self.is_union:
            self.bit = None if self.bit is None else 0
        if self.bit is None or size is None:
            known = 0 if self.is_union or self.bit == 0 else None
            self.bit = None
            return known
        alignment = size.alignment if self.cap is None else min(size.alignment, self.cap)
        self.alignment = max(self.alignment, alignment)
        unit = 8 * size.num_bytes
        if width is not None:
            if unit == 0 or width == 0 or self.bit % unit + width > unit:
                self.bit = _rounded(self.bit, max(unit, 8))
            offset = self.bit // max(unit, 8) * size.num_bytes
            self.bit += width
        else:
            offset = _rounded(self.bit, 8 * alignment) // 8
            self.bit = None if count is None else 8 * (offset + size.num_bytes * count)
        self.end = max(self.end, 0 if self.bit is None else self.bit)
        return offset

    def size(self) -> _Size | None:
        """Return the size of the whole, or None when a member's size is not known."""
        return None if self.bit is None else _Size(_rounded(self.end, 8 * self.alignment) // 8, self.alignment)


def member_offsets(
    source: SourceText, preprocessor: Preprocessor, parsed: Parsed, values: Mapping[str, int]
) -> dict[int, int]:
    """Return the offset in bytes of each member whose place is known, by the offset of its name in the text.

    A member of an unnamed struct or union within another counts from the start of the one around it.
    """
    if not any(each.form == "member" for each in parsed.declarations):
        return {}
    layout = _Layout(source, preprocessor, parsed, values)
    found: dict[int, int] = {}
    for each in sorted(parsed.aggregates, key=lambda each: each.end):  # inner ones and earlier ones first
        found.update(layout.lay(each))
    return found


class _Layout:
    """Sizes of the types of one file, and the offsets of their members."""

    def __init__(
        self, source: SourceText, preprocessor: Preprocessor, parsed: Parsed, values: Mapping[str, int]
    ) -> None:
        self._code = source.code
        self._line_of = source.line_of
        self._line_start = source.line_start
        self._preprocessor = preprocessor
        self._values = values
        self._starts = sorted(each.start for each in parsed.aggregates)
        self._by_tag = {(each.form, each.tag): each.start for each in parsed.aggregates if each.tag}
        self._typedefs = {each.name: each for each in parsed.declarations if each.form == "typedef"}
        self._pragmas = [(match.start(), match[1]) for match in _PRAGMA_PACK.finditer(source.code)]
        self._sizes: dict[int, _Size | None] = {}
        self._laid: dict[int, dict[int, int]] = {}
        self._members: dict[int, list[Declaration]] = {}
        for each in parsed.declarations:
            if each.form == "member":
                self._members.setdefault(each.group, []).append(each)
        self._unnamed = self._find_unnamed(parsed.aggregates)

    def lay(self, aggregate: Aggregate) -> dict[int, int]:
        """Return the offsets of an aggregate's members, and remember them and its size."""
        offsets = self._laid[aggregate.start] = {}
        head = self._code[aggregate.start : aggregate.body]
        if ":" in head or _UNKNOWN_LAYOUT.search(head):
            return offsets
        cursor = _Cursor(is_union=aggregate.form == "union", cap=self._cap(aggregate))
        changed = self._preprocessor.condition_after(self._line_of(aggregate.body))
        stop = aggregate.end if changed is None else min(self._line_start(changed), aggregate.end)
        before: Declaration | None = None
        at = aggregate.body + 1
        fields: list[Declaration | Aggregate] = [*self._members.get(aggregate.start, ())]
        fields = sorted([*fields, *self._unnamed.get(aggregate.start, ())], key=_position)
        for each in fields:
            if each.start >= stop or cursor.bit is None:
                break
            self._skip_unnamed_bits(cursor, at, each.start)
            at = each.end
            if isinstance(each, Aggregate):
                offset = cursor.place(self._sizes.get(each.start), 1, None)
                if offset is not None:
                    offsets.update(
                        {name_at: offset + inner for name_at, inner in self._laid.get(each.start, {}).items()}
                    )
            else:
                shares = before is not None and before.start == each.start
                offset = cursor.place(*self._member(each, before if shares else None))
                if offset is not None:
                    offsets[each.name_at] = offset
            before = each if isinstance(each, Declaration) else None
        if stop == aggregate.end:
            self._skip_unnamed_bits(cursor, at, aggregate.end)
            self._sizes[aggregate.start] = cursor.size()
        return offsets

    def _member(self, each: Declaration, before: Declaration | None) -> tuple[_Size | None, int | None, int | None]:
        """Return the size of a member's type, how many it has, and its width in bits; `before` shares its type."""
        code = self._code
        text = code[each.start : each.end]
        if _UNKNOWN_LAYOUT.search(text):
            return None, None, None
        inner = self._aggregate_in(each.start, each.end)
        ahead = code[before.name_at + len(before.name) if before else each.start : each.name_at]
        ahead = ahead.rpartition(",")[2] if before else ahead.rpartition("}")[2]
        if "*" in ahead:
            size: _Size | None = _Size(POINTER_BYTES, POINTER_BYTES)
        elif inner is not None:
            size = self._sizes.get(inner)
        else:
            first = next(other for other in self._members[each.group] if other.start == each.start)
            size = self._size_of(code[each.start : first.name_at])
        match = _DIMENSIONS.match(code, each.name_at + len(each.name), each.end)
        assert match is not None  # every part of the pattern may be empty
        count: int | None = 1
        for dimension in _DIMENSION.findall(match[1]):
            length = evaluate(dimension.strip(), self._values)
            count = None if length is None or count is None or length < 0 else count * length
        width = evaluate(match[2].strip(), self._values) if match[2] else None
        return (None, None, None) if match[2] and width is None else (size, count, width)

    def _size_of(self, text: str, chain: int = 0) -> _Size | None:
        """Return the size of the type that a text names."""
        if tagged := _TAGGED.search(text):
            if tagged[1] == "enum":
                return _Size(4, 4)
            start = self._by_tag.get((tagged[1], tagged[2]))
            return None if start is None else self._sizes.get(start)
        words = _WORD.findall(text)
        if words.count("long") > 1:
            return _Size(8, 8)
        for word in words:
            if match := _FIXED.fullmatch(word):
                num_bytes = int(match[1] or match[2]) // 8
                return _Size(num_bytes, num_bytes)
        for word, num_bytes in _BYTES_OF_WORD.items():
            if word in words:
                return _Size(num_bytes, num_bytes)
        typedef = next((self._typedefs[word] for word in words if word in self._typedefs), None)
        if typedef is None or chain > MAX_TYPE_CHAIN:
            return None
        inner = self._aggregate_in(typedef.start, typedef.end)
        if inner is not None:
            return self._sizes.get(inner)
        named = self._code[typedef.start : typedef.name_at]
        if "*" in named:
            return _Size(POINTER_BYTES, POINTER_BYTES)
        if "{" in named:
            return _Size(4, 4)  # an enum
        if "[" in self._code[typedef.name_at : typedef.end]:
            return None
        return self._size_of(named.replace("typedef", " "), chain + 1)

    def _find_unnamed(self, aggregates: Sequence[Aggregate]) -> dict[int, list[Aggregate]]:
        """Return, by the aggregate around them, those that are members without a name."""
        found: dict[int, list[Aggregate]] = {}
        around: list[Aggregate] = []
        for each in sorted(aggregates, key=lambda each: each.start):
            while around and around[-1].end <= each.start:
                around.pop()
            if around and each.tag is None:
                named = self._members.get(around[-1].start, ())
                if not any(member.start <= each.start < member.end for member in named):
                    found.setdefault(around[-1].start, []).append(each)
            around.append(each)
        return found

    def _aggregate_in(self, start: int, end: int) -> int | None:
        at = bisect_left(self._starts, start)
        return self._starts[at] if at < len(self._starts) and self._starts[at] < end else None

    def _skip_unnamed_bits(self, cursor: _Cursor, start: int, end: int) -> None:
        if ":" in self._code[start:end]:
            for match in _UNNAMED_BITS.finditer(self._code, start, end):
                width = evaluate(match[2], self._values)
                cursor.place(self._size_of(match[1]) if width is not None else None, 1, width)

    def _cap(self, aggregate: Aggregate) -> int | None:
        line_start = self._code.rfind("\n", 0, aggregate.start) + 1
        end = self._code.find(";", aggregate.end, aggregate.end + 200)
        around = self._code[line_start : aggregate.body] + self._code[aggregate.end : max(end, aggregate.end)]
        if _PACKED.search(around):
            return 1
        cap: int | None = None
        for start, argument in self._pragmas:
            if start < aggregate.start:
                digits = re.search(r"\d+", argument)
                cap = int(digits[0]) if digits else None
        return cap


def _position(field: Declaration | Aggregate) -> int:
    return field.name_at if isinstance(field, Declaration) else field.start


def _rounded(number: int, unit: int) -> int:
    return -(-number // unit) * unit
