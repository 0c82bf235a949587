"""The command line over a PostgreSQL ledger: one that works, one without tables, and one that is not there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that sets the database's URL."""
    return lambda url: monkeypatch.setenv("SHEETSTREAM_DATABASE_URL", url)


@pytest.fixture
def new_database(postgres: Any, use: Callable[[str], None]) -> Iterator[str]:
    """Use a database without tables, over TCP and with a password; gives its name."""
    with postgres.database() as name:
        use(postgres.tcp_url(name))
        yield name


@pytest.mark.parametrize("words", [("links",), ("repo", "list"), ("repo", "add", "--force", ROOT), ("dlq", "list")])
def test_a_database_that_is_not_there_is_named(cli: Cli, use: Callable[[str], None], words: tuple[str, ...]) -> None:
    """Commands end with 4 and one line that names address and setting, and not the password."""
    use("postgresql://u:s3cret@127.0.0.1:9/ledger")

    result = cli(*words)

    assert result.exit_code == 4
    assert "127.0.0.1:9/ledger (SHEETSTREAM_DATABASE_URL): can not connect" in " ".join(result.stderr.split())
    assert "s3cret" not in result.output


def test_a_url_of_another_database_is_exit_code_3(cli: Cli, use: Callable[[str], None]) -> None:
    """It is a setting that is wrong."""
    use("mysql://u:s3cret@h/ledger")

    result = cli("repo", "list")

    assert result.exit_code == 3
    assert "SHEETSTREAM_DATABASE_URL: a URL of SQLite or PostgreSQL expected" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize("url", ["postgresql://u:s3c:r@et@h:1/db?a=b", "postgresql://u@h/db?password=s3c@et"])
def test_config_shows_no_password(cli: Cli, use: Callable[[str], None], url: str) -> None:
    """Whatever it is made of; the rest of the URL is shown."""
    use(url)

    shown = " ".join(cli("config", "show", "--json").stdout.split())

    assert "s3c" not in shown
    assert "et@h" not in shown
    assert "postgresql://u" in shown


@pytest.mark.postgres
def test_a_database_without_tables_is_exit_code_6(cli: Cli, new_database: str) -> None:
    """Reading makes none, and says how to begin; doctor finds nothing wrong."""
    result = cli("links")

    assert result.exit_code == 6
    assert "no tables yet" in result.stderr
    assert "no tables yet on PostgreSQL" in cli("doctor", "--json").stdout


@pytest.mark.postgres
def test_what_is_added_is_there(cli: Cli, cli_json: Cli, postgres: Any, new_database: str) -> None:
    """The first command that writes makes the tables."""
    assert cli("repo", "add", "--force", ROOT).exit_code == 0

    assert [row["url"] for row in cli_json("repo", "list")] == [str(ROOT)]
    findings = [finding for finding in cli_json("doctor") if finding["check"] == "ledger"]
    assert findings[0]["verdict"] == "ok"
    assert f"sheetstream:***@127.0.0.1:{postgres.port}/{new_database}" in findings[0]["seen"]
    assert [finding["seen"] for finding in findings[1:]] == ["commits may be lost in a crash"]
