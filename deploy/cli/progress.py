"""Progress of a long command: a bar on a terminal, a plain line now and then elsewhere. Always on stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.cli.output import err

PLAIN_LINE_SECONDS = 10.0


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Give a function that advances the count by so many; total None means unknown."""
    if err.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(description, total=total)
            yield lambda steps: bar.update(task, advance=steps)
        return
    err.print(f"{description} ...", markup=False)
    done = 0
    said_at = time.monotonic()

    def advance(steps: int) -> None:
        nonlocal done, said_at
        done += steps
        if time.monotonic() - said_at >= PLAIN_LINE_SECONDS:
            said_at = time.monotonic()
            err.print(f"{description}: {done}" + (f" of {total}" if total else ""), markup=False)

    yield advance
