"""`sheetstream doctor`: what is wrong here and how to mend it."""

from dataclasses import asdict
from pathlib import Path

import typer

from deploy.cli.output import EXIT_FINDINGS, emit_json, fail, table


def doctor(
    home: Path | None = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME)."),
    json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """What is wrong here and how to mend it. Exit code 1 when there is a problem.

    For example:

      sheetstream doctor

      sheetstream doctor --json
    """
    from deploy.local.checks import run_checks
    from deploy.local.config import load_settings
    from deploy.local.errors import LocalError

    try:
        findings = list(run_checks(load_settings(home=home)))
    except LocalError as error:
        fail(str(error), error.exit_code)
    if json:
        emit_json([asdict(finding) for finding in findings])
    else:
        rows = [(finding.verdict, finding.check, finding.seen, finding.fix) for finding in findings]
        table("", ("", "check", "seen", "what to do"), rows)
    if any(finding.verdict == "problem" for finding in findings):
        raise typer.Exit(EXIT_FINDINGS)
