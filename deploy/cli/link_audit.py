"""`sheetstream links audit`: does the ledger equal what follows from its sources, now and so far."""

from dataclasses import asdict
from pathlib import Path

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings, reading_ledger, when
from deploy.cli.link_story import REPO_OPTION, find_repo
from deploy.cli.output import EXIT_FINDINGS, emit_json, emit_line, note, table


def audit(
    repo: str | None = REPO_OPTION,
    deep: bool = typer.Option(False, "--deep", help="Parse the mirrors' bytes again, and read every shard and PDF."),
    history: bool = typer.Option(False, "--history", help="Audit nothing; list what the auditor found so far."),
    limit: int = typer.Option(50, min=1, metavar="N", help="With --history: the newest so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Map everything from scratch and compare with the ledger. Exit code 1 when something is wrong.

    What is only in the ledger is marked -, what is only in the mapping from scratch +. A repository with changes that
    are not linked yet differs until they are, and is not wrong. Trees, symbols, shards and samples are compared too.

    For example:

      sheetstream links audit --deep

      sheetstream links audit --history --repo repo1_3fa9
    """
    if history:
        _history(repo, limit, home, json=json)
        return
    from streams.agents.symbols import open_mirrors
    from streams.audit import AuditReport, audit_repository
    from streams.audit_whole import audit_whole
    from streams.ledger.engine import open_ledger
    from streams.ledger.sources import STATES, list_repositories

    with reading_ledger(home) as conn:
        chosen = list_repositories(conn, STATES) if repo is None else [find_repo(conn, repo)]
    settings = load_settings(home)
    with exit_codes():
        engine = open_ledger(settings.database_url)
        mirrors = open_mirrors(settings.home)
        report = AuditReport(
            repositories=tuple(
                audit_repository(engine, repository.repo_id, deep=deep, open_mirror=mirrors) for repository in chosen
            )
        )
        whole = audit_whole(engine, settings.home, deep=deep) if repo is None else None
        engine.dispose()
    if json:
        emit_json(asdict(report) | {"whole": asdict(whole) if whole else None})
    else:
        for audited in report.repositories:
            for difference in audited.differences:
                emit_line(difference)
            waiting = "" if audited.current else "; there are changes that are not linked yet"
            note(
                f"{audited.url}: {audited.links} links and {audited.conflicts} conflicts, "
                f"{audited.num_differences} differences{waiting}"
            )
            for why in audited.unchecked:
                note(f"{audited.url}: not compared: {why}")
        if whole is not None:
            for difference in whole.differences:
                emit_line(difference)
            note(f"shards, samples, PDFs: {whole.num_differences} differences")
    if report.num_mismatches or (whole and not whole.is_clean):
        raise typer.Exit(EXIT_FINDINGS)


def _history(repo: str | None, limit: int, home: Path | None, *, json: bool) -> None:
    from streams.ledger.audits import LEDGER, find_audits
    from streams.ledger.sources import STATES, list_repositories

    with reading_ledger(home) as conn:
        repo_id = None if repo is None else LEDGER if repo == LEDGER else find_repo(conn, repo).repo_id
        urls = {found.repo_id: found.url for found in list_repositories(conn, STATES)}
        found = find_audits(conn, repo_id=repo_id, limit=limit)
    if json:
        emit_json([asdict(row) | {"url": urls.get(row.repo_id)} for row in found])
        return
    if not found:
        note("no audit was noted yet; the auditor of `sheetstream up` makes them (SHEETSTREAM_AUDIT)")
        return
    rows = [
        (
            when(row.audited_at),
            urls.get(row.repo_id, "shards, samples, PDFs"),
            row.depth,
            f"{row.seconds:.1f}",
            ", ".join(f"{number} {kind}" for kind, number in row.mismatches.items() if number) or "clean",
            row.differences[0] if row.differences else "",
            row.digest[:12],
        )
        for row in found
    ]
    table("", ("when", "what", "depth", "seconds", "result", "first difference", "digest"), rows)
