"""`sheet impact`, `repo impact`, `links history`, `links conflicts` and `links audit` from the command line."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.datasheet.revision import SheetChange
from mapper.model import Anchor, Conflict, Datasheet, Symbol, TraceLink
from streams.events import Cause
from streams.ledger import sheets, sources
from streams.ledger.audits import Audit, record_audit
from streams.ledger.conflicts import replace_conflicts
from streams.ledger.engine import writing
from streams.ledger.links import LinkTurn, StoredLink, write_turns
from streams.ledger.symbols import AppliedCommit, record_commit

Cli = Callable[..., Any]

OLD, NEW, COMMIT = "a" * 64, "b" * 64, "c" * 40
ANCHOR = Anchor(kind="register", title="CTRL", path=("Registers", "CTRL"), page=17, address=4, register="CTRL")
SYMBOL = Symbol(path="src/ab.h", kind="macro", name="AB_CTRL", line=12, end_line=12)


@pytest.fixture
def repo_id(engine: Engine) -> str:
    """The id of a repository with a link that a commit made and a revision made stale, a conflict, and an audit."""
    link = TraceLink(
        link_id="ln1_aaaa",
        revision="r1",
        sheet_sha256=OLD,
        sheet_file="AB12.pdf",
        sheet_family="ab12",
        part="AB12",
        anchor=ANCHOR,
        anchor_id="anc1",
        symbol=SYMBOL,
        symbol_id="sym1",
        grade="full",
        score=0.97,
        method="rules",
        evidence=(),
    )
    conflict = Conflict(
        conflict_id="cf1_a",
        kind="reset",
        sheet_sha256=OLD,
        sheet_family="ab12",
        part="AB12",
        anchor=ANCHOR,
        symbol=SYMBOL,
        symbol_id="sym1",
        code_value="0x0",
        sheet_value="0x7",
        detail="",
    )
    made, revised = Cause(kind="commit", id=COMMIT, time=1.0), Cause(kind="datasheet", id=NEW, time=2.0)
    with writing(engine) as conn:
        repository = sources.add_repository(conn, url="/src/ab", now=1.0)
        for sha256, revision, current in ((OLD, "A", False), (NEW, "B", True)):
            sheet = Datasheet(
                sha256=sha256,
                file="AB12.pdf",
                title="AB12 sensor",
                parts=("AB12",),
                family="ab12",
                revision=revision,
                num_pages=9,
                sections=(),
                registers=(),
            )
            sheets.write_sheet(conn, sheet, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=current)
        change = SheetChange(anchor="register/CTRL@0x04", what="reset", old="0x0", new="0x7")
        sheets.write_sheet_changes(conn, "ab12", OLD, NEW, [change])
        turn = LinkTurn(stored=StoredLink(link=link, state="new"), cause=made, detail="first seen")
        write_turns(conn, repository.repo_id, [turn], 1.0)
        turn = LinkTurn(stored=StoredLink(link=link, state="stale"), cause=revised, detail="evidence gone")
        write_turns(conn, repository.repo_id, [turn], 2.0)
        replace_conflicts(conn, repository.repo_id, [conflict], revised)
        commit = AppliedCommit(
            event_id="e",
            repo_id=repository.repo_id,
            commit_id=COMMIT,
            base=None,
            summary="Add AB12",
            commit_time=1.0,
            applied_at=1.0,
            files_changed=1,
            files_parsed=1,
            symbols_changed=1,
            seconds=0.1,
        )
        record_commit(conn, commit)
        audit = Audit(
            repo_id=repository.repo_id,
            snapshot="s",
            depth="deep",
            audited_at=3.0,
            seconds=0.2,
            mismatches={"links": 2, "tree": 0},
            num_differences=2,
            differences=('- ["link","ln1_x"]',),
            digest="f" * 64,
        )
        record_audit(conn, audit)
    return repository.repo_id


def test_sheet_impact_says_who_is_touched_and_what_differs(repo_id: str, cli: Cli) -> None:
    """Revision, change, repository, symbol, old and new value, and the conflict it opened."""
    result = cli("sheet", "impact", "ab12", "--register", "ctrl")

    assert result.exit_code == 0, result.stderr
    for word in (
        "revision B",
        "before: A",
        "/src/ab",
        "AB_CTRL src/ab.h:12",
        "stale",
        "reset 0x0 -> 0x7",
        "conflicts opened",
    ):
        assert word in result.stdout


def test_repo_impact_says_which_places_a_commit_touches(repo_id: str, cli: Cli, cli_json: Cli) -> None:
    """The commit by its start; as JSON the same."""
    result = cli("repo", "impact", COMMIT[:7])

    for word in ('"Add AB12"', "AB12", "17", "CTRL", "new"):
        assert word in result.stdout
    found = cli_json("repo", "impact", COMMIT[:7], "--repo", repo_id)
    assert [link["name"] for link in found["impact"]["links"]] == ["AB_CTRL"]
    assert found["commits"][0]["summary"] == "Add AB12"


@pytest.mark.parametrize(
    "words",
    [
        ("sheet", "impact", "nothing"),
        ("repo", "impact", "1234"),
        ("sheet", "impact", "ab12", "--repo", "none"),
        ("links", "conflicts", "--repo", "none"),
        ("links", "audit", "--repo", "none"),
        ("links", "audit", "--history", "--repo", "none"),
    ],
)
def test_what_is_not_there_is_exit_code_6(repo_id: str, cli: Cli, words: tuple[str, ...]) -> None:
    """With a hint where its name can be found."""
    result = cli(*words)

    assert result.exit_code == 6
    assert "see `sheetstream" in result.stderr or "no such commit" in result.stderr


def test_history_tells_causes_in_words(repo_id: str, cli: Cli, cli_json: Cli) -> None:
    """Commit with its first line, revision with its name, and what the revision changed there."""
    text = cli("links", "history", "ln1_a").stdout
    rows = cli_json("links", "history", "ln1_a")

    assert "AB_CTRL (src/ab.h:12) -> AB12 CTRL, page 17" in text
    assert f'first seen, by commit {COMMIT[:12]} "Add AB12" of ' in text
    assert "evidence gone, by revision B of AB12.pdf" in text
    assert "CTRL@0x04: reset 0x0 -> 0x7" in text
    assert [row["cause"]["kind"] for row in rows] == ["commit", "datasheet"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ((), 1),
        (("--part", "ab12", "--kind", "reset"), 1),
        (("--kind", "address"), 0),
        (("--state", "resolved"), 0),
        (("--state", "all"), 1),
        (("--repo", "/src/ab"), 1),
    ],
)
def test_conflicts_are_filtered_and_name_their_cause(
    repo_id: str, cli_json: Cli, words: tuple[str, ...], number: int
) -> None:
    """Who opened it, in words."""
    found = cli_json("links", "conflicts", *words)

    assert [row["opened"]["words"] for row in found] == ["revision B of AB12.pdf"] * number


@pytest.mark.parametrize("words", [("--state", "shut"), ("--kind", "colour")])
def test_a_filter_that_is_none_is_a_mistake(repo_id: str, cli: Cli, words: tuple[str, ...]) -> None:
    """The message has those there are."""
    result = cli("links", "conflicts", *words)

    assert result.exit_code == 2
    assert "expected" in result.stderr


def test_the_audits_so_far_are_listed(repo_id: str, cli: Cli, cli_json: Cli) -> None:
    """When, what, how deep, with which result; of one repository or all."""
    text = cli("links", "audit", "--history").stdout

    for word in ("/src/ab", "deep", "2 links", '- ["link","ln1_x"]', "ffffffffffff"):
        assert word in text
    assert [row["num_differences"] for row in cli_json("links", "audit", "--history", "--repo", repo_id)] == [2]
    assert cli_json("links", "audit", "--history", "--repo", "ledger") == []


def test_an_audit_of_what_is_not_linked_yet_is_no_finding(repo_id: str, cli: Cli) -> None:
    """It says that there is work to do, and ends with 0."""
    result = cli("links", "audit", "--repo", repo_id)

    assert "not linked yet" in result.stderr
    assert result.exit_code == 0
