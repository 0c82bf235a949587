"""`sheetstream ledger`: the ledger's database as a thing of its own: how large, is it right, move it, prune it."""

import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings, reading_ledger
from deploy.cli.output import EXIT_VERIFICATION, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from streams.config import StreamsSettings

app = typer.Typer(no_args_is_help=True, help="The ledger's database.", rich_markup_mode=None)

DAY_SECONDS = 86400.0
DRY_RUN = typer.Option(False, "--dry-run", help="Only say what would be done.")


@app.command("info")
def info(
    rows: bool = typer.Option(False, "--rows", help="Count the rows of every table: takes a while on a large ledger."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show where the ledger is, its version and its size.

    For example:

      sheetstream ledger info

      sheetstream ledger info --rows --json
    """
    from sqlalchemy import make_url

    from streams.ledger.migrate import newest_version, schema_version
    from streams.ledger.move import count_rows
    from streams.ledger.prune import size

    with reading_ledger(home) as conn:
        facts: dict[str, object] = {
            "database": make_url(load_settings(home).database_url).render_as_string(hide_password=True),
            "schema": schema_version(conn),
            "newest schema": newest_version(),
            "bytes": size(conn),
        }
        counted = count_rows(conn) if rows else {}
    if json:
        emit_json({name.replace(" ", "_"): value for name, value in facts.items()} | {"rows": counted})
        return
    table("", ("ledger", ""), list(facts.items()))
    if counted:
        table("", ("table", "rows"), list(counted.items()))


@app.command("check")
def check(home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """Count everything and compare with the tallies that status and console show. Exit code 5 when one is wrong.

    For example:

      sheetstream ledger check

      sheetstream ledger check --json
    """
    from streams.ledger.tallies import miscounted

    with reading_ledger(home) as conn:
        faults = miscounted(conn)
    if json:
        emit_json([asdict(fault) for fault in faults])
    for fault in [] if json else faults:
        emit_line(f"{' '.join(fault.what)}: {fault.tallied} tallied, {fault.counted} counted")
    note(f"{len(faults)} tallies are wrong" if faults else "every tally is what counting gives")
    if faults:
        raise typer.Exit(EXIT_VERIFICATION)


@app.command("move")
def move(
    to: str = typer.Option(
        ..., "--to", metavar="URL", help="The empty database to move to, sqlite:/// or postgresql://."
    ),
    dry_run: bool = DRY_RUN,
    resume: bool = typer.Option(False, "--resume", help="Go on with a move that was interrupted."),
    home: Path | None = HOME_OPTION,
) -> None:
    """Copy the ledger to another database and compare the two; the old one stays as it is. Nothing may run meanwhile.

    For example:

      sheetstream ledger move --to postgresql://sheetstream:PASSWORD@db.example.org/sheetstream --dry-run

      sheetstream ledger move --to sqlite:////var/lib/sheetstream/ledger.db
    """
    from streams.ledger.engine import open_ledger, reading, where
    from streams.ledger.move import check_source, copy, count_rows, finish, prepare_target

    settings = load_settings(home)
    with exit_codes(), _alone(settings) as source:
        target = open_ledger(to)
        if where(source) == where(target):
            fail(f"--to {where(target)}: another database expected, this is the ledger in use")
        with reading(source) as conn:
            check_source(conn, source)
            if dry_run:
                table("would copy", ("table", "rows"), list(count_rows(conn).items()))
                note(f"from {where(source)} to {where(target)}")
                return
        prepare_target(source, target, resume=resume)
        copy(source, target, _say)
        moved = finish(source, target)
        target.dispose()
    note(f"{sum(moved.rows.values())} rows, dump {moved.digest[:12]}: both ledgers are the same")
    note("from now on: SHEETSTREAM_DATABASE_URL, or database_url under [streams] in sheetstream.toml, is")
    emit_line(where(target))


@app.command("prune")
def prune(
    keep: float = typer.Option(..., "--keep", min=0, metavar="DAYS", help="Keep what was retired since so many days."),
    dry_run: bool = DRY_RUN,
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Remove what is not needed any more: parsed files of no head, and what was retired or taken back long ago.

    For example:

      sheetstream ledger prune --keep 90 --dry-run

      sheetstream ledger prune --keep 90
    """
    from streams.ledger.prune import prune as remove

    with exit_codes(), _alone(load_settings(home)) as engine:
        removed = remove(engine, before=time.time() - keep * DAY_SECONDS, dry_run=dry_run)
    if json:
        emit_json(removed)
    else:
        table("would remove" if dry_run else "removed", ("what", "rows"), list(removed.items()))
    if not dry_run and any(removed.values()):
        note("SQLite gives space back to the disk with `sqlite3 ledger.db VACUUM`, PostgreSQL uses it for new rows")


@contextmanager
def _alone(settings: "StreamsSettings") -> "Iterator[Engine]":
    """Give the ledger's engine; end the command when the system runs."""
    from deploy.local.home import Home
    from streams.ledger.engine import open_ledger, reading
    from streams.ledger.prune import num_other_sessions

    holder = Home(settings.home).holder()
    if holder:
        fail(f"{settings.home}: the system runs here (process {holder}); stop it first")
    with reading_ledger(settings.home):
        pass  # ends the command where there is no ledger
    engine = open_ledger(settings.database_url)
    with reading(engine) as conn:
        others = num_other_sessions(conn)
    if others:
        fail(f"the ledger's server has {others} other sessions of sheetstream; stop what runs on all machines first")
    try:
        yield engine
    finally:
        engine.dispose()


def _say(name: str, done: int, total: int) -> None:
    if done == total and total:
        note(f"{name}: {done} rows")
