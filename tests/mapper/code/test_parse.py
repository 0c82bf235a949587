"""parse_file on C and C++."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapper.code import is_relevant_path, parse_file, parse_files
from mapper.errors import SourceError
from mapper.model import SourceFile, Symbol

DRIVER = b"""/* SPDX-License-Identifier: MIT */
// Driver of the XY12 thermometer.
#ifndef XY12_H
#define XY12_H
#include <stdint.h>
#include "bus.h"

#define XY12_REG_TEMP   0x05  // ambient temperature
#define XY12_TEMP_MASK  0x1F  /* valid bits */
#ifndef XY12_TIMEOUT_MS
#define XY12_TIMEOUT_MS (10 * 2)
#endif

/** How fine the steps are. */
typedef enum {
    XY12_COARSE,        //!< half a degree
    XY12_FINE = 0x02,
    XY12_FINEST
} xy12_step_t;

typedef struct xy12_s { uint8_t step; uint16_t raw : 13; } xy12_t;

static const uint8_t xy12_id = 0x54;
int xy12_read(xy12_t *dev, int16_t *out);

/* Reads the temperature. */
#if XY12_FAST
int xy12_read(xy12_t *dev, int16_t *out)
{
    uint8_t buf[2]; /* high, low */
    return bus_read(dev, XY12_REG_TEMP, buf, CONFIG_XY12_RETRIES);
}
#endif
#endif
"""


def by_name(file: SourceFile) -> dict[str, Symbol]:
    return {symbol.name: symbol for symbol in file.symbols}


@pytest.fixture
def driver() -> SourceFile:
    return parse_file("drivers/xy12/xy12.h", DRIVER)


def test_each_kind_is_found(driver: SourceFile) -> None:
    """A small header gives symbols of all six kinds, in order of their lines."""
    found = [(symbol.name, symbol.kind, symbol.form) for symbol in driver.symbols]

    assert found == [
        ("XY12_H", "macro", "guard"),
        ("XY12_REG_TEMP", "register", "macro"),
        ("XY12_TEMP_MASK", "macro", "macro"),
        ("XY12_TIMEOUT_MS", "config", "default"),
        ("XY12_COARSE", "constant", "enumerator"),
        ("XY12_FINE", "constant", "enumerator"),
        ("XY12_FINEST", "constant", "enumerator"),
        ("xy12_step_t", "struct", "typedef"),
        ("raw", "struct", "member"),
        ("step", "struct", "member"),
        ("xy12_s", "struct", "struct"),
        ("xy12_t", "struct", "typedef"),
        ("xy12_id", "constant", "const"),
        ("xy12_read", "function", "function"),
        ("CONFIG_XY12_RETRIES", "config", "use"),
    ]


def test_values_are_evaluated(driver: SourceFile) -> None:
    """Macros, implicit enumerators and const objects carry their integers."""
    values = {name: symbol.value for name, symbol in by_name(driver).items() if symbol.value is not None}

    assert values == {
        "XY12_REG_TEMP": 5,
        "XY12_TEMP_MASK": 0x1F,
        "XY12_TIMEOUT_MS": 20,
        "XY12_COARSE": 0,
        "XY12_FINE": 2,
        "XY12_FINEST": 3,
        "xy12_id": 0x54,
    }


def test_function_has_references_comment_and_guard(driver: SourceFile) -> None:
    """A function knows what its body uses, the comment above it, and the condition it stands under."""
    function = by_name(driver)["xy12_read"]

    assert function.references == ("buf", "bus_read", "dev", "XY12_REG_TEMP", "CONFIG_XY12_RETRIES")
    assert function.guard == "XY12_FAST"
    assert (function.line, function.end_line) == (28, 32)
    assert function.declaration == "int xy12_read(xy12_t *dev, int16_t *out)"


def test_comments_stand_above_or_behind(driver: SourceFile) -> None:
    """Definitions of one line take the comment behind them, others the one above."""
    symbols = by_name(driver)

    assert symbols["XY12_REG_TEMP"].comment == "ambient temperature"
    assert symbols["XY12_COARSE"].comment == "half a degree"
    assert symbols["xy12_step_t"].comment == "How fine the steps are."


def test_members_have_their_struct_as_scope(driver: SourceFile) -> None:
    """A member's scope is the struct's tag, an enumerator's the typedef of its nameless enum."""
    symbols = by_name(driver)

    assert symbols["raw"].qualified_name == "xy12_s.raw"
    assert symbols["XY12_FINE"].scope == "xy12_step_t"


def test_file_says_what_it_is(driver: SourceFile) -> None:
    """Header comment, licence, includes, identifier words and git's blob id are read."""
    assert driver.header_comment == "SPDX-License-Identifier: MIT\nDriver of the XY12 thermometer."
    assert driver.licence == "MIT"
    assert driver.includes == ("stdint.h", "bus.h")
    assert dict(driver.identifiers)["XY12_REG_TEMP"] == 2
    assert driver.blob_id == hashlib.sha1(b"blob %d\0" % len(DRIVER) + DRIVER).hexdigest()
    assert (driver.language, driver.role, driver.bytes_under_error) == ("c", "driver", 0)


def test_prototype_counts_where_nothing_is_defined() -> None:
    """A function that is only declared is a symbol with form prototype, once."""
    file = parse_file("a.h", b"int f(int a);\nint f(int a);\nextern void (*hook)(int);\n")

    assert [(symbol.name, symbol.form) for symbol in file.symbols] == [("f", "prototype")]


def test_revision_ignores_comments_and_white_space() -> None:
    """A symbol's revision changes with its code alone."""
    first = parse_file("a.c", b"int f(int a) { return a + 1; }")
    same = parse_file("a.c", b"/* new */\nint f(int a)\n{\n\treturn a+1; // one more\n}\n")
    other = parse_file("a.c", b"int f(int a) { return a + 2; }")

    assert first.symbols[0].revision == same.symbols[0].revision
    assert first.symbols[0].revision != other.symbols[0].revision


def test_cpp_header_is_read_as_cpp() -> None:
    """A header that shows a class goes to the C++ grammar; methods have the class as scope."""
    data = (
        b"namespace bus {\nclass Port {\n public:\n  int get() const { return value_; }\n"
        b"  void set(int v);\n private:\n  int value_ = 0;\n};\n}\n"
    )

    file = parse_file("port.h", data)

    assert file.language == "cpp"
    assert [(symbol.scope, symbol.name, symbol.form) for symbol in file.symbols] == [
        ("bus", "Port", "class"),
        ("bus::Port", "get", "function"),
        ("bus::Port", "set", "prototype"),
        ("bus::Port", "value_", "member"),
    ]


def test_method_outside_its_class_has_the_class_as_scope() -> None:
    """`void Port::set(...)` is the function set of Port."""
    symbol = parse_file("port.cpp", b"void Port::set(int v) { value_ = v; }\n").symbols[0]

    assert (symbol.scope, symbol.name) == ("Port", "set")


def test_operators_keep_their_names() -> None:
    """Operators are functions, by the names they are written with."""
    inside = b"  int operator()(int a) { return a; }\n  A &operator=(const A &o) = default;\n"
    data = b"struct A {\n" + inside + b"};\nA::operator bool() { return 1; }\n"

    found = [(symbol.scope, symbol.name, symbol.form) for symbol in parse_file("a.cpp", data).symbols]

    assert found[1:] == [
        ("A", "operator()", "function"),
        ("A", "operator=", "prototype"),
        ("A", "operator bool", "function"),
    ]


def test_word_class_in_comment_is_no_cpp() -> None:
    """Prose about classes leaves a header with the C grammar."""
    assert parse_file("a.h", b"/*\nclass of device: see std::\n*/\nint x(void);\n").language == "c"


def test_lost_parser_leaves_macros() -> None:
    """What the parser cannot read still gives its #defines and what stands whole around it."""
    file = parse_file("a.c", b"#define REG_A 0x10\n@@@ ((( {{{\n#define REG_B 0x11\nint f(void) { return 1; }\n")

    assert {"REG_A", "REG_B"} <= set(by_name(file))
    assert file.bytes_under_error > 0


def test_condition_through_a_construct_is_read() -> None:
    """A struct whose head stands in both branches of a condition keeps its members."""
    head = b"#if WIDE\ntypedef struct __Dev\n#else\ntypedef struct\n#endif\n"
    data = head + b"{\n  int a;\n#if WIDE\n  int b;\n#endif\n} Dev;\n"

    names = set(by_name(parse_file("a.h", data)))

    assert {"__Dev", "a", "b", "Dev"} <= names


def test_macro_in_comment_is_none() -> None:
    """A #define inside a block comment is text."""
    assert parse_file("a.h", b"/*\n#define OLD 1\n*/\n#define NEW 2 \\\n  + 1\n").symbols[0].value == 3


def test_other_branch_negates_its_condition() -> None:
    """Guards: #else is the negation, #elif its own condition, an include guard nothing."""
    branches = b"#ifdef A\n#define X 1\n#elif B > 1\n#define X 2\n#else\n#define X 3\n#endif\n"
    data = b"#ifndef H\n#define H\n" + branches + b"#define Y 4\n#endif\n"

    guards = [symbol.guard for symbol in parse_file("a.h", data).symbols if symbol.form == "macro"]

    assert guards == ["defined(A)", "B > 1", "!(B > 1)", None]


def test_short_strings_are_kept() -> None:
    """Device ids are strings; formats, includes and long texts are none."""
    data = b'#include "a.h"\nstatic const char *ids[] = { "acme,xy12", "%d C\\n", "' + b"x" * 60 + b'" };\n'

    assert parse_file("a.c", data).strings == ("acme,xy12",)


def test_large_and_binary_files_are_refused() -> None:
    """A 17 MB header, a device tree of 2 MB and a file with NUL bytes raise, each with its reason."""
    with pytest.raises(SourceError, match="at most 16000000 expected") as large:
        parse_file("regs.h", b"#define A 1\n" * 1_400_000)
    with pytest.raises(SourceError, match="at most 2000000 expected"):
        parse_file("a.dts", b" " * 2_000_001)
    with pytest.raises(SourceError, match="NUL byte at offset 3") as binary:
        parse_file("a.c", b"int\0")

    assert (large.value.reason, binary.value.reason) == ("too_large", "binary")
    assert [file.path for file in parse_files([("a.c", b"\0"), ("b.c", b"")])] == ["b.c"]


def test_large_header_gives_its_macros() -> None:
    """Beyond the parser's limit the line scan goes on alone: macros with values, no declarations."""
    file = parse_file(
        "regs.h", b"int f(void);\n" + b"".join(b"#define REG_%d 0x%X // %100d\n" % (n, n, n) for n in range(20_000))
    )

    assert file.num_bytes > 2_000_000
    assert len(file.symbols) == 20_000
    assert (file.symbols[-1].name, file.symbols[-1].value) == ("REG_19999", 19_999)


def test_byte_order_mark_hides_nothing() -> None:
    """A directive behind a byte order mark counts."""
    assert parse_file("a.h", b"\xef\xbb\xbf#define A 1\n").symbols[0].name == "A"


def test_macros_that_make_symbols_break_nothing() -> None:
    """X-macro lists and defining macros are no symbols; what stands around them is."""
    data = b"#define LIST X(A) X(B)\n#define X(n) n,\nenum e { FIRST, LIST };\n#undef X\n"
    data += b"DEFINE_THING(one);\nDEFINE_BODY(two) { return 1; }\nint f(void);\n"

    assert {"LIST", "X", "e", "FIRST", "f"} <= set(by_name(parse_file("a.c", data)))


def test_file_that_includes_itself_is_read_once() -> None:
    """Includes are names, never followed, so a circle of them is no circle."""
    assert parse_file("a.h", b'#include "b.h"\n#include "a.h"\n#include "b.h"\n').includes == ("b.h", "a.h")


def test_latin1_is_accepted() -> None:
    """Invalid UTF-8 is read as latin-1, valid UTF-8 as itself."""
    assert parse_file("a.c", "int a(void); // 5 µA".encode("latin-1")).symbols[0].comment == "5 µA"
    assert parse_file("a.c", "int a(void); // 5 µA".encode()).symbols[0].comment == "5 µA"


def test_deep_nesting_is_survived() -> None:
    """Ten thousand nested braces, parentheses and conditions neither recurse nor raise."""
    long_line = b"int a = " + b"1 + " * 200_000 + b"1;"
    for data in (long_line, b"{" * 10_000, b"int a = " + b"(" * 10_000, b"#if A\n" * 10_000, b"struct a {" * 5_000):
        parse_file("a.c", data)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="int f(){};#define A 0x1\n\"'/*\\ struct,<>:=é", max_size=200))
def test_any_text_gives_the_same_file_twice(text: str) -> None:
    """Parsing never raises on text and depends on nothing but it."""
    assert parse_file("a.h", text.encode()) == parse_file("a.h", text.encode())


def test_relevant_paths() -> None:
    """Source code is relevant; documents, images and lock files are not."""
    assert all(
        map(is_relevant_path, ("a/b.c", "x.HPP", "start.S", "board.dts", "Kconfig.projbuild", "app.ld", "a.ino"))
    )
    assert not any(map(is_relevant_path, ("README.md", "a.png", "sheet.pdf", "poetry.lock", "a.py", "Makefile")))
