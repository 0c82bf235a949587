"""Blanking before the parse."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mapper.code.c import blank as blanking
from mapper.code.c.blank import first_branches
from mapper.code.c.defines import Preprocessor
from mapper.code.text import SourceText


def blank(data: bytes) -> bytes:
    """Return what `blank` makes of a whole file, comments and literals found first."""
    source = SourceText(data)
    words = set(re.findall(r"[A-Za-z_]\w+", source.text))
    preprocessor = Preprocessor(source)
    directives = sorted([*preprocessor.plain_spans, *preprocessor.condition_spans])
    return blanking.blank(source.code.encode("latin-1"), words, directives, source.string_spans)


def test_extern_c_guards_become_spaces() -> None:
    """Both guards go, opening and closing, with the brace inside."""
    data = b'#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif\n'

    assert blank(data).split() == [b"int", b"f(void);"]


def test_attribute_macros_become_spaces() -> None:
    """Macros before, inside and after a declaration go; a definition of one stays."""
    data = b'#define __weak __attribute__((weak))\n__weak int IRAM_ATTR f(void) __attribute__((used, section("x")));\n'

    out = blank(data)

    assert out.splitlines()[0] == b"#define __weak __attribute__((weak))"
    assert out.splitlines()[1].split() == [b"int", b"f(void)", b";"]


def test_macro_after_prototype_becomes_spaces() -> None:
    """A capital word between a prototype and its semicolon goes; one in an expression stays."""
    data = b"void f(int a) PRIVILEGED_CALL;\nint g(void) { return (int) OTHER_NAME; }\n"

    assert blank(data) == b"void f(int a)                ;\nint g(void) { return (int) OTHER_NAME; }\n"


def test_text_in_comments_and_strings_stays() -> None:
    """Words in comments and literals are no attributes."""
    data = b'/* __weak int x */ const char *s = "__weak int";\n'

    assert blank(data).strip() == b'const char *s = "__weak int";'


def test_first_branch_of_each_condition_is_kept() -> None:
    """One configuration is left: first branches, but the other branch of #if 0."""
    data = b"#if A\none\n#elif B\ntwo\n#else\nthree\n#endif\n#if 0\nfour\n#else\nfive\n#endif\nsix\n"

    assert first_branches(data).split() == [b"one", b"five", b"six"]


@given(st.text(alphabet="#ifdef endif els\n\"'/*{}()_ABC;\\", max_size=300))
def test_length_and_lines_hold(text: str) -> None:
    """Offsets and line numbers mean the same before and after."""
    data = text.encode()

    pairs = [(SourceText(data).code.encode(), blank(data)), (data, first_branches(data))]

    for before, after in pairs:
        assert len(after) == len(data)
        assert [i for i, byte in enumerate(before) if byte == 10] == [i for i, byte in enumerate(after) if byte == 10]
