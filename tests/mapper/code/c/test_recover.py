"""Reading what no grammar can follow as it stands."""

import time

import pytest

from mapper.code import parse_file


def names(data: bytes, path: str = "a.c") -> set[str]:
    """Return the names that a file defines, macros left out."""
    return {symbol.name for symbol in parse_file(path, data).symbols if symbol.form not in ("macro", "use")}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"typedef struct { int a; } ACME_PACKED acme_t;\nint f(void);\n", {"a", "acme_t", "f"}),
        (b"ACME_API int *f(void);\nint g(void) ACME_PURE { return 1; }\n", {"f", "g"}),
        (b"PACK_BEGIN\nstruct s {\n  FIELD(int a);\n} PACK_STRUCT;\nPACK_END\nint f(void);\n", {"s", "a", "f"}),
        (b"board_set(WIFI, 1)\nboard_set(BT, 0)\nint f(void) { return 1; }\n", {"f"}),
        (b'const char *s = "a" PRIx32 "b" SUFFIX;\nint f(void);\n', {"s", "f"}),
        (b"struct s { struct s * configVOLATILE next; int a; };\n", {"s", "next", "a"}),
        (b"static DEVICE_ATTR_RO(a);\nstatic DEVICE_ATTR_RO(b);\nint f(void) { return 1; }\n", {"f"}),
    ],
)
def test_macros_do_not_hide_declarations(data: bytes, expected: set[str]) -> None:
    """Packing words, qualifiers, statements and literals made of macros leave what stands around them."""
    assert names(data) == expected


def test_condition_through_initialiser_and_fields() -> None:
    """Conditions inside an initialiser, a field list and around an else lose nothing of the file."""
    data = b"static const int t[] = {\n  1,\n#if A\n  2 }\n#else\n  3 }\n#endif\n;\n"
    data += b"struct s {\n#if A\n  int a;\n#endif\n  int b;\n};\n"
    data += b"int f(int x) {\n  if (x) { return 1; }\n#if A\n  else {\n#else\n  else if (x > 1) {\n#endif\n"
    data += b"  return 2; }\n}\n"

    assert {"t", "s", "a", "b", "f"} <= names(data)


def test_head_in_two_branches_gives_its_function() -> None:
    """A function whose head stands in each branch of a condition is found, and what follows it."""
    data = b"#if A\nstatic int f(int a)\n#else\nint f(int a)\n#endif\n{\n  return a;\n}\nint g(void) { return 2; }\n"

    assert {"f", "g"} <= names(data)


def test_names_that_qualify_nothing_stay() -> None:
    """Capital type names and enumerators beside an error are no macros."""
    data = b"typedef enum { RED,\n#if A\n  GREEN\n#endif\n} COLOUR;\ntypedef struct { int a; } POINT;\n@ @ @\n"

    assert {"RED", "GREEN", "COLOUR", "POINT"} <= names(data)


def test_body_hides_what_is_lost_in_it() -> None:
    """Nonsense inside a function body is no error, and a method's body leaves a method."""
    file = parse_file("a.cpp", b"class A {\n  int get() { FOR(x) @ return 1; }\n};\nvoid A::set() { ### }\n")

    assert [(symbol.name, symbol.form) for symbol in file.symbols] == [
        ("A", "class"),
        ("get", "function"),
        ("set", "function"),
    ]
    assert file.bytes_under_error == 0


@pytest.mark.parametrize(
    "piece",
    [b"A(", b"A(B) ", b"} A_B ", b"#if A\n", b"A\n\n", b"* A b", b'"a" B ', b"{ 1, ", b"struct {", b"    \n", b";#a\n"],
)
def test_time_is_bounded(piece: bytes) -> None:
    """Repetitions of what the trials look for take a time that grows with the file, not with its square."""
    start = time.process_time()

    parse_file("a.c", b"@ " + piece * (60_000 // len(piece)))

    assert time.process_time() - start < 5
