"""What is wrong with gold lines."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mapper import SourceFile
from mapper.gold import GoldLabel, check_gold, label_line

Make = Callable[..., GoldLabel]


def problems(row: Mapping[str, Any], files: list[SourceFile] | None = None) -> list[str]:
    found = check_gold([(7, row)], files=files, num_pages={"zq4071.pdf": 6} if files else None)
    assert all(number == 7 for number, _ in found)
    return [problem for _, problem in found]


def test_a_good_label_has_no_problem(make_label: Make, files: list[SourceFile]) -> None:
    """Symbol, line and page exist."""
    assert problems(label_line(make_label(4)), files) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"path": "src/gone.h"}, "path: a source file of the tree expected, got src/gone.h"),
        ({"name": "GONE"}, "name: a symbol of src/zq4071.h expected, got GONE"),
        ({"line": 4}, "line: ZQ4071_REG_CONTROL stands on line 3 of src/zq4071.h, not 4"),
        (
            {"scope": "other", "line": 9},
            "scope: ZQ4071_REG_CONTROL of src/zq4071.h is not in other but in no other symbol",
        ),
        ({"file": "b.pdf"}, "file: one of the datasheets given expected (zq4071.pdf), got b.pdf"),
    ],
)
def test_what_does_not_exist_is_named(
    make_label: Make, files: list[SourceFile], change: dict[str, Any], says: str
) -> None:
    """With tree and datasheets at hand, a label must speak of something."""
    assert problems(label_line(make_label(4)) | change, files) == [says]


def test_a_page_beyond_the_last_is_named(make_label: Make, files: list[SourceFile]) -> None:
    """Each anchor's page must exist."""
    assert problems(label_line(make_label(4, 7)), files) == ["anchors[1].page: 1 to 6 expected, got 7"]


def test_a_symbol_labelled_twice_is_named(make_label: Make) -> None:
    """Two lines of one symbol and one datasheet."""
    line = label_line(make_label(4))

    assert check_gold([(1, line), (9, line)]) == ((9, "ZQ4071_REG_CONTROL: labelled already on line 1"),)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"level": "page"}, "level: "),
        ({"level": "file", "file": "a.pdf", "path": 3}, "path: "),
        ({"level": "file", "file": "a.pdf", "path": None, "role": "primary"}, "path: "),
        ({"level": "file", "path": "a.c", "role": "main"}, "file: "),
        ({"level": "symbol", "source": "address", "file": "a.pdf", "path": "a.h", "name": "A", "kind": "register",
          "page": 0}, "page: "),
        ({"level": "symbol", "source": "address"}, "name: "),
    ],
)  # fmt: skip
def test_lines_of_other_sorts_are_checked_too(row: dict[str, Any], says: str) -> None:
    """File lines, and symbol lines that were made mechanically."""
    assert any(problem.startswith(says) for problem in problems(row))
