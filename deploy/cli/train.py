"""`sheetstream train`: the trainer alone, on the shards that are sealed now."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.output import emit_json, emit_line, err, note
from deploy.cli.progress import progress
from deploy.cli.trainer_errors import trainer_errors

if TYPE_CHECKING:
    from trainer.session import TrainingRun

NOTE_EVERY_STEPS = 10


def train_command(
    config: Path | None = typer.Option(None, help="TOML file with a [trainer] table; default HOME/sheetstream.toml."),
    home: Path | None = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME)."),
    base_model: str | None = typer.Option(None, help="Prepared model, folder, or owner/name on the Hugging Face hub."),
    max_steps: int | None = typer.Option(None, help="Finish the run, with decay, at this step."),
    max_seconds: float | None = typer.Option(None, help="Finish the run, with decay, after this time of training."),
    as_json: bool = typer.Option(False, "--json", help="Answer in JSON."),
) -> None:
    """Train on the shards that are sealed now, save a checkpoint and print its folder.

    Goes on where the last checkpoint stopped. Ctrl-C saves and ends. The same under torchrun: torchrun -m trainer.

    For example:

      sheetstream train --max-steps 100

      sheetstream train --base-model allenai/Olmo-3-1025-7B --config gpu.toml
    """
    with trainer_errors():
        from prometheus_client import CollectorRegistry

        from trainer.config import load_settings
        from trainer.follow import train

        settings = load_settings(config, home=home, base_model=base_model, max_steps=max_steps, max_seconds=max_seconds)
        with _stopped_by_signals() as stop, progress("steps", max_steps) as advance:

            def on_step(run: "TrainingRun", loss: float) -> None:
                advance(1)
                if not err.is_terminal and run.step % NOTE_EVERY_STEPS == 0:
                    note(f"step {run.step}: loss {loss:.3f}, {run.tokens_seen:,} tokens")

            note(f"training on {settings.shards_dir}; loading the base model")
            newest = train(settings, registry=CollectorRegistry(), stop=stop, on_step=on_step)
    if as_json:
        emit_json({"checkpoint": None if newest is None else str(newest)})
    elif newest is None:
        note(f"nothing to learn from yet: the shards in {settings.shards_dir} do not fill one batch")
    else:
        emit_line(str(newest))


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set, so that the steps done are saved; a second one ends at once."""
    stop = threading.Event()
    before: dict[int, Any] = {}

    def on_signal(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for changed, handler in before.items():
            signal.signal(changed, handler)
