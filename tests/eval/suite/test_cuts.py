"""Where a text can be cut."""

from eval.suite.cuts import CutPoint, cut_points, is_code, is_patterned, mask


def cuts(text: str, path: str, kind: str) -> list[str]:
    """Return the references that a text gives for one kind of cut."""
    lines = text.splitlines(keepends=True)
    points: list[CutPoint] = list(cut_points(lines, mask(text).splitlines(keepends=True), path, 200))
    return ["".join(lines[point.line : point.end]) for point in points if point.cut == kind]


def test_function_body_is_a_unit() -> None:
    """The body of a function, with the brace on its own line or not, up to its closing brace; inner blocks are not."""
    text = "int a(void)\n{\n\tif (x) {\n\t\ty();\n\t}\n}\nint b(void) {\n\treturn 1;\n}\n"

    assert cuts(text, "a.c", "next_unit") == ["\tif (x) {\n\t\ty();\n\t}\n}\n", "\treturn 1;\n}\n"]


def test_struct_fields_are_a_unit() -> None:
    """The fields of a struct, also of a typedef."""
    assert cuts("typedef struct {\n\tint a;\n\tint b;\n} pair_t;\n", "a.h", "next_unit") == [
        "\tint a;\n\tint b;\n} pair_t;\n"
    ]


def test_initialiser_is_no_unit() -> None:
    """A table's braces open no unit."""
    assert cuts("static const int table[] = {\n\t1,\n\t2,\n};\n", "a.c", "next_unit") == []


def test_define_group_is_cut_in_half() -> None:
    """Of four or more defines in a row the first half is shown."""
    text = "".join(f"#define REG_{n} {n}\n" for n in range(4))

    assert cuts(text, "a.h", "next_unit") == ["#define REG_2 2\n#define REG_3 3\n"]


def test_device_tree_node_is_a_unit() -> None:
    """Nodes at any depth are units."""
    text = "/ {\n\tbus@1 {\n\t\treg = <1>;\n\t};\n};\n"

    assert cuts(text, "a.dts", "next_unit") == ["\t\treg = <1>;\n\t};\n", "\tbus@1 {\n\t\treg = <1>;\n\t};\n};\n"]


def test_assembler_block_goes_from_label_to_label() -> None:
    """What stands between a label and the next, or a blank line."""
    text = "start:\n\tldr r0, =1\n\tbx lr\nstop:\n\tb stop\n\tnop\n\n"

    assert cuts(text, "a.s", "next_unit") == ["\tldr r0, =1\n\tbx lr\n", "\tb stop\n\tnop\n"]


def test_comments_and_strings_open_nothing() -> None:
    """A brace in a comment or a string is no brace, and a comment line is no code."""
    masked = mask('a("{"); // {\n/* long\n comment */\n')

    assert "{" not in masked
    assert masked.count("\n") == 3
    assert not is_code(masked.splitlines()[1])


def test_suffix_begins_past_three_quarters() -> None:
    """A snippet's last quarter is asked."""
    text = "".join(f"int value_{n:02} = {n:02};\n" for n in range(8))

    assert cuts(text, "a.c", "suffix") == ["int value_06 = 06;\nint value_07 = 07;\n"]


def test_sequential_registers_are_patterned() -> None:
    """A line of the shape of the lines before it is patterned; a new kind of line is not."""
    context = "#define A_CTRL 0x00\n#define A_STAT 0x04\n"

    assert is_patterned(context, "#define A_DATA 0x08\n")
    assert not is_patterned(context, "int read(void);\n")
