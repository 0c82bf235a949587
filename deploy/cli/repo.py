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
    from streams.watch.address import Address

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
    tags: bool = typer.Option(False, "--tags", help="Follow release tags instead of a branch: the newest version."),
    tag_glob: str | None = typer.Option(
        None, "--tag-glob", metavar="GLOB", help="Only tags that match this glob, like 'v2.*'; implies --tags."
    ),
    force: bool = typer.Option(False, "--force", help="Add it even if it cannot be read now."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Track a git repository; its commits, or its release tags, are taken as they come.

    Added again with other options it goes on from where it was, with those.

    For example:

      sheetstream repo add https://github.com/vendor/sdk --branch main --part AB1234

      sheetstream repo add ~/src/driver --paths 'src/**' --history

      sheetstream repo add https://github.com/vendor/sdk --tag-glob 'v*'
    """
    from streams.ledger import sources
    from streams.watch.git import EMPTY_TREE

    settings = load_settings(home)
    glob = tag_glob or ("*" if tags else None)
    if glob is not None and branch is not None:
        fail("--branch and --tags: one of them expected; a repository is followed by its branch or by its tags")
    location = _check(url, branch, glob, settings, force=force)
    with writing_ledger(settings, create=True) as conn:
        repository = sources.add_repository(
            conn,
            url=location,
            now=time.time(),
            family=family,
            branch=branch,
            parts=part,
            path_globs=paths,
            tag_glob=glob,
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
    from streams.ledger.tags import count_tags

    with reading_ledger(home) as conn:
        found = list_repositories(conn)
        num_tags = count_tags(conn)
    shallow = _shallow(load_settings(home).home, found)
    if json:
        own = {repository.repo_id: {"num_tags": num_tags.get(repository.repo_id, 0)} for repository in found}
        emit_json([asdict(r) | own[r.repo_id] | {"shallow": r.repo_id in shallow} for r in found])
        return
    if not found:
        note("no repository is watched; add one with `sheetstream repo add URL`")
        return
    columns = ("id", "url", "branch or tags", "parts", "state", "seen", "applied", "last look", "error")
    table("", columns, [_row(r, num_tags.get(r.repo_id, 0), shallow=r.repo_id in shallow) for r in found])


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


@app.command("force")
def force_(key: str = KEY, home: Path | None = HOME_OPTION) -> None:
    """Look at a repository now, whatever went wrong before, and compare the whole tree of its head once more.

    For example:

      sheetstream repo force repo1_3fa9

      sheetstream repo force https://github.com/vendor/sdk
    """
    from streams.ledger.sources import force_repository

    with writing_ledger(load_settings(home)) as conn:
        repository = _find(conn, key)
        force_repository(conn, repository.repo_id, time.time())
    paused = "; it is paused: `sheetstream repo resume` it" if repository.state == "paused" else ""
    note(f"{repository.url}: is looked at now{paused}" + unless_running(load_settings(home).home))


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


def _check(url: str, branch: str | None, glob: str | None, settings: "StreamsSettings", *, force: bool) -> str:
    """Return the address to watch after a look at it; end the command when it cannot be read."""
    from streams.errors import RepositoryError
    from streams.watch.address import check_address

    with exit_codes():
        address = check_address(
            url, allow_local=settings.allow_local_sources, allow_private=settings.allow_private_addresses
        )
        try:
            said = _newest_tag(address, glob) if glob is not None else _branch_tip(address, branch)
        except RepositoryError as error:
            if not force:
                fail(f"{error}; --force adds it nevertheless")
            note(f"warning: {error}")
        else:
            note(f"{address.url}: {said}")
    return address.url


def _branch_tip(address: "Address", branch: str | None) -> str:
    from streams.watch.remote import remote_tip

    tip = remote_tip(address, branch)
    return f"{tip.ref.removeprefix('refs/heads/')} is at {tip.commit[:12]}"


def _newest_tag(address: "Address", glob: str) -> str:
    from streams.watch.remote import remote_tags
    from streams.watch.tags import choose

    choice = choose(remote_tags(address), glob, tip=None, tip_ref=None)
    return f"of {len(choice.matching)} tags the newest is {choice.head}, at {choice.matching[choice.head][:12]}"


def _shallow(home: Path, repositories: "list[Repository]") -> set[str]:
    """Return the ids of those whose source has only the end of its history; none where the mirrors lie elsewhere."""
    from streams.watch.git import GitMirror, mirror_folder

    return {r.repo_id for r in repositories if GitMirror(mirror_folder(home, r.repo_id)).is_shallow()}


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


def _row(repository: "Repository", num_tags: int, *, shallow: bool) -> tuple[object, ...]:
    followed = repository.branch or "(default)"
    seen = (repository.tip or "")[:12]
    if repository.tag_glob is not None:
        followed = f"tags {repository.tag_glob} ({num_tags})"
        seen = f"{(repository.tip_ref or '').removeprefix('refs/tags/')} {seen}".strip()
    if shallow:
        followed += ", shallow: its history is cut off"
    state = repository.state
    if repository.backfill_tip is not None:
        state += f", backfill of {(repository.backfill_commits or 0) + 1} commits"
    return (
        repository.repo_id[:14],
        repository.url,
        followed,
        ", ".join(repository.parts),
        state,
        seen,
        (repository.head or "")[:12],
        when(repository.polled_at),
        repository.error or "",
    )
