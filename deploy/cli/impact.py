"""`sheetstream sheet impact` and `repo impact`: what a datasheet revision or a commit touched, and where."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, reading_ledger, when
from deploy.cli.link_story import REPO_OPTION, find_repo
from deploy.cli.output import EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from streams.ledger.conflicts import ConflictRow
    from streams.ledger.impact import Impact

LIMIT = typer.Option(200, min=1, metavar="N", help="No more than so many links.")


def sheet_impact(
    sheet: str = typer.Argument(
        help="Family, part or file: its current revision; or a revision's sha256.", metavar="SHEET"
    ),
    register: str | None = typer.Option(None, metavar="REGISTER", help="Only what concerns this register."),
    repo: str | None = REPO_OPTION,
    limit: int = LIMIT,
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show what a datasheet revision changed, and which symbols of which repositories it touches.

    For example:

      sheetstream sheet impact AB1234

      sheetstream sheet impact AB1234 --register CTRL1 --json
    """
    from streams.ledger.impact import sheet_impact as read_impact
    from streams.ledger.sheets import find_sheet

    with reading_ledger(home) as conn:
        row = find_sheet(conn, sheet)
        if row is None:
            fail(f"{sheet}: no such datasheet, or several; see `sheetstream sheet list`", EXIT_NOT_FOUND)
        repo_id = find_repo(conn, repo).repo_id if repo is not None else None
        found = read_impact(conn, row.sha256, register=register, repo_id=repo_id)
    if json:
        emit_json(asdict(found))
        return
    before = f" (before: {found.before.revision or found.before.sha256[:12]})" if found.before else ", its first"
    emit_line(
        f"{row.file}, revision {row.revision or row.sha256[:12]} of {when(row.released_at)}{before}: "
        f"changes: {len(found.changes)}, links confirmed where nothing changed: {found.confirmed}"
    )
    if found.changes:
        rows = [(c.anchor, c.what, _value(c.old_value), _value(c.new_value)) for c in found.changes]
        table("what it changed", ("where", "what", "old", "new"), rows)
    _show(found.impact, limit)


def repo_impact(
    commit: str = typer.Argument(help="Id of a commit, or its start.", metavar="COMMIT"),
    repo: str | None = REPO_OPTION,
    limit: int = LIMIT,
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show which places of which datasheets a commit touches, and what it did to their links.

    For example:

      sheetstream repo impact 3fa9c1d

      sheetstream repo impact 3fa9c1d --repo repo1_3fa9 --json
    """
    from streams.ledger.impact import commit_impact

    with reading_ledger(home) as conn:
        repo_id = find_repo(conn, repo).repo_id if repo is not None else None
        found = commit_impact(conn, commit, repo_id=repo_id)
    if found is None:
        fail(f"{commit}: no such commit was applied, or several start so", EXIT_NOT_FOUND)
    if json:
        emit_json(asdict(found))
        return
    for row in found.commits:
        emit_line(
            f'commit {row.commit_id[:12]} "{row.summary}" of {when(row.commit_time)}: '
            f"{row.files_changed} files, {row.symbols_changed} symbols changed"
        )
    _show(found.impact, limit)


def _show(impact: "Impact", limit: int) -> None:
    if impact.repositories:
        rows = [
            (
                repository.url,
                repository.symbols,
                ", ".join(f"{number} {what}" for what, number in repository.happened.items()),
                repository.conflicts_opened,
                repository.conflicts_resolved,
            )
            for repository in impact.repositories
        ]
        columns = ("repository", "symbols", "links", "conflicts opened", "conflicts resolved")
        table("whom it touches", columns, rows)
    if impact.links:
        links = [
            (
                link.link_id[:12],
                f"{link.name} {link.path}:{link.line}",
                link.part,
                link.page,
                link.place,
                link.happened or "unchanged",
                "; ".join(difference.words for difference in link.differences) or link.detail,
            )
            for link in impact.links[:limit]
        ]
        table("links", ("id", "symbol", "part", "page", "place", "what became of it", "what differs"), links)
    for title, found in (("conflicts opened", impact.opened), ("conflicts resolved", impact.resolved)):
        if found:
            rows_of = [
                (c.kind, c.part, place(c), c.sheet_value, c.code_value, f"{c.name} {c.path}:{c.line}") for c in found
            ]
            table(title, ("what", "part", "register", "datasheet says", "code says", "code"), rows_of)
    if not impact.repositories:
        note("it touches no symbol")
    if len(impact.links) > limit or impact.more:
        shown = min(limit, len(impact.links))
        note(f"there are more than {shown} links; --limit shows more, --repo those of one repository")


def place(conflict: "ConflictRow") -> str:
    """Return the register and field that a conflict is about."""
    return ".".join(name for name in (conflict.register, conflict.field) if name)


def _value(value: str | None) -> str:
    return "-" if value is None else value if len(value) <= 60 else f"{value[:59]}…"
