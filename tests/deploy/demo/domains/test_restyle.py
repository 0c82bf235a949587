"""House styles."""

from deploy.demo.domains.restyle import restyle

_TEXT = "int f(int a)\n{\n    if (a) {\n        g();\n    } else {\n        h();\n    }\n}"


def test_braces_go_below_and_indentation_changes() -> None:
    """Attached braces move to lines of their own, four spaces become the house's indentation."""
    assert restyle(_TEXT, indent="\t", allman=True) == (
        "int f(int a)\n{\n\tif (a)\n\t{\n\t\tg();\n\t}\n\telse\n\t{\n\t\th();\n\t}\n}"
    )


def test_macros_keep_their_layout() -> None:
    """A macro over several lines is not torn apart."""
    macro = "#define TRY(x) do { \\\n    if (x) { \\\n    } \\\n} while (0)"

    assert restyle(macro, indent="    ", allman=True) == macro
