"""`sheetstream topics`: Kafka's topics as they should be."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings
from deploy.cli.output import EXIT_FINDINGS, emit_json, emit_line, note

if TYPE_CHECKING:
    from streams.acls import AclReport

app = typer.Typer(no_args_is_help=True, help="Kafka's topics as they should be.", rich_markup_mode=None)


@app.callback()
def topics() -> None:
    """Keep the command a group, with room for more."""


@app.command("apply")
def apply(
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what differs."),
    acls: bool = typer.Option(False, "--acls", help="Also give each service's user its rights (docs/security.md)."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Create missing topics and put their settings right. Exit code 1 when something differs that stays.

    For example:

      sheetstream topics apply --dry-run

      sheetstream topics apply

      sheetstream topics apply --acls --dry-run
    """
    from streams.acls import apply_acls
    from streams.topics import apply_topics

    settings = load_settings(home)
    with exit_codes():
        report = apply_topics(settings, create=not dry_run)
        rights = apply_acls(settings, create=not dry_run) if acls else None
    if json:
        emit_json(asdict(report) | ({"acls": asdict(rights)} if rights else {}))
    else:
        for name in report.created:
            emit_line(f"created {name}")
        for name in report.altered:
            emit_line(f"altered {name}")
        for difference in report.drift:
            emit_line(f"differs {difference}")
        if not (report.created or report.altered or report.drift):
            note(f"all {len(report.topic_ids)} topics on {settings.kafka} are as they should be")
        if rights is not None:
            _tell_rights(rights)
    if report.drift or (rights is not None and (rights.missing or rights.beyond)):
        raise typer.Exit(EXIT_FINDINGS)


def _tell_rights(rights: "AclReport") -> None:
    for line in rights.given:
        emit_line(f"gave {line}")
    for line in rights.missing:
        emit_line(f"lacks {line}")
    for line in rights.beyond:
        emit_line(f"beyond the table: {line}")
    if not (rights.given or rights.missing or rights.beyond):
        note("every service's user has the rights of the table and no other")
