"""What `status`, `doctor` and `repo left-out` say after an upgrade."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from streams.ledger import sources
from streams.ledger.engine import writing

Cli = Callable[..., Any]


def test_status_and_doctor_say_what_is_still_to_be_read(cli: Cli, cli_json: Cli, engine: Engine) -> None:
    """It is no problem, and needs nobody; once it is done it is not spoken of any more."""
    with writing(engine) as conn:
        repo_id = sources.add_repository(conn, url="https://x/y", now=1.0).repo_id
        sources.record_head(conn, repo_id, "c1", 1.0, parser="parser1_older")

    assert "1 repositories are still to be read again by this version" in " ".join(cli("status").stderr.split())
    assert cli_json("status")["outdated"] == {"trees": 1, "sheets": 0, "links": 0}
    (finding,) = [finding for finding in cli_json("doctor") if finding["check"] == "versions"]
    assert (finding["verdict"], "by itself" in finding["fix"]) == ("warning", True)

    with writing(engine) as conn:
        sources.record_head(conn, repo_id, "c1", 1.0)

    assert "upgrade" not in cli("status").stderr
    (finding,) = [finding for finding in cli_json("doctor") if finding["check"] == "versions"]
    assert finding["verdict"] == "ok"
