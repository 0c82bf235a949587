"""The kernel's runs, on a tree of two files; a process's time and memory."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.mapper.hidden import NameHider
from bench.mapper.kernel_run import TreeRun, hidden_tree, linked_tree, run_lines
from bench.mapper.process import CommandError, Spent, run_measured
from bench.mapper.targets import targets, verdict

SPENT = Spent(seconds=4.0, cpu_seconds=3.0, peak_mib=100.0, said="reading\ncost: 1 of 2 files parsed\n")
RUN = TreeRun(
    hidden=False, cold=SPENT, unchanged=SPENT, changed=SPENT, changed_back=SPENT, is_equal=True, num_files=2
)  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "drivers" / "zq4071").mkdir(parents=True)
    (tmp_path / "tree" / "drivers" / "zq4071" / "zq4071.c").write_text("int zq4071_probe(void);\n")
    return tmp_path / "tree"


def test_a_command_and_its_children_are_measured() -> None:
    """Memory and CPU time of a child count too."""
    child = "x = bytearray(60_000_000); import time; sum(range(2_000_000)); time.sleep(0.5)"
    spent = run_measured(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )

    assert spent.peak_mib > 57
    assert 0 < spent.cpu_seconds <= spent.seconds * 2


def test_a_command_that_fails_is_an_error() -> None:
    """Its words are in the message."""
    with pytest.raises(CommandError, match="no such thing"):
        run_measured([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_linked_tree_is_changed_apart_from_the_original(tree: Path, tmp_path: Path) -> None:
    """A file put in place of a link leaves the original as it is."""
    linked = linked_tree(tree, ("drivers",), tmp_path / "linked")
    place = linked / "drivers" / "zq4071" / "zq4071.c"

    assert place.stat().st_ino == (tree / "drivers" / "zq4071" / "zq4071.c").stat().st_ino


def test_a_hidden_tree_has_no_name_in_paths_or_contents(tree: Path, tmp_path: Path) -> None:
    """The file is there once, under another name."""
    hider = NameHider(["ZQ4071"], ["drivers/zq4071/zq4071.c"])

    hidden = hidden_tree(tree, ["drivers/zq4071/zq4071.c"], hider, tmp_path / "hidden")

    (file,) = (path for path in hidden.rglob("*") if path.is_file())
    assert "4071" not in str(file.relative_to(hidden)) + file.read_text()


def test_runs_are_told_with_their_verdicts() -> None:
    """Slow, large or unequal runs miss their targets; each run says its cost."""
    bad = replace(RUN, changed=replace(SPENT, seconds=6.0, peak_mib=2000.0), is_equal=False)
    good_told, told = ([verdict(t) for t in targets([], [], [run], None)[-5:-1]] for run in (RUN, bad))

    assert good_told == ["met"] * 4
    assert told == ["met", "missed", "missed", "missed"]
    assert sum("cost: 1 of 2 files parsed" in line for line in run_lines([RUN])) == 4
