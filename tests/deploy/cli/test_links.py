"""Links are found from either end, shown with their evidence, and their history told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from mapper.model import Anchor, Conflict, Evidence, Symbol, TraceLink
from streams.agents.links import snapshot_id
from streams.events import Cause
from streams.ledger import sheets, sources
from streams.ledger.conflicts import replace_conflicts
from streams.ledger.costs import Cost, record_cost
from streams.ledger.engine import writing
from streams.ledger.links import LinkTurn, StoredLink, write_turns

Cli = Callable[..., Any]

SYMBOL = Symbol(path="src/ab.h", kind="macro", name="AB_CTRL", line=12, end_line=12, declaration="#define AB_CTRL 0xF4")
ANCHOR = Anchor(kind="register", title="CTRL", path=("Registers", "CTRL"), page=17, address=0xF4, register="CTRL")


def link(link_id: str, name: str = "AB_CTRL", register: str = "CTRL") -> TraceLink:
    return TraceLink(
        link_id=link_id,
        revision="r1",
        sheet_sha256="s" * 64,
        sheet_file="AB12.pdf",
        sheet_family="ab12",
        part="AB12",
        anchor=Anchor(kind="register", title=register, path=("Registers",), page=17, address=0xF4, register=register),
        anchor_id=f"anc1_{register}",
        symbol=Symbol(
            path="src/ab.h", kind="macro", name=name, line=12, end_line=12, declaration=f"#define {name} 0xF4"
        ),
        symbol_id=f"sym1_{name}",
        grade="full",
        score=0.97,
        method="rules",
        evidence=(Evidence(rule="address", detail="0xF4 on both sides", weight=3.0, page=17),),
    )


@pytest.fixture
def ledger(engine: Engine) -> Engine:
    """Return a ledger with two links, one of them stale, and a conflict."""
    cause = Cause(kind="commit", id="c" * 40, time=1.0)
    with writing(engine) as conn:
        repository = sources.add_repository(conn, url="/src/ab", now=1.0)
        turns = [
            LinkTurn(stored=StoredLink(link=link("ln1_aaaa"), state="new"), cause=cause, detail="first seen"),
            LinkTurn(
                stored=StoredLink(link=link("ln1_bbbb", "AB_MODE", "MODE"), state="stale"), cause=cause, detail="value"
            ),
        ]
        write_turns(conn, repository.repo_id, turns, 2.0)
        conflict = Conflict(
            conflict_id="cf1_a",
            kind="address",
            sheet_sha256="s" * 64,
            sheet_family="ab12",
            part="AB12",
            anchor=ANCHOR,
            symbol=SYMBOL,
            symbol_id="sym1_AB_CTRL",
            code_value="0xF5",
            sheet_value="0xF4",
            detail="",
        )
        replace_conflicts(conn, repository.repo_id, [conflict], cause)
    return engine


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], ["ln1_aaaa"]),
        (["--state", "all"], ["ln1_aaaa", "ln1_bbbb"]),
        (["--state", "stale"], ["ln1_bbbb"]),
        (["--symbol", "AB_CTRL"], ["ln1_aaaa"]),
        (["--register", "ctrl"], ["ln1_aaaa"]),
        (["--path", "src/*"], ["ln1_aaaa"]),
        (["--path", "src/other.h"], []),
        (["--part", "ab12"], ["ln1_aaaa"]),
        (["--state", "all", "--limit", "1"], ["ln1_aaaa"]),
    ],
)
def test_options_narrow_the_links_down(ledger: Engine, cli_json: Cli, words: list[str], ids: list[str]) -> None:
    """Live links unless a state is named; each option is one more condition."""
    assert [row["link_id"] for row in cli_json("links", *words)] == ids


def test_the_table_says_what_links_what(ledger: Engine, cli: Cli) -> None:
    """Register, page, symbol and place are in a row."""
    result = cli("links")

    assert result.exit_code == 0
    for word in ("CTRL", "17", "AB_CTRL", "src/ab.h:12", "0.97"):
        assert word in result.stdout


def test_a_cut_list_says_so(ledger: Engine, cli: Cli) -> None:
    """Nobody takes a part for all."""
    assert "more than 1" in cli("links", "--state", "all", "--limit", "1").stderr


def test_an_unknown_state_is_a_mistake(ledger: Engine, cli: Cli) -> None:
    """The message has those there are."""
    result = cli("links", "--state", "dead")

    assert result.exit_code == 2
    assert "stale" in result.stderr


def test_a_link_shows_both_ends_and_why(ledger: Engine, cli: Cli) -> None:
    """The start of the id is enough."""
    result = cli("links", "show", "ln1_a")

    for word in ("AB12.pdf page 17", "CTRL at 0xf4", "macro AB_CTRL", "src/ab.h:12", "address: 0xF4 on both sides"):
        assert word in result.stdout


def test_history_names_the_cause(ledger: Engine, cli_json: Cli) -> None:
    """Each state with what led to it."""
    (row,) = cli_json("links", "history", "ln1_aaaa")

    assert (row["state"], row["cause_kind"], row["cause_id"]) == ("new", "commit", "c" * 40)


@pytest.mark.parametrize("command", ["show", "history"])
@pytest.mark.parametrize("link_id", ["ln1_zzzz", "ln1_"])
def test_an_unknown_or_ambiguous_id_is_not_found(ledger: Engine, cli: Cli, command: str, link_id: str) -> None:
    """Exit code 6."""
    assert cli("links", command, link_id).exit_code == 6


def test_open_conflicts_are_findings(ledger: Engine, cli: Cli, cli_json: Cli) -> None:
    """Exit code 1, with what either side says."""
    result = cli("links", "conflicts")

    assert result.exit_code == 1
    for word in ("address", "0xF4", "0xF5", "AB_CTRL src/ab.h:12", "page 17"):
        assert word in result.stdout
    assert [row["conflict_id"] for row in cli_json("links", "conflicts")] == ["cf1_a"]


def test_no_conflict_is_exit_code_0(engine: Engine, cli: Cli) -> None:
    """And an empty list."""
    assert cli("links", "conflicts").exit_code == 0


def test_coverage_of_an_empty_ledger_is_empty(engine: Engine, cli_json: Cli) -> None:
    """No datasheet, no row."""
    assert cli_json("links", "coverage") == []


def test_the_audit_finds_what_does_not_follow(ledger: Engine, cli: Cli) -> None:
    """Links written by hand do not come from a mapping: they are only in the ledger."""
    with writing(ledger) as conn:
        (repository,) = sources.list_repositories(conn)
        snapshot = snapshot_id(repository, sheets.current_releases(conn))
        sources.record_linked(conn, repository.repo_id, snapshot=snapshot, head=None)

    result = cli("links", "audit")

    assert result.exit_code == 1
    assert "ln1_aaaa" in result.stdout


def test_the_help_has_examples(cli: Cli) -> None:
    """A newcomer copies one."""
    assert "sheetstream links --register" in cli("links", "--help").stdout


def test_costs_are_listed_newest_first(ledger: Engine, cli: Cli, cli_json: Cli) -> None:
    """What each event took, of all repositories or one."""
    cost = Cost(agent="links", repo_id="r", cause_kind="commit", cause_id="c" * 40, decisions_taken=3, recorded_at=1.0)
    with writing(ledger) as conn:
        record_cost(conn, cost, led_to="a")
        record_cost(conn, replace(cost, agent="symbols", files_parsed=2, recorded_at=2.0), led_to="b")

    assert [(row["agent"], row["files_parsed"], row["decisions_taken"]) for row in cli_json("links", "costs")] == [
        ("symbols", 2, 3),
        ("links", 0, 3),
    ]
    assert cli_json("links", "costs", "--repo", "/src/ab") == []
    assert "commit cccccccccccc" in cli("links", "costs").stdout
    assert cli("links", "costs", "--repo", "nothing").exit_code == 6


def test_a_conflict_names_what_opened_it(ledger: Engine, cli_json: Cli) -> None:
    """The kind of the cause and its id, and what resolved it."""
    (row,) = cli_json("links", "conflicts")

    assert (row["opened_kind"], row["opened_by"], row["resolved_kind"]) == ("commit", "c" * 40, None)
