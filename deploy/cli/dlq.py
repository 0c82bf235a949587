"""`sheetstream dlq`: records that could not be processed, why, and what to do with them."""

import json as jsonlib
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.ledger import HOME_OPTION, JSON_OPTION, exit_codes, load_settings, reading_ledger, when, writing_ledger
from deploy.cli.output import EXIT_FINDINGS, EXIT_NOT_FOUND, emit_json, emit_line, fail, note, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from streams.ledger.letters import Letter

app = typer.Typer(no_args_is_help=True, help="Records that could not be processed.", rich_markup_mode=None)

LETTERS = typer.Argument(
    None,
    help="Ids of letters, or their starts; all dead ones that the options name if none are given.",
    metavar="ID...",
)
AGENT = typer.Option(None, metavar="AGENT", help="Only those of this agent: symbols, sheets, links, samples.")
REASON = typer.Option(None, metavar="REASON", help="Only those that died of this reason.")
SINCE = typer.Option(None, metavar="WHEN", help="Only those that died since: a date, or an age like 90min, 12h, 7d.")
BEFORE = typer.Option(None, metavar="WHEN", help="Only those that died before: a date or an age.")
YES = typer.Option(False, "--yes", help="Do it without asking; without it, and without a terminal, nothing is done.")
COLUMNS = ("id", "when", "agent", "reason", "message", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters are meant."""

    agent: str | None
    reason: str | None
    since: str | None
    before: str | None

    def find(self, conn: "Connection", *, state: str | None, limit: int | None = None) -> "list[Letter]":
        """Return these letters, newest first."""
        from streams.ledger.letters import find_letters
        from streams.replay import parse_since

        with exit_codes():
            since, before = (None if moment is None else parse_since(moment) for moment in (self.since, self.before))
        return find_letters(
            conn, state=state, reason=self.reason, agent=self.agent, since=since, before=before, limit=limit
        )


@app.command("list")
def list_(
    agent: str | None = AGENT,
    reason: str | None = REASON,
    since: str | None = SINCE,
    before: str | None = BEFORE,
    state: str = typer.Option("dead", metavar="STATE", help="dead, replayed, dropped, or all."),
    limit: int = typer.Option(100, min=1, metavar="N", help="The newest so many."),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """List dead letters, newest first.

    For example:

      sheetstream dlq list

      sheetstream dlq list --agent sheets --reason truncated --since 7d --json
    """
    from streams.ledger.letters import STATES

    if state not in (*STATES, "all"):
        fail(f"--state {state}: one of {', '.join(STATES)}, all expected")
    wanted = Wanted(agent=agent, reason=reason, since=since, before=before)
    with reading_ledger(home) as conn:
        found = wanted.find(conn, state=None if state == "all" else state, limit=limit + 1)
    if json:
        emit_json([asdict(letter) for letter in found[:limit]])
    elif found:
        table("", COLUMNS, [_row(letter) for letter in found[:limit]])
    else:
        note("no dead letter")
    if len(found) > limit:
        note(f"there are more than {limit}; --limit shows more")


@app.command("show")
def show(
    letter: str = typer.Argument(help="Id of a letter, or its start.", metavar="ID"),
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show one dead letter: its headers, and the record that died, as far as Kafka still has them.

    For example:

      sheetstream dlq show dl1_77aa

      sheetstream dlq show dl1_77aa --json
    """
    from streams.replay import dead_record, read_letters

    with reading_ledger(home) as conn:
        (found,) = _by_ids(conn, [letter])
    settings = load_settings(home)
    with exit_codes():
        buried = read_letters(settings, [found]).get(found.letter_id)
        record = dead_record(settings, found, buried)
    headers = dict(buried.headers) if buried else None
    value = _decoded(record.value) if record and record.value is not None else None
    if json:
        emit_json(asdict(found) | {"headers": headers, "value": value})
        return
    for name, content in asdict(found).items():
        emit_line(f"{name:12} {when(content) if name == 'died_at' else content}")
    for name, text in (headers or {}).items():
        emit_line(f"header       {name}: {text}")
    if headers is None:
        emit_line("headers      (the topic dead.letters does not keep them any more)")
    if value is None:
        emit_line("value        (Kafka does not keep it any more)")
    else:
        emit_line("value")
        emit_line(value if isinstance(value, str) else jsonlib.dumps(value, indent=2, ensure_ascii=False))


@app.command("replay")
def replay(
    letters: list[str] | None = LETTERS,
    agent: str | None = AGENT,
    reason: str | None = REASON,
    since: str | None = SINCE,
    before: str | None = BEFORE,
    yes: bool = YES,
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Send dead records once more, with the same bytes and so the same ids, for example after a fix.

    Exit code 1 when Kafka does not keep some of them any more: those stay dead.

    A commit is followed by what was told of its repository after it, so that the newest commit stays the last.

    For example:

      sheetstream dlq replay dl1_77aa

      sheetstream dlq replay --reason pdf_timeout --yes
    """
    from streams.ledger.letters import mark
    from streams.producer import RecordProducer
    from streams.replay import dead_record, read_letters, with_later_commits

    found = _find(letters, Wanted(agent=agent, reason=reason, since=since, before=before), home)
    if not _confirmed("replay", found, yes=yes, json=json):
        return
    settings = load_settings(home)
    sent, lost = [], []
    with exit_codes():
        kept = read_letters(settings, found)
        producer = RecordProducer(settings, client_id="sheetstream-dlq")
        try:
            for letter in reversed(found):  # in the order in which they died
                record = dead_record(settings, letter, kept.get(letter.letter_id))
                if record is None:
                    note(f"{letter.letter_id}: Kafka does not keep its record any more")
                    lost.append(letter.letter_id)
                    continue
                producer.send([later.outgoing() for later in with_later_commits(settings, record)])
                with writing_ledger(settings) as conn:
                    mark(conn, letter.letter_id, "replayed")
                sent.append(letter.letter_id)
                if not json:
                    emit_line(letter.letter_id)
        finally:
            producer.close()
    if json:
        emit_json({"replayed": sent, "lost": lost})
    if lost:
        raise typer.Exit(EXIT_FINDINGS)


@app.command("drop")
def drop(
    letters: list[str] | None = LETTERS,
    agent: str | None = AGENT,
    reason: str | None = REASON,
    since: str | None = SINCE,
    before: str | None = BEFORE,
    yes: bool = YES,
    home: Path | None = HOME_OPTION,
    json: bool = JSON_OPTION,
) -> None:
    """Set dead letters aside for good: they count no more. Asks before it does.

    For example:

      sheetstream dlq drop dl1_77aa --yes

      sheetstream dlq drop --reason not_pdf --before 30d --yes
    """
    from streams.ledger.letters import mark

    found = _find(letters, Wanted(agent=agent, reason=reason, since=since, before=before), home)
    if not _confirmed("drop", found, yes=yes, json=json):
        return
    with writing_ledger(load_settings(home)) as conn:
        for letter in found:
            mark(conn, letter.letter_id, "dropped")
    if json:
        emit_json({"dropped": [letter.letter_id for letter in found]})
    else:
        for letter in found:
            emit_line(letter.letter_id)


def _find(ids: list[str] | None, wanted: Wanted, home: Path | None) -> "list[Letter]":
    """Return the letters that are meant: by their ids, else all dead ones of the kind."""
    with reading_ledger(home) as conn:
        if not ids:
            return wanted.find(conn, state="dead")
        if wanted != Wanted(agent=None, reason=None, since=None, before=None):
            fail("ids or options that choose letters expected, not both")
        return _by_ids(conn, ids)


def _by_ids(conn: "Connection", ids: list[str]) -> "list[Letter]":
    """Return one letter an id, whatever became of it; an id that names none or several ends the command."""
    from streams.ledger.letters import find_letters

    chosen: dict[str, Letter] = {}
    for start in ids:
        matching = find_letters(conn, state=None, id_start=start, limit=2)
        if len(matching) != 1:
            said = "several letters" if matching else "no letter"
            fail(f"{start}: names {said}; `sheetstream dlq list --state all` has their ids", EXIT_NOT_FOUND)
        chosen[matching[0].letter_id] = matching[0]
    return list(chosen.values())


def _confirmed(verb: str, found: "list[Letter]", *, yes: bool, json: bool) -> bool:
    """Return whether to go on: --yes, or a person says so; without a terminal only say what would happen."""
    if not found:
        note("no dead letter")
        return False
    if yes:
        return True
    if json:
        emit_json({f"would_{verb}": [letter.letter_id for letter in found]})
    else:
        table(f"would {verb}", COLUMNS, [_row(letter) for letter in found])
    if sys.stdin.isatty() and not json:
        return typer.confirm(f"{verb} {len(found)} letters?", err=True)
    note(f"{len(found)} letters; --yes does it")
    return False


def _decoded(value: bytes) -> Any:
    """Return what a record's bytes say: JSON as JSON, else text."""
    text = value.decode("utf-8", "replace")
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text


def _row(letter: "Letter") -> tuple[object, ...]:
    return letter.letter_id[:12], when(letter.died_at), letter.agent, letter.reason, letter.message, letter.state
