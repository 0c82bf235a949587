"""`sheetstream links`: trace links from the ledger, both ways, with their evidence and history."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings, reading_ledger, when
from deploy.cli.output import EXIT_FINDINGS, EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from mapper.model import TraceLink
    from streams.ledger.links import LinkRow, LinkStory

app = typer.Typer(
    help="""Trace links between datasheets and code.

    Without a command it lists live links, narrowed down by the options, from either end. For example:

      sheetstream links --register CTRL1

      sheetstream links --path 'drivers/*' --part AB1234 --state stale

      sheetstream links show ln1_5be0
    """,
    rich_markup_mode=None,
    invoke_without_command=True,
)

STATES = ("new", "kept", "moved", "stale", "broken", "retired", "all")

LINK = typer.Argument(help="Id of a link, or its start.", metavar="LINK")


@app.callback()
def links(
    context: typer.Context,
    symbol: str | None = typer.Option(None, metavar="SYMBOL", help="Name of a function, macro, struct member, ..."),
    path: str | None = typer.Option(None, metavar="PATH", help="File of a repository; may end with *."),
    part: str | None = typer.Option(None, metavar="PART", help="Part number."),
    register: str | None = typer.Option(None, metavar="REGISTER", help="Name of a register or command."),
    state: str | None = typer.Option(
        None, metavar="STATE", help="new, kept, moved (live), stale, broken, retired, or all; live ones if not said."
    ),
    limit: int = typer.Option(100, min=1, metavar="N", help="No more than so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    if context.invoked_subcommand is not None:
        return
    from streams.ledger.links import find_links

    if state is not None and state not in STATES:
        fail(f"--state {state}: one of {', '.join(STATES)} expected")
    with reading_ledger(home) as conn:
        found = find_links(conn, symbol=symbol, path=path, part=part, register=register, state=state, limit=limit + 1)
    shown = found[:limit]
    if json:
        emit_json([asdict(row) for row in shown])
    elif shown:
        columns = ("id", "part", "page", "anchor", "symbol", "where", "kind", "state", "score")
        table("", columns, [_row(row) for row in shown])
    else:
        note("no link; `sheetstream status` shows whether there is still work waiting")
    if len(found) > limit:
        note(f"there are more than {limit}; --limit shows more")


@app.command("show")
def show(link: str = LINK, home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """Show one link: both ends, and why it was made.

    For example:

      sheetstream links show ln1_5be0

      sheetstream links show ln1_5be0 --json
    """
    story = _story(link, home)
    if json:
        emit_json({"state": story.row.state, "moved_from": story.row.moved_from, "link": asdict(story.link)})
        return
    for line in _describe(story):
        emit_line(line)


@app.command("history")
def history(link: str = LINK, home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """Show what happened to a link, oldest first, each with the commit or datasheet that caused it.

    For example:

      sheetstream links history ln1_5be0

      sheetstream links history ln1_5be0 --json
    """
    story = _story(link, home)
    if json:
        emit_json([asdict(row) for row in story.history])
        return
    rows = [
        (row.seq, when(row.changed_at), row.state, f"{row.cause_kind} {row.cause_id[:12]}", row.detail)
        for row in story.history
    ]
    table("", ("", "when", "state", "cause", "detail"), rows)


@app.command("conflicts")
def conflicts(
    all_: bool = typer.Option(False, "--all", help="Resolved ones too."),
    limit: int = typer.Option(1000, min=1, metavar="N", help="No more than so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """List where code and datasheet disagree, both sides as they write it. Exit code 1 when there are open ones.

    For example:

      sheetstream links conflicts

      sheetstream links conflicts --all --json
    """
    from streams.ledger.conflicts import find_conflicts

    with reading_ledger(home) as conn:
        found = find_conflicts(conn, state=None if all_ else "open", limit=limit)
    if json:
        emit_json([asdict(row) for row in found])
    elif found:
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
                _caused(row.opened_kind, row.opened_by, row.opened_at),
                _caused(row.resolved_kind, row.resolved_by, row.resolved_at),
            )
            for row in found
        ]
        columns = ("what", "part", "datasheet", "register", "datasheet says", "code says", "code", "state")
        table("", (*columns, "opened by", "resolved by"), rows)
    else:
        note("no conflict")
    if any(row.state == "open" for row in found):
        raise typer.Exit(EXIT_FINDINGS)


@app.command("costs")
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


@app.command("coverage")
def coverage(home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """Show how much of each datasheet the code is linked to.

    For example:

      sheetstream links coverage

      sheetstream links coverage --json
    """
    from streams.ledger.coverage import coverage as read_coverage

    with reading_ledger(home) as conn:
        found = read_coverage(conn)
    if json:
        emit_json([asdict(sheet) for sheet in found])
        return
    rows = [
        (
            ", ".join(sheet.parts),
            sheet.file,
            sheet.revision or "",
            f"{sheet.registers_linked} of {sheet.registers}",
            sheet.links,
            sheet.symbols,
            sheet.repositories,
        )
        for sheet in found
    ]
    table("", ("parts", "file", "revision", "registers linked", "links", "symbols", "repositories"), rows)


@app.command("audit")
def audit(
    repo: str | None = typer.Option(None, metavar="REPO", help="Only this repository: id, URL or family."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Map everything from scratch and compare with the ledger. Exit code 1 when they differ.

    What is only in the ledger is marked -, what is only in the mapping from scratch +. A repository with changes
    that are not linked yet differs until they are.

    For example:

      sheetstream links audit

      sheetstream links audit --repo repo1_3fa9
    """
    from streams.audit import audit as compare
    from streams.ledger.engine import open_ledger
    from streams.ledger.sources import find_repository

    repo_id = None
    with reading_ledger(home) as conn:
        if repo is not None:
            found = find_repository(conn, repo)
            if found is None:
                fail(f"{repo}: no such repository, or several; see `sheetstream repo list`", EXIT_NOT_FOUND)
            repo_id = found.repo_id
    with exit_codes():
        report = compare(open_ledger(load_settings(home).database_url), repo_id=repo_id)
    if json:
        emit_json(asdict(report))
    else:
        for audited in report.repositories:
            for difference in audited.differences:
                emit_line(difference)
            waiting = "" if audited.current else "; there are changes that are not linked yet"
            note(
                f"{audited.url}: {audited.links} links and {audited.conflicts} conflicts, "
                f"{audited.num_differences} differences{waiting}"
            )
    if not report.is_clean:
        raise typer.Exit(EXIT_FINDINGS)


def _story(link: str, home: Path | None) -> "LinkStory":
    from streams.ledger.links import link_story

    with reading_ledger(home) as conn:
        story = link_story(conn, link)
    if story is None:
        fail(f"{link}: no such link, or several; `sheetstream links` lists their ids", EXIT_NOT_FOUND)
    return story


def _caused(kind: str | None, cause: str | None, at: float | None) -> str:
    if cause is None:
        return ""
    return " ".join(word for word in (kind, cause[:12], when(at) if at is not None else "") if word)


def _row(row: "LinkRow") -> tuple[object, ...]:
    anchor = ".".join(name for name in (row.register, row.field) if name) or row.anchor_title
    return (
        row.link_id[:12],
        row.part,
        row.page,
        anchor,
        row.name,
        f"{row.path}:{row.line}",
        row.kind,
        row.state,
        f"{row.score:.2f}",
    )


def _describe(story: "LinkStory") -> list[str]:
    link = story.link
    symbol = link.symbol
    lines = [
        f"link       {link.link_id}  {story.row.state}  {link.grade}  score {link.score:.2f}  by {link.method}",
        f"datasheet  {link.part}  {link.sheet_file} page {link.anchor.page}",
        f"anchor     {link.anchor.kind}: {_anchor(link)}",
        f"symbol     {symbol.kind} {symbol.qualified_name}  {symbol.path}:{symbol.line}-{symbol.end_line}",
    ]
    if story.row.moved_from:
        lines.append(f"moved from {story.row.moved_from}")
    if symbol.declaration:
        lines.append(f"declared   {' '.join(symbol.declaration.split())[:200]}")
    for evidence in link.evidence:
        page = f" (page {evidence.page})" if evidence.page else ""
        lines.append(f"evidence   {evidence.weight:+.2f} {evidence.rule}: {evidence.detail}{page}")
    return lines


def _anchor(link: "TraceLink") -> str:
    anchor = link.anchor
    name = ".".join(word for word in (anchor.register, anchor.field) if word)
    address = f" at {anchor.address:#x}" if anchor.address is not None else ""
    return f"{name or anchor.title}{address}, in {' > '.join(anchor.path) or anchor.title}"
