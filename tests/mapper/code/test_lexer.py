"""C tokens."""

from hypothesis import given
from hypothesis import strategies as st

from mapper.code.lexer import c_tokens


def test_tokens_have_their_kinds() -> None:
    """Identifiers, numbers, strings, punctuators and comments are told apart."""
    tokens = c_tokens('x->y += 0x1FUL; /* c */ s = "a\\"b"; // end')

    assert [(token.kind, token.text) for token in tokens] == [
        ("identifier", "x"),
        ("punctuator", "->"),
        ("identifier", "y"),
        ("punctuator", "+="),
        ("number", "0x1FUL"),
        ("punctuator", ";"),
        ("comment", "/* c */"),
        ("identifier", "s"),
        ("punctuator", "="),
        ("string", '"a\\"b"'),
        ("punctuator", ";"),
        ("comment", "// end"),
    ]


def test_floats_and_exponents_are_one_number() -> None:
    """1.5e-3f is one token, and a range of members is not a number."""
    assert [token.text for token in c_tokens("1.5e-3f .5 a.b 1...3")][:5] == ["1.5e-3f", ".5", "a", ".", "b"]


@given(st.text(max_size=200))
def test_tokens_hold_all_but_white_space(text: str) -> None:
    """No text is refused, and nothing but white space is dropped."""
    joined = "".join(token.text for token in c_tokens(text))

    assert "".join(joined.split()) == "".join(text.split())
