"""deploy/cli/ledger_admin.py: the commands around the ledger's database."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from deploy.cli.ledger_admin import app
from deploy.local.home import Home
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.schema import tallies
from streams.ledger.sources import add_repository, list_repositories
from streams.ledger.symbols import write_tree

RUNNER = CliRunner()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose ledger has one repository with one file."""
    engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    with writing(engine) as conn:
        repository = add_repository(conn, url="u", now=1.0)
        write_tree(conn, repository.repo_id, {"a.c": "b"}, [])
    engine.dispose()
    return tmp_path


def test_info_tells_size_and_rows(home: Path) -> None:
    """The database, its schema and the rows of each table."""
    done = RUNNER.invoke(app, ["info", "--rows", "--json", "--home", str(home)])

    found = json.loads(done.stdout)
    assert found["schema"] == found["newest_schema"]
    assert found["rows"]["tree_files"] == 1
    assert found["bytes"] > 0


def test_check_names_a_wrong_tally(home: Path) -> None:
    """Exit code 0 while all are right, 5 and both numbers when one is not."""
    right = RUNNER.invoke(app, ["check", "--home", str(home)])
    engine = open_ledger(f"sqlite:///{home / 'ledger.db'}")
    with writing(engine) as conn:
        conn.execute(update(tallies).values(number=3))
    engine.dispose()

    wrong = RUNNER.invoke(app, ["check", "--home", str(home)])

    assert (right.exit_code, wrong.exit_code) == (0, 5)
    assert "3 tallied, 1 counted" in wrong.stdout


def test_move_copies_to_an_empty_database(home: Path, tmp_path: Path) -> None:
    """A dry run writes nothing; the move says where the ledger is now."""
    target = f"sqlite:///{tmp_path / 'moved.db'}"

    dry = RUNNER.invoke(app, ["move", "--to", target, "--dry-run", "--home", str(home)])
    untouched = not (tmp_path / "moved.db").exists()
    done = RUNNER.invoke(app, ["move", "--to", target, "--home", str(home)])

    assert (dry.exit_code, done.exit_code, untouched) == (0, 0, True)
    assert done.stdout.strip().endswith(target)
    moved = open_ledger(target)
    with reading(moved) as conn:
        assert [repository.url for repository in list_repositories(conn)] == ["u"]
    moved.dispose()


@pytest.mark.parametrize("arguments", [["move", "--to", "sqlite:///other.db"], ["prune", "--keep", "1"]])
def test_nothing_is_moved_or_pruned_while_the_system_runs(home: Path, arguments: list[str]) -> None:
    """The message names the process."""
    place = Home(home)
    place.create()
    with place.claim():
        done = RUNNER.invoke(app, [*arguments, "--home", str(home)])

    assert done.exit_code == 2
    assert "the system runs here" in done.output


def test_a_move_onto_itself_is_refused(home: Path) -> None:
    """The ledger in use is no target."""
    done = RUNNER.invoke(app, ["move", "--to", f"sqlite:///{home / 'ledger.db'}", "--home", str(home)])

    assert done.exit_code == 2
    assert "another database expected" in done.output


def test_prune_says_what_it_would_remove(home: Path) -> None:
    """As JSON, by kind."""
    done = RUNNER.invoke(app, ["prune", "--keep", "30", "--dry-run", "--json", "--home", str(home)])

    assert json.loads(done.stdout)["parsed files"] == 0
