"""What a commit costs, on a mirror made here."""

import subprocess
from pathlib import Path

import pytest

from bench.mapper.commits import CommitCosts, code_commits, commit_lines, measure_commits, spread
from bench.mapper.targets import targets, verdict
from mapper.model import Datasheet
from tests.bench.conftest import OTHER, SOURCE


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Twelve commits: a driver and a motor, the driver's changes one by one, a document in between."""
    work = tmp_path / "work"
    work.mkdir()
    _git(work, "init", "-q", "-b", "main")
    (work / "motor.c").write_bytes(OTHER)
    for number in range(12):
        (work / "zq4071.c").write_bytes(SOURCE + b"int more_%d;\n" % number)
        (work / "notes.md").write_text(str(number))
        _git(work, "add", "-A")
        _git(work, "commit", "-q", "-m", "change")
    (work / "notes.md").write_text("end")
    _git(work, "commit", "-q", "-a", "-m", "document")
    return work / ".git"


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.invalid")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


@pytest.fixture
def costs(mirror: Path, sheet: Datasheet) -> CommitCosts:
    return measure_commits(mirror, [sheet], None)


def test_commits_that_touch_no_code_are_passed_over(mirror: Path) -> None:
    """The newest of the twelve, oldest first; the document's commit is none of them."""
    assert len(code_commits(mirror, 99)) == 12
    assert code_commits(mirror, 99)[-3:] == code_commits(mirror, 3)


def test_a_commit_parses_what_it_changed_and_equals_a_full_mapping(costs: CommitCosts) -> None:
    """One of two files is parsed a commit; the tenth is compared with a mapping that knew no state."""
    assert {commit.num_parsed for commit in costs.commits} == {1}
    assert (len(costs.commits), costs.num_files) == (11, 2)
    assert [is_equal for is_equal, _ in costs.checks] == [True]


def test_medians_are_told_and_the_target_is_computed(costs: CommitCosts) -> None:
    """The table names the commits; equality is a target."""
    told = {target.text: verdict(target) for target in targets([], [], [], costs)}

    assert "the last 11 commits" in next(commit_lines(costs))
    assert told["commits, mapping equals a full one"] == "met"
    assert told["kernel, memory: MiB < 1536"] == "not measured"
    assert spread([1.0, 2.0, 3.0, 10.0]) == (2.5, 3.0)
