"""`sheetstream demo`: the whole system once, and a summary that a newcomer understands."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.output import emit_json, emit_line, err, fail, table
from mapper.model import LIVE_STATES

if TYPE_CHECKING:
    from deploy.demo.summary import Summary


def demo(
    small: bool = typer.Option(False, "--small", help="A smaller history and fewer training steps."),
    home: Path | None = typer.Option(
        None, help="Folder that holds everything (SHEETSTREAM_HOME); the demo uses DIR/demo."
    ),
    json: bool = typer.Option(False, "--json", help="The summary as JSON."),
) -> None:
    """The whole system once, on a generated vendor with history.

    Starts a real Kafka and every process, lets a made-up vendor publish datasheets and commits, trains on what was
    linked, scores the result and releases it if it is better (a refusal is an answer too). Takes some minutes. Run
    again, it starts clean.

    For example:

      sheetstream demo

      sheetstream demo --small --json
    """
    from deploy.demo.play import FULL, SMALL, play
    from deploy.demo.show import Show
    from deploy.demo.summary import summarise
    from deploy.local.config import load_settings
    from deploy.local.errors import LocalError

    try:
        played = play(load_settings(home=home), SMALL if small else FULL, Show(err))
    except LocalError as error:
        fail(str(error), error.exit_code)
    summary = summarise(played)
    if json:
        emit_json(asdict(summary))
    else:
        _show(summary)


def _show(summary: "Summary") -> None:
    emit_line("")
    table(
        "What arrived and what came of it",
        ("what", "how much"),
        [
            ("commits", summary.commits),
            ("datasheet releases", summary.datasheet_releases),
            ("symbols at the heads", summary.symbols),
            ("live trace links", sum(summary.links.get(state, 0) for state in LIVE_STATES)),
            ("links by state", _by_name(summary.links)),
            ("conflicts", f"{summary.conflicts_open} open, {summary.conflicts_resolved} resolved"),
            ("samples", _by_name(summary.samples)),
            ("left out of the corpus", _by_name(summary.drops) or "nothing"),
            ("shards", summary.shards),
            ("tokens trained", f"{summary.tokens_trained} in {summary.steps} steps"),
        ],
    )
    emit_line("")
    table(
        "Some links: what the datasheet specifies, and where the code implements it",
        ("part", "register or section", "page", "symbol", "file:line"),
        [(e.part, e.anchor, e.page, e.symbol, e.where) for e in summary.examples],
    )
    emit_line("")
    table(
        "Code and datasheet disagree",
        ("what", "where", "code says", "datasheet says", "state"),
        [(c.kind, c.where, c.code, c.sheet, c.state) for c in summary.conflicts],
    )
    emit_line("")
    emit_line(f"Against the vendor's own truth: {summary.truth.in_words()}")
    emit_line("")
    table(
        "Benchmark, mean over 13 domains",
        ("measure", "base model", "checkpoint"),
        [
            *(
                (name.replace("_", " "), _figure(summary.before[name]), _figure(summary.after[name]))
                for name in summary.before
            ),
            *(
                (f"perplexity, {name.replace('_', ' ')}", _figure(before), _figure(after))
                for name, (before, after) in summary.perplexity.items()
            ),
        ],
    )
    emit_line("")
    table("Time", ("stage", "seconds"), [(name, f"{seconds:.1f}") for name, seconds in summary.seconds.items()])
    emit_line("")
    if summary.released:
        emit_line(f"The gate released the checkpoint: {summary.release}")
    else:
        emit_line("The gate refused the checkpoint:")
        for reason in summary.reasons:
            emit_line(f"  {reason}")
    emit_line("")
    emit_line("What to try next:")
    emit_line(f"  export SHEETSTREAM_HOME={summary.home}")
    if summary.examples:
        emit_line(f"  sheetstream links show {summary.examples[0].link_id[:12]}")
    emit_line("  sheetstream links conflicts")
    emit_line("  sheetstream release pull --to ./adapter")
    emit_line("  sheetstream up            # the same system, to stay; its console shows all of this")


def _by_name(numbers: "object") -> str:
    assert isinstance(numbers, dict)
    return ", ".join(f"{number} {name}" for name, number in numbers.items())


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
