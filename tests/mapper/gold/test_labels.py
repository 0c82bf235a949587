"""A label and its line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mapper.errors import FormatError
from mapper.gold import GoldLabel, label_line, read_label


def test_a_label_survives_its_line(make_label: Callable[..., GoldLabel]) -> None:
    """What is written as JSON is read back as the same label."""
    label = make_label(4, 9, conflict=True, note="conflict: code 1, datasheet 2", reader="ann", date="2026-01-02")

    assert read_label(json.loads(json.dumps(label_line(label)))) == label


def test_a_line_has_no_key_for_what_is_not_known(make_label: Callable[..., GoldLabel]) -> None:
    """Without note, conflict, reader and date the line is what other readers of gold write."""
    line = label_line(make_label())

    assert list(line) == [
        "level", "source", "readers", "file", "set", "path", "line", "kind", "name", "scope", "nil", "anchors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "variable"}, "kind: "),
        ({"line": "3"}, "line: "),
        ({"nil": True}, "nil: false expected with 1 anchors"),
        ({"anchors": [{"page": 0, "kind": "field", "title": ""}]}, "anchors[0].page: "),
        ({"anchors": [{"page": 1, "kind": "somewhere", "title": ""}]}, "anchors[0].kind: "),
        ({"name": None}, "name: "),
    ],
)
def test_what_is_wrong_is_named(make_label: Callable[..., GoldLabel], change: dict[str, Any], says: str) -> None:
    """The error names the key, what was expected and what came."""
    with pytest.raises(FormatError) as error:
        read_label(label_line(make_label(4)) | change)

    assert says in str(error.value)


@pytest.mark.data
def test_labels_made_by_others_are_read(data_dir: Path) -> None:
    """Every line of the gold made by reading real drivers is a label."""
    lines = [line for path in (data_dir / "gold" / "read").glob("*.jsonl") for line in path.read_text().splitlines()]

    assert lines
    for line in lines:
        read_label(json.loads(line))
