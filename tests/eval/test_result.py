"""Results on disk."""

from pathlib import Path

import pytest

from eval.errors import ResultError
from eval.result import list_results, read_result, write_result


def test_result_reads_back(released_result, tmp_path: Path) -> None:
    """All of it: outputs, scores, consistency and decision."""
    path = write_result(tmp_path, released_result)

    assert read_result(path) == released_result
    assert list_results(tmp_path) == [path]


def test_name_tells_model_and_suite(make_result, better, tmp_path: Path) -> None:
    """A base model's result begins with base-."""
    assert write_result(tmp_path, better).name == "step-00000040000-t1.json"
    assert write_result(tmp_path, make_result("base")).name == "base-base000000000000-t1.json"


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    """A file of another kind is named in the error."""
    (tmp_path / "x.json").write_text("{}")

    with pytest.raises(ResultError, match=r"x\.json: not a result"):
        read_result(tmp_path / "x.json")
    with pytest.raises(ResultError, match="No such file"):
        read_result(tmp_path / "y.json")
