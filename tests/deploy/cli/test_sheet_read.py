"""`sheet show` and `sheet diff` on files, without a home folder or a network."""

import io
import json
from pathlib import Path

import pytest
import typer
from reportlab.pdfgen.canvas import Canvas

from deploy.cli.sheet_read import diff, show


def _write(path: Path, reset: str) -> Path:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(60, 780, "XY1234 Pressure sensor")
    canvas.setFont("Helvetica", 9)
    for index in range(5):
        canvas.drawString(
            60, 740 - 12 * index, "Registers are read by address; each bit has its access and reset value."
        )
    for row, cells in enumerate((("Address", "Name", "Type", "Reset"), ("0x01", "CTRL", "R/W", reset))):
        for column, text in enumerate(cells):
            canvas.rect(60 + 90 * column, 600 - 16 * row, 90, 16)
            canvas.drawString(64 + 90 * column, 605 - 16 * row, text)
    canvas.save()
    path.write_bytes(buffer.getvalue())
    return path


def test_show_prints_sections_and_registers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables hold part, section and register with address, access and reset."""
    show(_write(tmp_path / "a.pdf", "0x03"))

    printed = capsys.readouterr().out
    assert "XY1234" in printed
    assert [line.split()[:4] for line in printed.splitlines() if "CTRL" in line] == [["0x01", "CTRL", "rw", "0x3"]]


def test_show_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON is the datasheet without its page texts."""
    show(_write(tmp_path / "a.pdf", "0x03"), json=True)

    sheet = json.loads(capsys.readouterr().out)
    assert sheet["registers"][0]["name"] == "CTRL"
    assert "pages" not in sheet


def test_diff_prints_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reset value that differs is a change of its register."""
    diff(_write(tmp_path / "a.pdf", "0x03"), _write(tmp_path / "b.pdf", "0x07"), json=True)

    changes = json.loads(capsys.readouterr().out)
    assert {"anchor": "register/CTRL@0x01", "what": "reset", "old": "0x3", "new": "0x7"} in changes


@pytest.mark.parametrize(("name", "data", "code"), [("missing.pdf", None, 6), ("text.pdf", b"no PDF at all", 2)])
def test_bad_files_end_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes | None, code: int
) -> None:
    """What cannot be read gives one message on stderr and an exit code."""
    if data is not None:
        (tmp_path / name).write_bytes(data)

    with pytest.raises(typer.Exit) as caught:
        show(tmp_path / name)

    printed = capsys.readouterr()
    assert (caught.value.exit_code, printed.out) == (code, "")
    assert name in printed.err
