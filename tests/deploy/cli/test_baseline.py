"""`sheetstream baseline`: the same lines as `map`, scored by the same command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mapper.model import Datasheet

Cli = Callable[..., Any]
SOURCE = "#define ZQ4071_REG_HUMIDITY 0x00\nint zq4071_read_humidity(void) { return 0; }\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tree of two files and a datasheet that a stand-in reads."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "zq4071.c").write_text(SOURCE)
    (tmp_path / "tree" / "other.c").write_text("int motor(void) { return 1; }\n")
    (tmp_path / "zq4071.pdf").write_bytes(b"%PDF fine")
    pages = ("ZQ4071B humidity sensor", "Humidity register")
    sheet = Datasheet(
        sha256="ab" * 32, file="zq4071.pdf", title="ZQ4071B", parts=("ZQ4071B",), family="zq4071", revision=None,
        num_pages=2, sections=(), registers=(), pages=pages,
    )  # fmt: skip
    monkeypatch.setattr("streams.sandbox.read_sheet", lambda pdf, *, file: sheet)
    return tmp_path


def test_a_ranking_is_written_and_scored(cli: Cli, cli_json: Cli, place: Path) -> None:
    """Files and links of a baseline go through `score` like the mapper's own."""
    gold = {"level": "file", "file": "zq4071.pdf", "path": "zq4071.c", "role": "primary"}
    (place / "gold.jsonl").write_text(json.dumps(gold) + "\n")

    result = cli("baseline", "tfidf", place / "tree", place / "zq4071.pdf", "--accept", 1, "-o", place / "out.jsonl")
    report = cli_json("score", place / "out.jsonl", place / "gold.jsonl")

    rows = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert result.exit_code == 0, result.output
    assert report["files"]["hit_at_1"]["value"] == 1.0
    assert {row["symbol"]["name"] for row in rows if row["level"] == "symbol"} >= {"ZQ4071_REG_HUMIDITY"}


def test_the_part_number_finds_its_driver(cli: Cli, place: Path) -> None:
    """partnumber writes files only."""
    result = cli("baseline", "partnumber", place / "tree", place / "zq4071.pdf", "-o", place / "out.jsonl")

    rows = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert result.exit_code == 0, result.output
    assert [row["path"] for row in rows] == ["zq4071.c"]


def test_direct_needs_a_tokenizer(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the prepared tokenizer the way to it is named, with the exit code for configuration."""
    monkeypatch.setenv("SHEETSTREAM_CACHE", str(place / "no-cache"))

    result = cli("baseline", "direct", place / "tree", place / "zq4071.pdf")

    assert result.exit_code == 3
    assert "sheetstream model prepare" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("gone", "a.pdf", "-o", "x"), 6, "no such folder"),
        (("tree", "zq4071.pdf"), 2, "give -o FILE"),
        (("tree", "zq4071.pdf", "-o", "no/where"), 2, "does not exist"),
    ],
)
def test_what_is_missing_is_named(cli: Cli, place: Path, words: tuple[str, ...], code: int, says: str) -> None:
    """A mistyped folder, no output and an output in no folder each give one line."""
    result = cli("baseline", "bm25", *(place / word if word != "-o" else word for word in words))

    assert result.exit_code == code
    assert says in result.stderr.replace("\n", " ")
