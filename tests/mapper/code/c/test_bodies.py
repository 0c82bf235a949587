"""What the parser never sees: function bodies, tables of numbers, macro calls as statements."""

import pytest

from mapper.code.c.bodies import without_bodies


def left(code: bytes) -> bytes:
    """Return what stays, white space closed up."""
    return b" ".join(without_bodies(code).split())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (b"int f(void) { return 1; }", b"int f(void) {; }"),
        (b"int f(void)\n{\n  if (x) { g(); }\n}\nint h;", b"int f(void) {; } int h;"),
        (b"int A::f() const override { g(); }", b"int A::f() const override {; }"),
        (b"struct s { int a; };", b"struct s { int a; };"),
        (b"int a[] = { 1, 2 };", b"int a[] = { 1, 2 };"),
        (b"enum e { A = (1), B };", b"enum e { A = (1), B };"),
    ],
)
def test_only_bodies_of_functions_go(code: bytes, expected: bytes) -> None:
    """What stands behind a parameter list's brace goes, and a statement's end stays in its place; types stay."""
    assert left(code) == expected


def test_offsets_hold() -> None:
    """What goes leaves as many spaces."""
    code = b"int f(void) {\n  g();\n  h();\n}\nint after;\n"

    out = without_bodies(code)

    assert (len(out), out.find(b"after")) == (len(code), code.find(b"after"))


def test_a_head_in_two_branches_has_one_body() -> None:
    """Two heads under one condition open one body by the first branch's brace; what follows is not taken for it."""
    code = b"#if A\nint f(int a) {\n#else\nint f(void) {\n#endif\n  g();\n}\nint after(void) { h(); }\n"

    out = left(code)

    assert b"h();" not in out
    assert out.endswith(b"int after(void) {; }")


def test_a_brace_too_many_ends_the_search() -> None:
    """Behind it nothing is certain, so all stays."""
    assert left(b"int f(void) { a(); }\n}\nint g(void) { b(); }") == b"int f(void) {; } } int g(void) { b(); }"


def test_a_branch_that_never_counts_opens_nothing() -> None:
    """Of "#if 0" the other branch's braces count."""
    code = b"#if 0\nint f(void) {\n#else\nint g(void) { a(); }\n#endif\nint h(void) { b(); }\n"

    assert b"b();" not in left(code)


def test_long_tables_of_numbers_go() -> None:
    """A font's bytes declare nothing; a short list stays, as does one with names."""
    numbers = b"0x00, " * 100
    assert left(b"const char font[] = { " + numbers + b"};") == b"const char font[] = { };"
    assert b"NAME" in left(b"int t[] = { NAME, " + numbers + b"};")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (b"int a;\nMODULE_THING(x, y);\nint b;", b"int a; int b;"),
        (b"int a;\nMODULE_THING(x)\nint b;", b"int a; int b;"),
        (b"struct s {\nFIELD(int a);\nint b; };", b"struct s { int a ; int b; };"),
        (b"class XY12 {\nXY12(int a);\n};", b"class XY12 { XY12(int a); };"),
        (b"int\nVALUE_OF(x);", b"int VALUE_OF(x);"),
        (b"int a;\nDEFINE_BODY(two)\n{ b(); }", b"int a; DEFINE_BODY(two) {; }"),
    ],
)
def test_calls_of_macros_go_where_a_declaration_could_begin(code: bytes, expected: bytes) -> None:
    """Statements go, a wrapped field stays, and so do constructors, names behind a type and what has a body."""
    assert left(code) == expected
