"""The figures as a document."""

from bench.mapper.markdown import markdown_lines
from bench.mapper.targets import Target


def test_targets_are_a_table_and_the_rest_stands_as_printed() -> None:
    """Each target has its verdict; signs that a table would swallow are written out; the machine is named."""
    found = [Target("hit@1 >= 0.97", "0.990 99/100", True), Target("  memory < 5", "7", False), Target("x", "-", None)]

    lines = list(markdown_lines(found, ["== a table", "  row"]))

    assert "| hit@1 >= 0.97 | 0.990 99/100 | met |" in lines
    assert "| memory &lt; 5 | 7 | missed |" in lines
    assert "| x | - | not measured |" in lines
    assert lines[-4:] == ["```text", "== a table", "  row", "```"]
    assert any(line.startswith("Commit ") for line in lines)
