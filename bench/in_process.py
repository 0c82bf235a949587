"""Stands for the worker's pool in measurements: all work is in this process, and so is its time and memory."""

from collections.abc import Callable, Sequence
from typing import Any


class InProcess:
    """Calls at once."""

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Return what the function returns."""
        return function(*arguments, **options)

    def call_each(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]], _limits: object) -> list[Any]:
        """Return what the function returns for each item."""
        return [function(*item) for item in items]
