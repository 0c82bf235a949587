"""Byte offsets of struct members."""

import pytest

from mapper.code import parse_file


def offsets(data: bytes, path: str = "a.h") -> dict[str, int | None]:
    """Return each member's offset by its qualified name."""
    return {each.qualified_name: each.offset for each in parse_file(path, data).symbols if each.form == "member"}


def test_members_are_aligned_to_their_size() -> None:
    """Offsets follow C's alignment; several names of one type and arrays take their room."""
    data = b"struct A { uint8_t a, b[3], c; uint32_t d; uint8_t e; double f; char *g, h; void (*i)(int, int); };"

    assert list(offsets(data).values()) == [0, 1, 4, 8, 12, 16, 24, 28, 32]


def test_reserved_filler_moves_what_follows() -> None:
    """The length of a filler may be an expression over the file's own macros."""
    data = b"#define N 4\ntypedef struct { __IO uint32_t CR; uint32_t RESERVED[(0x20 - N) / 4]; __IO uint32_t SR; } T;"

    assert offsets(data) == {"T.CR": 0, "T.RESERVED": 4, "T.SR": 0x20}


def test_unnamed_inner_members_count_from_the_outer_one() -> None:
    """Members of an unnamed union overlap at its place; those of a named inner struct count from its own start."""
    data = b"struct A { uint32_t x; union { uint32_t a; uint8_t b; }; struct { uint16_t lo, hi; } in[2]; uint8_t y; };"

    found = offsets(data)

    assert {found["A.a"], found["A.b"]} == {4}
    assert (found["A::in.lo"], found["A::in.hi"], found["A.in"], found["A.y"]) == (0, 2, 8, 16)


def test_types_of_the_file_are_known() -> None:
    """Structs by tag and by typedef, enums and plain typedefs have their size."""
    data = b"typedef uint16_t reg_t; enum e { E }; struct In { reg_t a; uint8_t b; }; typedef struct In in_t;\n"
    data += b"struct Out { in_t i[2]; enum e e; struct In j; uint8_t k; };"

    found = offsets(data)

    assert [found[f"Out.{name}"] for name in "iejk"] == [0, 8, 12, 16]


def test_bit_fields_share_their_unit() -> None:
    """A bit field's offset is that of its storage unit; unnamed ones take bits, width 0 ends the unit."""
    data = b"struct A { uint32_t a : 20; uint32_t : 12; uint32_t b : 1; uint32_t : 0; uint32_t c : 3; uint8_t d; };"

    assert list(offsets(data).values()) == [0, 4, 8, 9]


@pytest.mark.parametrize(
    "data",
    [
        b"struct __attribute__((packed)) A { uint8_t a; uint32_t b; };",
        b"struct A { uint8_t a; uint32_t b; } __attribute__((packed));",
        b"#pragma pack(push, 1)\nstruct A { uint8_t a; uint32_t b; };",
    ],
)
def test_packed_members_follow_each_other(data: bytes) -> None:
    """A packed struct has no holes, however that is written."""
    assert list(offsets(data).values()) == [0, 1]


@pytest.mark.parametrize(
    "data",
    [
        b"struct A { other_t x; int b; };",
        b"struct A { int x[OTHER]; int b; };",
        b"struct A { int x;\n#if B\nint y;\n#endif\nint b; };",
        b"struct A { int x; int a[sizeof(int)]; int b; };",
    ],
)
def test_what_the_file_does_not_tell_has_no_offset(data: bytes) -> None:
    """A foreign type, an unknown length and a condition leave the members behind them without an offset."""
    assert offsets(data)["A.b"] is None
    assert offsets(data)["A.x"] == 0


def test_base_class_leaves_offsets_unknown() -> None:
    """Members of a derived class stand behind those of another file."""
    assert offsets(b"struct A : public B { int x; };", "a.hpp") == {"A.x": None}
