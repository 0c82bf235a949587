"""Suites on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.errors import SuiteError
from eval.suite.items import Suite, load_suite, suite_digest


def test_suite_reads_back(build: Callable[..., Suite], tmp_path: Path) -> None:
    """What was written is what is read, with the digest of its manifest."""
    suite = build()

    assert load_suite(tmp_path / "suite") == suite
    assert suite_digest(tmp_path / "suite") == suite.sha256


def test_altered_items_are_refused(build: Callable[..., Suite], tmp_path: Path) -> None:
    """One changed byte of a domain's file is found."""
    build()
    file = tmp_path / "suite/crypto.jsonl"
    file.write_bytes(file.read_bytes().replace(b"return", b"Return", 1))

    with pytest.raises(SuiteError, match=r"crypto.jsonl: sha256 .* altered"):
        load_suite(tmp_path / "suite")


def test_absent_suite_says_how_to_make_one(tmp_path: Path) -> None:
    """Without a suite the error names the command, and there is no digest."""
    with pytest.raises(SuiteError, match="eval build"):
        load_suite(tmp_path)
    assert suite_digest(tmp_path) is None


def test_a_manifest_that_points_elsewhere_is_refused(build: Callable[..., Suite], tmp_path: Path) -> None:
    """A domain's file lies in the suite's folder."""
    build()
    manifest = tmp_path / "suite/suite.json"
    manifest.write_text(manifest.read_text().replace('"crypto.jsonl"', '"../crypto.jsonl"'))

    with pytest.raises(SuiteError, match="a file name expected"):
        load_suite(tmp_path / "suite")
