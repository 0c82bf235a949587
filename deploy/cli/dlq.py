"""`sheetstream dlq`: records that could not be processed, why, and what to do with them."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings, reading_ledger, when, writing_ledger
from deploy.cli.output import EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from streams.ledger.letters import Letter

app = typer.Typer(no_args_is_help=True, help="Records that could not be processed.", rich_markup_mode=None)

LETTERS = typer.Argument(
    None, help="Ids of letters, or their starts; all dead ones if none are given.", metavar="ID..."
)
REASON = typer.Option(None, metavar="REASON", help="Only those that died of this reason.")
YES = typer.Option(False, "--yes", help="Do it; without it the command only says what it would do.")
MANY = 10_000


@app.command("list")
def list_(
    reason: str | None = REASON,
    state: str = typer.Option("dead", metavar="STATE", help="dead, replayed, dropped, or all."),
    limit: int = typer.Option(100, min=1, metavar="N", help="The newest so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """List dead letters, newest first.

    For example:

      sheetstream dlq list

      sheetstream dlq list --reason truncated --json
    """
    from streams.ledger.letters import STATES, find_letters

    if state not in (*STATES, "all"):
        fail(f"--state {state}: one of {', '.join(STATES)}, all expected")
    with reading_ledger(home) as conn:
        found = find_letters(conn, state=None if state == "all" else state, reason=reason, limit=limit)
    if json:
        emit_json([asdict(letter) for letter in found])
    elif found:
        table("", ("id", "when", "agent", "reason", "message", "state"), [_row(letter) for letter in found])
    else:
        note("no dead letter")


@app.command("show")
def show(
    letter: str = typer.Argument(help="Id of a letter, or its start.", metavar="ID"),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show one dead letter with the record that died, as far as Kafka still has it.

    For example:

      sheetstream dlq show dl1_77aa

      sheetstream dlq show dl1_77aa --json
    """
    from streams.replay import read_record

    (found,) = _find([letter], None, home)
    with exit_codes():
        record = read_record(load_settings(home), found.topic, found.partition, found.offset)
    value = record.value.decode("utf-8", "replace") if record and record.value is not None else None
    if json:
        emit_json(asdict(found) | {"value": value})
        return
    for name, content in asdict(found).items():
        emit_line(f"{name:12} {when(content) if name == 'died_at' else content}")
    emit_line(f"{'value':12} {value if value is not None else '(Kafka does not keep it any more)'}")


@app.command("replay")
def replay(
    letters: list[str] | None = LETTERS,
    reason: str | None = REASON,
    yes: bool = YES,
    home: Path | None = HOME_OPTION,
) -> None:
    """Send dead records once more, for example after a fix. Only says what it would do without --yes.

    A commit is followed by what was told of its repository after it, so that the newest commit stays the last.

    For example:

      sheetstream dlq replay dl1_77aa

      sheetstream dlq replay --reason pdf_timeout --yes
    """
    from streams.ledger.letters import mark
    from streams.producer import RecordProducer
    from streams.replay import read_record, with_later_commits

    found = _find(letters, reason, home)
    if not _confirmed("replay", found, yes=yes):
        return
    settings = load_settings(home)
    producer = RecordProducer(settings, client_id="sheetstream-dlq")
    with exit_codes():
        for letter in found:
            record = read_record(settings, letter.topic, letter.partition, letter.offset)
            if record is None:
                note(f"{letter.letter_id}: Kafka does not keep its record any more")
                continue
            producer.send([later.outgoing() for later in with_later_commits(settings, record)])
            with writing_ledger(settings) as conn:
                mark(conn, letter.letter_id, "replayed")
            emit_line(letter.letter_id)
        producer.close()


@app.command("drop")
def drop(
    letters: list[str] | None = LETTERS,
    reason: str | None = REASON,
    yes: bool = YES,
    home: Path | None = HOME_OPTION,
) -> None:
    """Set dead letters aside for good. Only says what it would do without --yes.

    For example:

      sheetstream dlq drop dl1_77aa --yes

      sheetstream dlq drop --reason not_pdf --yes
    """
    from streams.ledger.letters import mark

    found = _find(letters, reason, home)
    if not _confirmed("drop", found, yes=yes):
        return
    with writing_ledger(load_settings(home)) as conn:
        for letter in found:
            mark(conn, letter.letter_id, "dropped")
            emit_line(letter.letter_id)


def _find(ids: list[str] | None, reason: str | None, home: Path | None) -> "list[Letter]":
    """Return the dead letters that are meant; each id must name exactly one."""
    from streams.ledger.letters import find_letters

    with reading_ledger(home) as conn:
        dead = find_letters(conn, state=None if ids else "dead", reason=reason, limit=MANY)
    if not ids:
        return dead
    chosen = []
    for start in ids:
        matching = [letter for letter in dead if letter.letter_id.startswith(start)]
        if len(matching) != 1:
            fail(f"{start}: names {len(matching)} letters; `sheetstream dlq list` has their ids", EXIT_NOT_FOUND)
        chosen += matching
    return chosen


def _confirmed(verb: str, found: "list[Letter]", *, yes: bool) -> bool:
    """Return whether to go on; without --yes only say what would happen."""
    if not found:
        note("no dead letter")
        return False
    if not yes:
        table(
            f"would {verb}", ("id", "when", "agent", "reason", "message", "state"), [_row(letter) for letter in found]
        )
        note(f"{len(found)} letters; --yes does it")
    return yes


def _row(letter: "Letter") -> tuple[object, ...]:
    return letter.letter_id[:12], when(letter.died_at), letter.agent, letter.reason, letter.message, letter.state
