"""What the demo says while it runs: one bar a stage on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

PLAIN_LINE_SECONDS = 10.0

Update = Callable[[float, float, str], None]
"""done, total, what is going on."""


@dataclass(slots=True)
class Show:
    """Shows stages one after the other and remembers how long each took, in seconds."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, title: str) -> Iterator[Update]:
        """Give the function that reports progress of this stage; the time counts from here to the block's end."""
        started = time.monotonic()
        with self._bar(title) if self.console.is_terminal else self._lines(title) as update:
            yield update
        self.seconds[title] = time.monotonic() - started
        self.console.print(f"{title}: done in {self.seconds[title]:.1f} s", markup=False)

    @contextmanager
    def _bar(self, title: str) -> Iterator[Update]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=None, what="")

            def update(done: float, total: float, what: str) -> None:
                progress.update(task, completed=done, total=total or None, what=what)

            yield update

    @contextmanager
    def _lines(self, title: str) -> Iterator[Update]:
        self.console.print(f"{title} ...", markup=False)
        said_at = time.monotonic()

        def update(done: float, total: float, what: str) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= PLAIN_LINE_SECONDS:
                said_at = time.monotonic()
                share = f" {done / total:.0%}" if total else ""
                self.console.print(f"{title}{share}: {what}", markup=False, soft_wrap=True)

        yield update
