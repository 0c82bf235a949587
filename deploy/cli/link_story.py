"""`sheetstream links history` and `links conflicts`: what happened, and by which commit or datasheet revision."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, reading_ledger, when
from deploy.cli.output import EXIT_FINDINGS, EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from streams.ledger.causes import CauseStory
    from streams.ledger.links import LinkStory
    from streams.ledger.sources import Repository

LINK = typer.Argument(help="Id of a link, or its start.", metavar="LINK")
REPO_OPTION = typer.Option(None, "--repo", metavar="REPO", help="Only this repository: id (or its start), URL, family.")
CONFLICT_STATES = ("open", "resolved", "all")
CONFLICT_COLUMNS = (
    *("what", "part", "datasheet", "register", "datasheet says", "code says", "code", "state"),
    *("opened by", "resolved by"),
)
CONFLICT_KINDS = ("address", "width", "access", "reset", "value")


def history(link: str = LINK, home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """Tell what happened to a link, oldest first, each with the commit or datasheet revision that caused it.

    For example:

      sheetstream links history ln1_5be0

      sheetstream links history ln1_5be0 --json
    """
    from streams.ledger.causes import explain_causes
    from streams.ledger.story import differences_of

    with reading_ledger(home) as conn:
        story = _story(conn, link)
        causes = explain_causes(conn, [row.cause_id for row in story.history])
        differences = differences_of(conn, story)
    if json:
        emit_json(
            [
                asdict(row)
                | {
                    "cause": asdict(causes[row.cause_id]) | {"words": causes[row.cause_id].words},
                    "differences": [asdict(each) for each in differences.get(row.cause_id, ())],
                }
                for row in story.history
            ]
        )
        return
    place = ".".join(name for name in (story.row.register, story.row.field) if name) or story.row.anchor_title
    emit_line(
        f"{story.row.name} ({story.row.path}:{story.row.line}) -> {story.row.part} {place}, page {story.row.page}"
    )
    for row in story.history:
        cause = causes[row.cause_id]
        made = f" of {when(cause.time)}" if cause.time else ""
        emit_line(f"{when(row.changed_at)}  {row.state:<8} {row.detail or 'no detail'}, by {cause.words}{made}")
        for each in differences.get(row.cause_id, ()):
            emit_line(f"{'':21}{'':9}{each.words}")


def conflicts(
    all_: bool = typer.Option(False, "--all", help="Resolved ones too; the same as --state all."),
    repo: str | None = REPO_OPTION,
    part: str | None = typer.Option(None, metavar="PART", help="Only of this part number."),
    kind: str | None = typer.Option(None, metavar="KIND", help=f"Only of this kind: {', '.join(CONFLICT_KINDS)}."),
    state: str | None = typer.Option(None, metavar="STATE", help="open, resolved, or all; open ones if not said."),
    limit: int = typer.Option(1000, min=1, metavar="N", help="No more than so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """List where code and datasheet disagree, both sides as they write it. Exit code 1 when there are open ones.

    For example:

      sheetstream links conflicts

      sheetstream links conflicts --part AB1234 --kind reset --state all --json
    """
    from streams.ledger.causes import explain_causes
    from streams.ledger.conflicts import find_conflicts

    if state is not None and state not in CONFLICT_STATES:
        fail(f"--state {state}: one of {', '.join(CONFLICT_STATES)} expected")
    if kind is not None and kind not in CONFLICT_KINDS:
        fail(f"--kind {kind}: one of {', '.join(CONFLICT_KINDS)} expected")
    wanted = None if all_ or state == "all" else state or "open"
    with reading_ledger(home) as conn:
        repo_id = find_repo(conn, repo).repo_id if repo is not None else None
        found = find_conflicts(conn, repo_id=repo_id, part=part, kind=kind, state=wanted, limit=limit + 1)
        causes = explain_causes(conn, [by for row in found for by in (row.opened_by, row.resolved_by)])
    shown = found[:limit]
    if json:
        emit_json(
            [
                asdict(row) | {"opened": _cause(causes, row.opened_by), "resolved": _cause(causes, row.resolved_by)}
                for row in shown
            ]
        )
    elif shown:
        rows = [
            (
                row.kind,
                row.part,
                f"page {row.page}",
                ".".join(name for name in (row.register, row.field) if name),
                row.sheet_value,
                row.code_value,
                f"{row.name} {row.path}:{row.line}",
                row.state,
                causes[row.opened_by].words,
                causes[row.resolved_by].words if row.resolved_by else "",
            )
            for row in shown
        ]
        table(
            "",
            (
                *("what", "part", "datasheet", "register", "datasheet says", "code says", "code", "state"),
                "opened by",
                "resolved by",
            ),
            rows,
        )
    else:
        note("no conflict")
    if len(found) > limit:
        note(f"there are more than {limit}; --limit shows more")
    if any(row.state == "open" for row in shown):
        raise typer.Exit(EXIT_FINDINGS)


def find_story(link: str, home: Path | None) -> "LinkStory":
    """Return the story of a link, or end the command."""
    with reading_ledger(home) as conn:
        return _story(conn, link)


def find_repo(conn: "Connection", key: str) -> "Repository":
    """Return the repository that is meant, also one that was removed, or end the command."""
    from streams.ledger.sources import find_repository

    found = find_repository(conn, key) or find_repository(conn, str(Path(key).absolute()))
    if found is None:
        fail(f"{key}: no such repository, or several; see `sheetstream repo list`", EXIT_NOT_FOUND)
    return found


def _story(conn: "Connection", link: str) -> "LinkStory":
    from streams.ledger.links import link_story

    story = link_story(conn, link)
    if story is None:
        fail(f"{link}: no such link, or several; `sheetstream links` lists their ids", EXIT_NOT_FOUND)
    return story


def _cause(causes: "dict[str, CauseStory]", identity: str | None) -> dict[str, object] | None:
    if identity is None:
        return None
    return asdict(causes[identity]) | {"words": causes[identity].words}
