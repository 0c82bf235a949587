"""What commands say: data on stdout, talk on stderr, one line for an error."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table

EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_CONFIG: Final = 3
EXIT_UNREACHABLE: Final = 4
EXIT_VERIFICATION: Final = 5
EXIT_NOT_FOUND: Final = 6
EXIT_INTERRUPTED: Final = 130

err = Console(stderr=True, highlight=False)
out = Console(highlight=False)


def fail(message: str, code: int = EXIT_USAGE) -> NoReturn:
    """End the command with one line on stderr and this exit code."""
    err.print(f"error: {message}", style="bold red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def note(message: str) -> None:
    """Say something to the person on stderr."""
    err.print(message, markup=False, soft_wrap=True)


def emit_json(value: object) -> None:
    """Write a value as indented JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def emit_line(text: str) -> None:
    """Write one line of data on stdout, unwrapped and unstyled."""
    sys.stdout.write(text + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table on stdout; without a terminal it is as wide as its content."""
    grid = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        grid.add_column(column, overflow="fold", no_wrap=place == 0)  # ids stay whole, to be copied
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    if out.is_terminal:
        out.print(grid, markup=False)
    else:
        Console(highlight=False, width=4000, no_color=True).print(grid, markup=False, crop=False, no_wrap=True)
