"""The `sheetstream` command: the table of its commands. A group is imported when it is used, not before."""

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from deploy.cli.output import EXIT_INTERRUPTED

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, help)
    "demo": ("deploy.cli.demo:demo", "The whole system once, on a generated vendor with history."),
    "up": ("deploy.cli.up:up", "Start everything on this machine and stay until Ctrl-C."),
    "status": ("deploy.cli.status:status", "What is running, lag and freshness."),
    "doctor": ("deploy.cli.doctor:doctor", "What is wrong here and how to mend it."),
    "repo": ("deploy.cli.repo:app", "Track vendor repositories."),
    "sheet": ("deploy.cli.sheet:app", "Track datasheets; show and compare them."),
    "map": ("deploy.cli.map:map_command", "Link one source tree with datasheets, offline."),
    "baseline": ("deploy.cli.baseline:baseline", "What plain text retrieval would answer, to compare."),
    "score": ("deploy.cli.map:score_command", "Measure links against gold labels."),
    "gold": ("deploy.cli.gold:app", "Gold labels: make them by reading, and check them."),
    "links": ("deploy.cli.links:app", "Trace links, both ways, with evidence, history and conflicts."),
    "topics": ("deploy.cli.topics:app", "Kafka's topics as they should be."),
    "dlq": ("deploy.cli.dlq:app", "Records that could not be processed."),
    "replay": ("deploy.cli.replay:replay", "Send a repository's commits again."),
    "ledger": ("deploy.cli.ledger_admin:app", "The ledger's database: size, check, move, prune."),
    "shards": ("deploy.cli.shards:app", "The sealed training shards."),
    "model": ("deploy.cli.model:app", "The base model that is trained."),
    "train": ("deploy.cli.train:train_command", "Train on the shards without the other processes."),
    "checkpoints": ("deploy.cli.checkpoints:app", "What the trainer saved."),
    "eval": ("deploy.cli.eval:app", "The benchmark: build, run and compare."),
    "release": ("deploy.cli.release:app", "Released checkpoints: pull, verify, promote, roll back."),
    "config": ("deploy.cli.config:app", "The settings in force and where each comes from."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are imported only when one of them runs; its help needs none of them."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        target, help_text = COMMANDS[cmd_name]
        if self._listing:
            return TyperCommand(cmd_name, help=help_text)
        module, attribute = target.split(":")
        found: Any = getattr(importlib.import_module(module), attribute)
        result: Any
        if isinstance(found, typer.Typer):
            result = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(cmd_name)(found)
            result = typer.main.get_command(alone)
        result.name = cmd_name
        return result

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Keeps datasheets, vendor code and a language model in step. Start with: sheetstream demo",
)


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", help="Say the version and end."),
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("sheetstream"))
        raise typer.Exit


def main() -> None:
    """Run the command; an interrupt ends it with 130 and without a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
