"""The integer evaluator against golden values."""

from operator import add, and_, mul, or_, sub, xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.code.expression import Function
from mapper.code.values import evaluate, evaluate_offset, evaluate_with

NAMES = {"BASE": 0x4000_0000, "A": 3}

GOLDEN = [
    ("0x33", 0x33),
    ("(uint8_t)0x33", 0x33),
    ("((uint8_t) 0x33)", 0x33),
    ("(uint8_t)(0x33)", 0x33),
    ("0x33U", 0x33),
    ("51", 51),
    ("063", 51),
    ("0b0011_0011", None),
    ("0b00110011", 0x33),
    ("1'000", 1000),
    ("'A'", 65),
    (r"'\x1f'", 31),
    ("BIT(7)", 0x80),
    ("_BV(2) | _BV(3)", 0x0C),
    ("GENMASK(7, 4)", 0xF0),
    ("1U << 31", 0x8000_0000),
    ("(1UL << (4U))", 16),
    ("UINT32_C(7)", 7),
    ("~0x01", -2),
    ("~0x01U", 0xFFFF_FFFE),
    ("(uint8_t)~0x01", 0xFE),
    ("-5", -5),
    ("-7 / 2", -3),
    ("2 + 3 * 4", 14),
    ("(A | 0x10) & ~0x01", 0x12),
    ("A ^ 1", 2),
    ("A == 3 ? 0x10 : 0x20", 0x10),
    ("BASE + 0x14", 0x4000_0014),
    ("(BASE)+0x14", 0x4000_0014),
    ("((GPIO_Type *) BASE)", 0x4000_0000),
    ("*(volatile uint32_t *)(BASE + 4)", 0x4000_0004),
    ("(*((volatile unsigned int*)0x1000UL))", 0x1000),
    ("sizeof(int)", None),
    ("1.5", None),
    ("1.5f", None),
    ("08", None),
    ('"text"', None),
    ("UNKNOWN + 1", None),
    ("*A", None),
    ("1 / 0", None),
    ("1 << 1000", None),
    ("do { x(); } while (0)", None),
    ("", None),
]


@pytest.mark.parametrize(("expression", "value"), GOLDEN)
def test_expression_has_its_c_value(expression: str, value: int | None) -> None:
    """A constant expression evaluates as in C; anything else gives None."""
    assert evaluate(expression, NAMES) == value


@given(st.integers(min_value=0, max_value=2**64 - 1), st.sampled_from(["uint64_t", "u64", "unsigned long long"]))
def test_cast_keeps_every_literal(number: int, type_name: str) -> None:
    """A cast wide enough changes no literal, however it is written."""
    assert evaluate(f"({type_name})0x{number:X}") == number
    assert evaluate(f"({type_name}) {number}U") == number


def _terms(numbers: st.SearchStrategy[tuple[str, int]]) -> st.SearchStrategy[tuple[str, int]]:
    """Return pairs of a C expression and the integer that Python's own operators make of it."""

    def joined(inner: st.SearchStrategy[tuple[str, int]]) -> st.SearchStrategy[tuple[str, int]]:
        operators = {"+": add, "-": sub, "*": mul, "&": and_, "|": or_, "^": xor}
        binary = st.tuples(inner, st.sampled_from(sorted(operators)), inner).map(
            lambda t: (f"({t[0][0]} {t[1]} {t[2][0]})", operators[t[1]](t[0][1], t[2][1]))
        )
        shifted = st.tuples(inner, st.sampled_from(["<<", ">>"]), st.integers(0, 7)).map(
            lambda t: (f"({t[0][0]} {t[1]} {t[2]})", t[0][1] << t[2] if t[1] == "<<" else t[0][1] >> t[2])
        )
        chosen = st.tuples(inner, inner, inner).map(
            lambda t: (f"({t[0][0]} < {t[1][0]} ? {t[2][0]} : {t[0][0]})", t[2][1] if t[0][1] < t[1][1] else t[0][1])
        )
        prefixed = inner.map(lambda t: (f"(~{t[0]})", ~t[1])) | inner.map(lambda t: (f"-({t[0]})", -t[1]))
        return binary | shifted | chosen | prefixed

    return st.recursive(numbers, joined, max_leaves=8)


LITERALS = st.integers(0, 0xFFFF).flatmap(
    lambda number: st.sampled_from([(f"0x{number:x}", number), (str(number), number), (f"{number}L", number)])
)


@given(_terms(LITERALS))
def test_generated_expressions_agree_with_python(pair: tuple[str, int]) -> None:
    """Signed arithmetic in any nesting gives what Python's own operators give, within the evaluator's bound."""
    expression, expected = pair

    value = evaluate(expression)

    assert value == expected or (value is None and "<<" in expression)


@given(
    st.integers(0, 63),
    st.sampled_from(["BIT(%d)", "BIT_ULL(%d)", "_BV(%d)", "_BITUL(%d)", "(1ULL << %d)", "UINT64_C(1) << %d"]),
)
def test_bit_macros_set_one_bit(bit: int, form: str) -> None:
    """Each way to write one bit gives that bit."""
    assert evaluate(form % bit) == 1 << bit


@given(st.integers(0, 31), st.integers(0, 31))
def test_genmask_fills_its_range(one: int, other: int) -> None:
    """GENMASK(h, l) is the bits h to l, both included."""
    high, low = max(one, other), min(one, other)

    assert evaluate(f"GENMASK({high}, {low})") == sum(1 << bit for bit in range(low, high + 1))


@given(st.integers(0, 2**64 - 1), st.sampled_from([8, 16, 32]))
def test_cast_cuts_to_its_width(number: int, bits: int) -> None:
    """A cast to a fixed unsigned width keeps the low bits, whatever stands in it."""
    assert evaluate(f"(uint{bits}_t)({number}ULL + 0)") == number % (1 << bits)


@given(st.text(alphabet="()+-*/<>&|^~!?:,0x19uUAF_ '\"", max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    """Whatever stands in a macro body, the evaluator gives an integer or None."""
    assert isinstance(evaluate(text, NAMES), int | None)


def test_nesting_is_bounded() -> None:
    """Deep parentheses and signs give None instead of exhausting the stack."""
    assert evaluate("(" * 400 + "A" + ")" * 400, NAMES) is None
    assert evaluate("-" * 900 + "1") is None


def test_macro_calls_are_bounded() -> None:
    """Macros that call each other twice give None instead of growing without end."""
    functions = {f"F{n}": Function(("x",), f"F{n + 1}(x) + F{n + 1}(x)") for n in range(30)}

    assert evaluate_with("F0(1)", {}, functions) is None


def test_function_like_macro_is_expanded() -> None:
    """A call of the file's own macro evaluates to its body with the arguments put in."""
    functions = {"REGISTER": Function(("bank", "index"), "(((bank) << 8) | (index))")}

    assert evaluate_with("REGISTER(2, 0x10 + 1)", {}, functions) == 0x211


def test_offset_from_foreign_base() -> None:
    """Base + offset with a base that is defined elsewhere gives the offset, other unknown names nothing."""
    assert evaluate_offset("(UART_BASE_ADDR + 0x0C)", {}, {}) == 0x0C
    assert evaluate_offset("(UART_INDEX + 0x0C)", {}, {}) is None


@pytest.mark.parametrize("left", ["1", "1UL", "0x3u", "0", "SEVEN", "NEGATIVE", "FOREIGN", "07", "sizeof"])
@pytest.mark.parametrize("right", ["0", "3", "0x10UL", "SEVEN", "NEGATIVE", "FOREIGN", "128"])
def test_a_plain_shift_is_what_the_parser_says(left: str, right: str) -> None:
    """The short way of the most frequent expression gives the same value, or none, as the long way."""
    names = {"SEVEN": 7, "NEGATIVE": -2}

    assert evaluate(f"({left} << {right})", names) == evaluate(f"(0 + {left} << {right})", names)
