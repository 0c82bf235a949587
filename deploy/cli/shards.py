"""`sheetstream shards`: the sealed training shards."""

from dataclasses import asdict
from pathlib import Path

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings, reading_ledger, when
from deploy.cli.output import EXIT_VERIFICATION, emit_json, emit_line, note, table

app = typer.Typer(no_args_is_help=True, help="The sealed training shards.", rich_markup_mode=None)


@app.command("list")
def list_(
    limit: int = typer.Option(50, min=1, metavar="N", help="The newest so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """List shards, newest first, with what is in them.

    For example:

      sheetstream shards list

      sheetstream shards list --limit 5 --json
    """
    from streams.ledger.shards import list_shards

    with reading_ledger(home) as conn:
        found = list_shards(conn, limit=limit)
    if json:
        emit_json([asdict(shard) for shard in found])
        return
    if not found:
        note("no shard yet; samples are sealed when there are enough, or after a while")
        return
    rows = [
        (
            shard.name,
            shard.state,
            len(shard.sample_ids),
            shard.num_bytes,
            when(shard.newest_event_time),
            when(shard.sealed_at),
            ", ".join(f"{name} {count}" for name, count in (shard.domains or {}).items()),
        )
        for shard in found
    ]
    table("", ("name", "state", "samples", "bytes", "newest event", "sealed", "domains"), rows)


@app.command("verify")
def verify(home: Path | None = HOME_OPTION, json: bool = JSON_OPTION) -> None:
    """Check every shard's file against its sidecar and the ledger. Exit code 5 when one is wrong.

    For example:

      sheetstream shards verify

      sheetstream shards verify --json
    """
    from streams.ledger.shards import list_shards
    from streams.shards import shards_folder, verify_shards

    with reading_ledger(home) as conn:
        known = list_shards(conn)
    with exit_codes():
        faults = verify_shards(shards_folder(load_settings(home).home), known)
    if json:
        emit_json({"shards": len(known), "faults": list(faults)})
    else:
        for fault in faults:
            emit_line(fault)
        note(f"{len(known)} shards, {len(faults)} faults")
    if faults:
        raise typer.Exit(EXIT_VERIFICATION)
