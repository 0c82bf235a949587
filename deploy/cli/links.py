"""`sheetstream links`: trace links from the ledger, both ways, with their evidence and history."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, reading_ledger
from deploy.cli.link_audit import audit
from deploy.cli.link_costs import costs
from deploy.cli.link_story import LINK, conflicts, find_story, history
from deploy.cli.output import emit_json, emit_line, fail, note, table

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

app.command("history")(history)
app.command("conflicts")(conflicts)
app.command("costs")(costs)
app.command("audit")(audit)


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
    story = find_story(link, home)
    if json:
        emit_json({"state": story.row.state, "moved_from": story.row.moved_from, "link": asdict(story.link)})
        return
    for line in _describe(story):
        emit_line(line)


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
