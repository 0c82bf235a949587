"""`sheetstream status`: processes, lag, freshness and counts, at a glance."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.output import EXIT_CONFIG, EXIT_FINDINGS, EXIT_NOT_FOUND, emit_json, fail, note, table

if TYPE_CHECKING:
    from deploy.local.state import AgentLine, SystemState
    from streams.ledger.audits import AuditState

AGENT_COLUMNS = ("agent", "records applied", "came again", "age of newest event", "waiting", "oldest waits for")

STAGES = {
    "seen": "commits and datasheets read",
    "linked": "links",
    "sharded": "shards",
    "trained": "latest checkpoint",
    "released": "latest release",
}


def status(
    home: Path | None = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME)."),
    json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """What is running, lag and freshness. Exit code 1 when something is wrong.

    For example:

      sheetstream status

      sheetstream status --json
    """
    from deploy.local.config import load_settings
    from deploy.local.errors import LocalError
    from deploy.local.state import system_state
    from streams.errors import ConfigError

    try:
        root = load_settings(home=home).home
    except LocalError as error:
        fail(str(error), error.exit_code)
    if not root.is_dir():
        fail(f"{root}: nothing here yet; start with `sheetstream up` or `sheetstream demo`", EXIT_NOT_FOUND)
    try:
        state = system_state(root)
    except ConfigError as error:
        fail(str(error), EXIT_CONFIG)
    if json:
        emit_json(asdict(state) | {"records_waiting": state.records_waiting})
    else:
        _show(root, state)
    if state.problems:
        raise typer.Exit(EXIT_FINDINGS)


def _show(root: Path, state: "SystemState") -> None:
    running = f"run by process {state.holder}" if state.holder else "nothing runs (sheetstream up)"
    table("", ("home", str(root)), [("", running), *([("Kafka", state.kafka)] if state.holder else [])])
    if state.processes:
        rows = [
            (line.name, line.state, line.health, line.pid or "", duration(line.uptime_seconds))
            for line in state.processes
        ]
        table("processes", ("name", "state", "health", "pid", "up for"), rows)
    if state.lag is not None:
        topics = sorted({partition.topic for partition in state.lag})
        rows_lag = [(topic, sum(part.lag for part in state.lag if part.topic == topic)) for topic in topics]
        table("records waiting", ("topic", "records"), rows_lag)
    if state.agents:
        table("agents", AGENT_COLUMNS, [agent_row(line, state.at) for line in state.agents])
    if state.counts is not None:
        waiting = (
            "none"
            if state.outbox_since is None
            else f"{state.counts.outbox}, the oldest for " + age(state.outbox_since, state.at)
        )
        dead = spell(state.counts.dead_letters) + (" (sheetstream dlq list)" if state.counts.dead_letters else "")
        rows_ledger = [("outbox", waiting), ("dead letters", dead), ("audits", audits_in_words(state.audits, state.at))]
        table("to look after", ("what", "state"), rows_ledger)
        counts = asdict(state.counts)
        table("known", ("what", "how many"), [(name.replace("_", " "), spell(value)) for name, value in counts.items()])
    fresh = asdict(state.freshness)
    rows_fresh = [(text, age(fresh[name], state.at)) for name, text in STAGES.items()]
    table("newest vendor change in", ("stage", "age"), rows_fresh)
    table("", ("latest checkpoint", "latest release"), [(state.checkpoint or "none", state.release or "none")])
    if state.outdated is not None and str(state.outdated):
        note(f"upgrade: {state.outdated}")
    for problem in state.problems:
        note(f"problem: {problem}")


def agent_row(line: "AgentLine", now: float) -> tuple[object, ...]:
    """Return an agent's cells of AGENT_COLUMNS."""
    waiting = "unknown" if line.waiting is None else line.waiting
    since = "" if line.waiting_since is None else age(line.waiting_since, now)
    return line.agent, line.applied, line.skipped, age(line.newest_event, now), waiting, since


def audits_in_words(state: "AuditState | None", now: float) -> str:
    """Return how far the audits are and what they found."""
    if state is None or state.last_audit is None:
        return "none yet"
    found = ", ".join(f"{number} {kind}" for kind, number in state.mismatches.items())
    return (
        f"{found + ' differ' if found else 'clean'}; {state.audited} of {state.repositories} repositories audited "
        f"as they are now, the last audit {age(state.last_audit, now)} ago"
    )


def spell(value: object) -> str:
    """Return a count, or counts by name, in words."""
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in value.items()) or "0"
    return str(value)


def age(moment: float | None, now: float) -> str:
    """Return how long ago, "never" for None."""
    return "never" if moment is None else duration(now - moment)


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units."""
    rest = max(0, int(seconds))
    for size, unit, small, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if rest >= size:
            return f"{rest // size} {unit} {rest % size // small} {small_unit}"
    return f"{rest} s"


def clock(moment: float) -> str:
    """Return a moment as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
