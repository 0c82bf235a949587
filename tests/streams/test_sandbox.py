"""A PDF is read in a child process whose death or excess is an error with a reason."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mapper.errors import DatasheetError
from mapper.model import Datasheet
from streams.sandbox import read_sheet

ROOT = Path(__file__).parents[2]


def child(tmp_path: Path, body: str) -> tuple[str, ...]:
    """Return the command of a child whose reader has this body."""
    script = tmp_path / "child.py"
    script.write_text(
        "import sys, os, time, subprocess\nfrom pathlib import Path\n"
        "from mapper.errors import DatasheetError\nfrom mapper.model import Datasheet\n"
        "from streams.sandbox_child import serve\n"
        f"def read(pdf, file, parts):\n    {body}\n"
        "serve(Path(sys.argv[1]), read)\n"
    )
    return (sys.executable, str(script))


SHEET = (
    "Datasheet(sha256='', file=file, title=pdf.decode(), parts=parts, family='', revision=None, num_pages=1, "
    "sections=(), registers=(), pages=(os.environ.get('SECRET', 'none'),))"
)


def test_the_datasheet_comes_back_as_the_child_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, name and parts reach the child, the environment does not, and the value returns with its types."""
    monkeypatch.setenv("SECRET", "leaked")
    command = child(tmp_path, f"print('noise'); return {SHEET}")

    sheet = read_sheet(b"title", file="a.pdf", parts=["AB12"], command=command)

    assert isinstance(sheet, Datasheet)
    assert (sheet.title, sheet.file, sheet.parts, sheet.pages) == ("title", "a.pdf", ("AB12",), ("none",))


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ("raise DatasheetError('a.pdf: scanned?', reason='scanned')", "scanned", "a.pdf: scanned"),
        ("os.abort()", "pdf_crash", "SIGABRT"),
        ("os._exit(3)", "pdf_crash", "exit status 3"),
        ("bytearray(3 << 30)", "pdf_bomb", "memory"),
        ("return pdf.pages", "internal", "AttributeError"),
        ("time.sleep(60)", "pdf_timeout", "longer than 1.5 s"),
    ],
)
def test_each_end_of_the_child_has_its_reason(tmp_path: Path, body: str, reason: str, message: str) -> None:
    """A reader that refuses, dies, eats memory, fails or hangs gives one error that says which."""
    with pytest.raises(DatasheetError, match=message) as caught:
        read_sheet(b"", file="a.pdf", timeout_seconds=1.5, command=child(tmp_path, body))

    assert caught.value.reason == reason


def test_a_huge_answer_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is limited like memory and time are."""
    monkeypatch.setattr("streams.sandbox.ANSWER_BYTES", 100_000)
    body = SHEET.replace("title=pdf.decode()", "title='x' * 1_000_000")

    with pytest.raises(DatasheetError) as caught:
        read_sheet(b"", file="a.pdf", command=child(tmp_path, f"return {body}"))

    assert caught.value.reason == "pdf_bomb"


def test_what_the_child_started_ends_with_it(tmp_path: Path) -> None:
    """The whole process group is killed, not the child alone."""
    pid_file = tmp_path / "pid"
    body = f"Path({str(pid_file)!r}).write_text(str(subprocess.Popen(['sleep', '60']).pid)); os.abort()"

    with pytest.raises(DatasheetError):
        read_sheet(b"", file="a.pdf", command=child(tmp_path, body))

    assert _ends(int(pid_file.read_text()))


def test_a_reader_that_hangs_ends_in_time_with_all_it_started(tmp_path: Path) -> None:
    """Time by the clock is bounded, also when the reader and its own child only wait, deaf to SIGTERM."""
    pid_file = tmp_path / "pid"
    body = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"Path({str(pid_file)!r}).write_text(str(subprocess.Popen(['sleep', '60']).pid)); time.sleep(60)"
    )
    started = time.monotonic()

    with pytest.raises(DatasheetError) as caught:
        read_sheet(b"", file="a.pdf", timeout_seconds=5.0, command=child(tmp_path, body))

    assert (caught.value.reason, time.monotonic() - started < 20) == ("pdf_timeout", True)
    assert _ends(int(pid_file.read_text()))


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """A killed worker leaves no reader behind."""
    pid_file = tmp_path / "pid"
    command = child(tmp_path, f"Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(60)")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from streams.sandbox import read_sheet; read_sheet(b'', file='a', command={command!r})",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    while not pid_file.exists() or not pid_file.read_text():
        time.sleep(0.05)

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert _ends(int(pid_file.read_text()))


def _ends(pid: int) -> bool:
    """Return whether a process is gone (or a zombie) within 5 s."""
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
