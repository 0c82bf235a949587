"""Datasheets are added after a look at them, listed and removed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from streams.ledger.engine import writing
from streams.ledger.letters import Letter, bury

Cli = Callable[..., Any]


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """Return a file that begins like a PDF."""
    path = tmp_path / "docs" / "AB1234.pdf"
    path.parent.mkdir()
    path.write_bytes(b"%PDF-1.7\n")
    return path


def test_an_added_datasheet_is_listed(cli: Cli, cli_json: Cli, pdf: Path) -> None:
    """The answer is its id; the list has what was said about it."""
    result = cli("sheet", "add", pdf, "--part", "AB1234", "--revision", "B")

    assert result.exit_code == 0
    (listed,) = cli_json("sheet", "list")
    assert result.stdout.strip() == listed["source_id"]
    assert (listed["location"], listed["parts"], listed["revision"]) == (str(pdf), ["AB1234"], "B")
    assert listed["release"] is None
    assert str(pdf) in cli("sheet", "list").stdout


def test_a_folder_stands_for_its_pdf_files(cli: Cli, cli_json: Cli, pdf: Path) -> None:
    """Other files in it are left alone."""
    (pdf.parent / "notes.txt").touch()
    (pdf.parent / "CD.PDF").write_bytes(b"%PDF-1.4\n")

    cli("sheet", "add", pdf.parent)

    assert [Path(source["location"]).name for source in cli_json("sheet", "list")] == ["AB1234.pdf", "CD.PDF"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("gone.pdf", None, "no such file"), ("page.pdf", b"<html>", "not a PDF"), ("empty.pdf", b"", "not a PDF")],
)
def test_what_is_no_datasheet_is_refused(
    cli: Cli, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """Exit code 2 and the reason."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    result = cli("sheet", "add", tmp_path / name)

    assert result.exit_code == 2
    assert message in result.stderr


def test_force_adds_what_is_no_pdf(cli: Cli, cli_json: Cli, tmp_path: Path) -> None:
    """It will end as a dead letter, where one sees it."""
    path = tmp_path / "page.pdf"
    path.write_bytes(b"<html>")

    result = cli("sheet", "add", path, "--force")

    assert result.exit_code == 0
    assert "warning" in result.stderr
    assert len(cli_json("sheet", "list")) == 1


def test_one_revision_is_not_for_many(cli: Cli, pdf: Path) -> None:
    """--revision with two datasheets is a mistake."""
    assert cli("sheet", "add", pdf, pdf, "--revision", "A").exit_code == 2


def test_pause_resume_and_remove(cli: Cli, cli_json: Cli, pdf: Path) -> None:
    """A datasheet is named by its id, the start of it, or its location."""
    source_id = cli("sheet", "add", pdf).stdout.strip()

    assert cli("sheet", "pause", source_id[:10]).exit_code == 0
    assert cli_json("sheet", "list")[0]["state"] == "paused"
    assert cli("sheet", "resume", pdf).exit_code == 0
    assert cli("sheet", "remove", pdf).exit_code == 0
    assert cli_json("sheet", "list") == []
    assert cli("sheet", "remove", source_id).exit_code == 6


def test_a_datasheet_that_could_not_be_read_says_why(cli: Cli, cli_json: Cli, engine: Engine, pdf: Path) -> None:
    """The list has the dead letter's message, so that nobody must look for it elsewhere."""
    source_id = cli("sheet", "add", pdf).stdout.strip()
    letter = Letter(
        letter_id="dl1_aa",
        agent="sheets",
        topic="datasheet.releases",
        partition=0,
        offset=0,
        key=source_id,
        reason="encrypted",
        error_class="DatasheetError",
        message="AB1234.pdf: encrypted",
        attempts=1,
        state="dead",
        died_at=1.0,
    )
    with writing(engine) as conn:
        bury(conn, letter)

    assert cli_json("sheet", "list")[0]["unread"] == "AB1234.pdf: encrypted"
    assert "AB1234.pdf: encrypted" in cli("sheet", "list").stdout
