"""`sheetstream repo`: which vendor repositories are watched."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.impact import repo_impact
from deploy.cli.ledger import (
    HOME_OPTION,
    JSON_OPTION,
    exit_codes,
    load_settings,
    reading_ledger,
    unless_running,
    when,
    writing_ledger,
)
from deploy.cli.output import EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from streams.config import StreamsSettings
    from streams.ledger.sources import Repository

app = typer.Typer(no_args_is_help=True, help="Track vendor repositories.", rich_markup_mode=None)

app.command("impact")(repo_impact)

KEY = typer.Argument(help="Id (or its start), URL or family, as in `repo list`.", metavar="REPO")


@app.command("add")
def add(
    url: str = typer.Argument(help="https URL, or a folder of this machine.", metavar="URL"),
    branch: str | None = typer.Option(
        None, metavar="BRANCH", help="Branch to follow; the remote's default one if not said."
    ),
    part: list[str] = typer.Option([], metavar="PART", help="Part number the code is for; repeat for more."),
    paths: list[str] = typer.Option(
        [], metavar="GLOB", help="Only files that match this glob, like 'drivers/**'; repeat for more."
    ),
    family: str | None = typer.Option(None, metavar="NAME", help="Name shared by forks and copies of one origin."),
    history: bool = typer.Option(False, "--history", help="Take every commit from the first on, not only from now on."),
    force: bool = typer.Option(False, "--force", help="Add it even if it cannot be read now."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Track a git repository; its commits are taken as they come.

    For example:

      sheetstream repo add https://github.com/vendor/sdk --branch main --part AB1234

      sheetstream repo add ~/src/driver --paths 'src/**' --history
    """
    from streams.ledger import sources
    from streams.watch.git import EMPTY_TREE

    settings = load_settings(home)
    location = _check(url, branch, settings, force=force)
    with writing_ledger(settings, create=True) as conn:
        repository = sources.add_repository(
            conn, url=location, now=time.time(), family=family, branch=branch, parts=part, path_globs=paths
        )
        if history and repository.tip is None:
            sources.record_tip(conn, repository.repo_id, EMPTY_TREE)
            repository = sources.get_repository(conn, repository.repo_id)
    if json:
        emit_json(asdict(repository))
    else:
        emit_line(repository.repo_id)
    note(f"watching {location}; see `sheetstream repo list`" + unless_running(settings.home))


@app.command("list")
def list_(home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """List the repositories, how far they are taken in, and what is wrong with them.

    For example:

      sheetstream repo list

      sheetstream repo list --json
    """
    from streams.ledger.sources import list_repositories

    with reading_ledger(home) as conn:
        found = list_repositories(conn)
    if json:
        emit_json([asdict(repository) for repository in found])
        return
    if not found:
        note("no repository is watched; add one with `sheetstream repo add URL`")
        return
    columns = ("id", "url", "branch", "parts", "state", "seen", "applied", "last look", "error")
    table("", columns, [_row(repository) for repository in found])


@app.command("remove")
def remove(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Stop watching a repository and retire its links and samples. What is in sealed shards stays there.

    For example:

      sheetstream repo remove repo1_3fa9

      sheetstream repo remove https://github.com/vendor/sdk
    """
    from streams.ledger.sources import remove_repository

    with writing_ledger(load_settings(home)) as conn:
        repository = _find(conn, key)
        remove_repository(conn, repository.repo_id, time.time())
    note(f"removed {repository.url}")


@app.command("pause")
def pause(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Stop looking at a repository for now; what is known of it stays.

    For example:

      sheetstream repo pause repo1_3fa9

      sheetstream repo pause ~/src/driver
    """
    _set_state(key, home, "paused")


@app.command("resume")
def resume(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Look at a paused repository again; what it missed is taken then.

    For example:

      sheetstream repo resume repo1_3fa9

      sheetstream repo resume ~/src/driver
    """
    _set_state(key, home, "active")


@app.command("left-out")
def left_out(
    key: str | None = typer.Argument(None, help="Only of this repository.", metavar="REPO"),
    reason: str | None = typer.Option(None, metavar="REASON", help="Only those left out for this reason."),
    limit: int = typer.Option(100, min=1, metavar="N", help="The newest so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """List files and passages that were not parsed, or did not become samples, and why.

    For example:

      sheetstream repo left-out --reason too_large

      sheetstream repo left-out repo1_3fa9 --json
    """
    from streams.ledger.samples import find_drops

    with reading_ledger(home) as conn:
        repo_id = None if key is None else _find(conn, key).repo_id
        found = find_drops(conn, repo_id=repo_id, reason=reason, limit=limit)
    if json:
        emit_json([asdict(drop) for drop in found])
    elif found:
        rows = [(when(drop.dropped_at), drop.stage, drop.reason, drop.path, drop.detail) for drop in found]
        table("", ("when", "stage", "reason", "file", "detail"), rows)
    else:
        note("nothing was left out")


def _check(url: str, branch: str | None, settings: "StreamsSettings", *, force: bool) -> str:
    """Return the address to watch after a look at it; end the command when it cannot be read."""
    from streams.errors import RepositoryError
    from streams.watch.address import check_address
    from streams.watch.git import remote_tip

    with exit_codes():
        address = check_address(
            url, allow_local=settings.allow_local_sources, allow_private=settings.allow_private_addresses
        )
        try:
            tip = remote_tip(address, branch)
        except RepositoryError as error:
            if not force:
                fail(f"{error}; --force adds it nevertheless")
            note(f"warning: {error}")
        else:
            note(f"{address.url}: {tip.ref.removeprefix('refs/heads/')} is at {tip.commit[:12]}")
    return address.url


def _set_state(key: str, home: Path | None, state: str) -> None:
    from streams.ledger.sources import set_repository_state

    with writing_ledger(load_settings(home)) as conn:
        repository = _find(conn, key)
        set_repository_state(conn, repository.repo_id, state)
    note(f"{repository.url}: {state}")


def _find(conn: "Connection", key: str) -> "Repository":
    from streams.ledger.sources import LIVE, find_repository

    found = find_repository(conn, key) or find_repository(conn, str(Path(key).absolute()))
    if found is None or found.state not in LIVE:
        fail(f"{key}: no such repository, or several; see `sheetstream repo list`", EXIT_NOT_FOUND)
    return found


def _row(repository: "Repository") -> tuple[object, ...]:
    return (
        repository.repo_id[:14],
        repository.url,
        repository.branch or "(default)",
        ", ".join(repository.parts),
        repository.state,
        (repository.tip or "")[:12],
        (repository.head or "")[:12],
        when(repository.polled_at),
        repository.error or "",
    )
