"""Repositories are added after a look at them, listed, paused and removed."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from streams.ledger.engine import writing
from streams.ledger.samples import DropRow, replace_drops
from streams.watch.git import EMPTY_TREE

Cli = Callable[..., Any]


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """Return a repository with one commit."""
    folder = tmp_path / "vendor"
    for words in (
        ("init", "-q", "-b", "main", str(folder)),
        ("-C", str(folder), "-c", "user.name=v", "-c", "user.email=v@x", "commit", "-q", "--allow-empty", "-m", "one"),
    ):
        subprocess.run(["git", *words], check=True)
    return folder


def test_an_added_repository_is_listed(cli: Cli, cli_json: Cli, vendor: Path) -> None:
    """The answer is its id; the list has what was said about it."""
    result = cli("repo", "add", vendor, "--part", "AB1234", "--paths", "src/**")

    assert result.exit_code == 0
    (listed,) = cli_json("repo", "list")
    assert result.stdout.strip() == listed["repo_id"]
    assert "main is at" in result.stderr
    assert "sheetstream up" in result.stderr
    assert (listed["url"], listed["parts"], listed["path_globs"]) == (str(vendor), ["AB1234"], ["src/**"])
    assert listed["tip"] is None


def test_the_whole_history_is_taken_when_asked_for(cli: Cli, cli_json: Cli, vendor: Path) -> None:
    """The watcher then starts before the first commit."""
    cli("repo", "add", vendor, "--history")

    assert cli_json("repo", "list")[0]["tip"] == EMPTY_TREE


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ext::sh -c true", "scheme 'ext' is not allowed"),
        ("https://me:secret@vendor.example/x", "password in a URL is not allowed"),
        ("/nowhere", "no such file or folder"),
        ("--branch", "requires an argument"),
    ],
)
def test_a_bad_address_is_refused_with_its_reason(cli: Cli, url: str, message: str) -> None:
    """Exit code 2, and nothing was added."""
    result = cli("repo", "add", url)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize(("make", "message"), [(False, "not a git repository"), (True, "is empty: it has no commit")])
def test_what_cannot_be_followed_is_refused_unless_forced(
    cli: Cli, cli_json: Cli, tmp_path: Path, make: bool, message: str
) -> None:
    """A plain folder and an empty repository are told apart; --force takes either."""
    folder = tmp_path / "folder"
    folder.mkdir()
    if make:
        subprocess.run(["git", "init", "-q", str(folder)], check=True)

    refused = cli("repo", "add", folder)
    forced = cli("repo", "add", folder, "--force")

    assert refused.exit_code == 2
    assert message in refused.stderr
    assert forced.exit_code == 0
    assert len(cli_json("repo", "list")) == 1


def test_a_missing_branch_names_those_there_are(cli: Cli, vendor: Path) -> None:
    """The message helps to pick one."""
    result = cli("repo", "add", vendor, "--branch", "master")

    assert result.exit_code == 2
    assert "no branch 'master'; it has main" in result.stderr


def test_pause_resume_and_remove(cli: Cli, cli_json: Cli, vendor: Path) -> None:
    """A repository is named by its id, the start of it, or its address."""
    repo_id = cli("repo", "add", vendor).stdout.strip()

    assert cli("repo", "pause", repo_id[:12]).exit_code == 0
    assert cli_json("repo", "list")[0]["state"] == "paused"
    assert cli("repo", "resume", vendor).exit_code == 0
    assert cli_json("repo", "list")[0]["state"] == "active"
    assert cli("repo", "remove", vendor).exit_code == 0
    assert cli_json("repo", "list") == []
    assert cli("repo", "remove", vendor).exit_code == 6


def test_nothing_here_yet_is_said(cli: Cli, home: Path) -> None:
    """A reading command in an empty home names the folder and makes nothing."""
    result = cli("repo", "list")

    assert result.exit_code == 6
    assert str(home) in result.stderr
    assert not home.exists()


@pytest.mark.parametrize("verb", ["pause", "resume", "remove"])
def test_a_wrong_home_stays_empty(cli: Cli, home: Path, verb: str) -> None:
    """A change of what is watched does not make a home where there is none."""
    result = cli("repo", verb, "repo1_3fa9")

    assert result.exit_code == 6
    assert not home.exists()


def test_what_was_left_out_is_listed_with_its_reason(cli: Cli, cli_json: Cli, engine: Engine, vendor: Path) -> None:
    """A file that is too large is in no dead letter: here one sees it, and in `status` the number."""
    repo_id = cli("repo", "add", vendor).stdout.strip()
    drop = DropRow(
        stage="symbols", reason="too_large", repo_id=repo_id, path="a.c", blob_id="b", detail="a.c: big", dropped_at=1.0
    )
    with writing(engine) as conn:
        replace_drops(conn, "symbols", repo_id, ["a.c"], [drop])

    (listed,) = cli_json("repo", "left-out", repo_id, "--reason", "too_large")

    assert (listed["path"], listed["detail"]) == ("a.c", "a.c: big")
    assert cli_json("repo", "left-out", "--reason", "binary") == []
    assert cli_json("status")["counts"]["left_out"] == {"too_large (symbols)": 1}
    cli("repo", "remove", repo_id)
    assert cli_json("repo", "left-out") == []


def test_tags_are_followed_instead_of_a_branch(cli: Cli, cli_json: Cli, vendor: Path) -> None:
    """The newest is named at once; without any the command says so; a branch as well is a mistake."""
    assert "no tag matches" in cli("repo", "add", vendor, "--tags").stderr
    subprocess.run(["git", "-C", str(vendor), "tag", "v1.2"], check=True)

    result = cli("repo", "add", vendor, "--tag-glob", "v*")

    assert "of 1 tags the newest is v1.2" in result.stderr
    (listed,) = cli_json("repo", "list")
    assert (listed["tag_glob"], listed["num_tags"], listed["shallow"]) == ("v*", 0, False)
    assert "tags v* (0)" in " ".join(cli("repo", "list").stdout.split())
    assert cli("repo", "add", vendor, "--tags", "--branch", "main").exit_code == 2


def test_a_forced_look_is_asked_for(cli: Cli, cli_json: Cli, vendor: Path) -> None:
    """The watcher finds the wish in the ledger; for a paused repository there is a hint."""
    cli("repo", "add", vendor)
    assert cli("repo", "force", vendor).exit_code == 0
    assert cli_json("repo", "list")[0]["forced_at"]
    cli("repo", "pause", vendor)
    assert "repo resume" in cli("repo", "force", vendor).stderr
    assert cli("repo", "force", "nobody").exit_code == 6
