"""`sheetstream links costs`: what the last events cost."""

from dataclasses import asdict
from pathlib import Path

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, reading_ledger, when
from deploy.cli.output import EXIT_NOT_FOUND, emit_json, fail, note, table


def costs(
    repo: str | None = typer.Option(None, metavar="REPO", help="Only this repository: id, URL or family."),
    limit: int = typer.Option(50, min=1, metavar="N", help="No more than so many, the newest."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show what the last events cost: files parsed, decisions kept and taken anew, symbols aligned, seconds.

    For example:

      sheetstream links costs

      sheetstream links costs --repo repo1_3fa9 --json
    """
    from streams.ledger.costs import recent_costs
    from streams.ledger.sources import find_repository

    with reading_ledger(home) as conn:
        found = find_repository(conn, repo) if repo is not None else None
        if repo is not None and found is None:
            fail(f"{repo}: no such repository, or several; see `sheetstream repo list`", EXIT_NOT_FOUND)
        rows = recent_costs(conn, repo_id=found.repo_id if found else None, limit=limit)
    if json:
        emit_json([asdict(row) for row in rows])
        return
    if not rows:
        note("no event was applied yet")
        return
    columns = (
        *("when", "agent", "cause", "parsed", "symbols", "aligned", "kept", "taken", "links"),
        *("prompts", "tokens", "CPU s", "s"),
    )
    shown = [
        (
            when(row.recorded_at),
            row.agent,
            f"{row.cause_kind} {row.cause_id[:12]}",
            row.files_parsed,
            row.symbols_changed,
            row.symbols_aligned,
            row.decisions_kept,
            row.decisions_taken,
            row.links_changed,
            row.prompts,
            row.tokens,
            f"{row.cpu_seconds:.3f}",
            f"{row.wall_seconds:.3f}",
        )
        for row in rows
    ]
    table("", columns, shown)
