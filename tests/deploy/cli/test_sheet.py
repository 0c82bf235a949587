"""Datasheets are added after a look at them, listed and removed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.model import Datasheet
from streams.ledger.engine import writing
from streams.ledger.letters import Letter, bury
from streams.ledger.sheets import write_sheet
from streams.ledger.sources import add_sheet_source

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
    """It is one source; its files come when it is looked at. It is no source while it has none."""
    (pdf.parent / "notes.txt").touch()
    (pdf.parent / "CD.PDF").write_bytes(b"%PDF-1.4\n")

    cli("sheet", "add", pdf.parent)

    (listed,) = cli_json("sheet", "list")
    assert (listed["location"], listed["is_folder"]) == (str(pdf.parent), True)
    (pdf.parent / "empty").mkdir()
    assert cli("sheet", "add", pdf.parent / "empty").exit_code == 6


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


def test_a_part_that_the_text_does_not_name_is_told(cli: Cli, cli_json: Cli, engine: Engine, pdf: Path) -> None:
    """The list has what was given and what the datasheet names instead."""
    source_id = cli("sheet", "add", pdf, "--part", "AB1234").stdout.strip()
    sheet = Datasheet(
        sha256="0",
        file="x.pdf",
        title="x",
        parts=("AB1234", "CD99"),
        family="x",
        revision="A",
        num_pages=1,
        sections=(),
        registers=(),
    )
    with writing(engine) as conn:
        write_sheet(
            conn,
            sheet,
            source_id=source_id,
            released_at=1.0,
            read_at=1.0,
            seconds=0.1,
            current=True,
            unconfirmed=["AB1234"],
        )

    assert cli_json("sheet", "list")[0]["unconfirmed"] == ["AB1234"]
    told = " ".join(cli("sheet", "list").stdout.split())
    assert "CD99" in told


def test_a_folders_file_is_removed_with_it(cli: Cli, engine: Engine, pdf: Path) -> None:
    """By itself it would come again."""
    folder_id = cli("sheet", "add", pdf.parent).stdout.strip()
    with writing(engine) as conn:
        add_sheet_source(conn, location=str(pdf), now=1.0, folder=folder_id)

    assert "came with its folder" in cli("sheet", "remove", pdf).stderr
    assert "and its 1 datasheets" in cli("sheet", "remove", pdf.parent).stderr
    assert cli("sheet", "pause", pdf).exit_code == 6
