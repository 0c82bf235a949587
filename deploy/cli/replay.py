"""`sheetstream replay`: send what was taken in once more."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.ledger import HOME_OPTION, exit_codes, load_settings, reading_ledger
from deploy.cli.output import EXIT_NOT_FOUND, fail, note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.config import StreamsSettings
    from streams.replay import Record

AT_ONCE = 100


def replay(
    repo: str | None = typer.Option(None, metavar="REPO", help="Only commits of this repository: id, URL or family."),
    since: str | None = typer.Option(
        None, metavar="SINCE", help="Only what came since: 2026-03-01, 2026-03-01T12:00, 90min, 12h, 7d."
    ),
    from_offset: list[str] | None = typer.Option(
        None,
        metavar="TOPIC/PARTITION/OFFSET",
        help="Only what one partition of an agent's topic got from an offset on; may be repeated.",
    ),
    yes: bool = typer.Option(False, "--yes", help="Do it; without it the command only says what it would do."),
    home: Path | None = HOME_OPTION,
) -> None:
    """Send commits and datasheet releases again, with the same ids: what had its effect changes nothing.

    With --repo, the commits of one repository; without, commits and releases of all. For example:

      sheetstream replay --repo repo1_3fa9 --yes

      sheetstream replay --since 7d

      sheetstream replay --from-offset mapping.changes/2/1000 --yes
    """
    from streams import topics
    from streams.ledger.sources import find_repository
    from streams.replay import of_repository, parse_place, parse_since, read_from, read_since

    if repo is None and since is None and not from_offset:
        fail("say what to send again: --repo, --since or both, or --from-offset")
    if from_offset and (repo is not None or since is not None):
        fail("--from-offset goes alone: it says what to send again, whatever the repository and time")
    settings = load_settings(home)
    if from_offset:
        with exit_codes():
            places = [parse_place(text) for text in from_offset]
            records = [record for place in places for record in read_from(settings, *place)]
            if yes:
                _send(settings, records)
        note(f"{'sent' if yes else 'would send'} {len(records)} records again")
        if not yes:
            note("--yes does it")
        return
    with exit_codes():
        start = parse_since(since) if since else 0.0
        commits = read_since(settings, topics.COMMITS, start)
        if repo is not None:
            with reading_ledger(home) as conn:
                repository = find_repository(conn, repo) or find_repository(conn, str(Path(repo).absolute()))
            if repository is None:
                fail(f"{repo}: no such repository, or several; see `sheetstream repo list`", EXIT_NOT_FOUND)
            commits = of_repository(commits, repository.repo_id)
        sheets = read_since(settings, topics.SHEETS, start) if repo is None else []
        if yes:
            _send(settings, [*sheets, *commits])
    note(f"{'sent' if yes else 'would send'} {len(commits)} commits and {len(sheets)} datasheet releases again")
    if not yes:
        note("--yes does it")


def _send(settings: "StreamsSettings", records: "Sequence[Record]") -> None:
    from streams.producer import RecordProducer

    producer = RecordProducer(settings, client_id="sheetstream-replay")
    for first in range(0, len(records), AT_ONCE):
        producer.send([record.outgoing() for record in records[first : first + AT_ONCE]])
    producer.close()
