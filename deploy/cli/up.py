"""`sheetstream up`: every process on this machine, until Ctrl-C."""

import signal
import threading
import time
from pathlib import Path

import typer

from deploy.cli.output import fail, note, table

LOOK_SECONDS = 2.0


def up(
    home: Path | None = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME)."),
    seconds: float | None = typer.Option(None, hidden=True, help="End by itself after so long."),
) -> None:
    """Start everything on this machine and stay until Ctrl-C.

    Feed it from another terminal: sheetstream repo add URL, sheetstream sheet add FILE_OR_URL. What it knows is
    kept in its home folder; started again, it goes on where it was.

    For example:

      sheetstream up

      SHEETSTREAM_KAFKA=broker:9092 sheetstream up --home ~/vendors
    """
    from deploy.local.config import load_settings
    from deploy.local.errors import LocalError
    from deploy.local.launch import PROCESS_NAMES, System, running

    ready, stop = threading.Event(), threading.Event()

    def on_signal(*_: object) -> None:
        if not ready.is_set():
            raise KeyboardInterrupt  # while it starts: give up at once, what runs by then is stopped
        stop.set()

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, on_signal)
    started = time.monotonic()

    def say(message: str) -> None:
        note(f"[{time.monotonic() - started:5.1f} s] {message}")

    def watch(system: System) -> None:
        known: dict[str, str] = {}
        while not stop.wait(LOOK_SECONDS):
            if seconds is not None and time.monotonic() - started > seconds:
                return
            if not system.supervisor.is_alive():
                fail(f"the supervisor ended; see {system.home.logs / 'supervisord.log'}", 4)
            for state in system.supervisor.states():
                if known.setdefault(state.name, "running") != state.state and state.state != "starting":
                    known[state.name] = state.state
                    say(f"{state.name}: {state.state} ({state.detail})")

    try:
        with running(load_settings(home=home), say=say) as system:
            ready.set()
            say("ready; Ctrl-C stops everything")
            rows = [("console", system.console_url), ("Kafka", system.kafka), ("home", system.home.root)]
            if system.webhook_url:
                rows.append(("webhooks", system.webhook_url))
            served = [name for name in PROCESS_NAMES if name in system.ports]
            rows += [(f"metrics of {name}", system.metrics_url(name)) for name in served]
            table("", ("what", "where"), rows)
            watch(system)
    except LocalError as error:
        fail(str(error), error.exit_code)
