"""The help of every command."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from deploy.cli.main import COMMANDS, app


def command_lines() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that does something."""
    root: Any = typer.main.get_command(app)
    for name in COMMANDS:
        below = getattr(root.get_command(None, name), "commands", None)
        yield from ((name, inner) for inner in below) if below else ((name,),)


def num_examples(help_text: str) -> int:
    """Return how many examples stand before the arguments and options."""
    usage_and_text = help_text.split("Options:")[0].split("Arguments:")[0]
    return sum(line.startswith("    ") and "sheetstream " in line for line in usage_and_text.splitlines())


def test_help_shows_two_examples_before_the_options() -> None:
    """Whoever asks how a command is used sees it used."""
    without = [
        " ".join(words)
        for words in command_lines()
        if num_examples(CliRunner().invoke(app, [*words, "--help"]).stdout) < 2
    ]

    assert without == []
