"""The log of losses: one JSON line a step beside the checkpoints, cut back to the checkpoint a run resumes from."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

LOG_NAME = "loss.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLoss:
    """A step's mean loss in nats a token (None: not a number, the step was left out) and the tokens seen after it."""

    step: int
    loss: float | None
    tokens: int


class LossLog:
    """Appends to CHECKPOINTS/loss.jsonl."""

    def __init__(self, checkpoints: Path, *, resumed_step: int) -> None:
        self._path = checkpoints / LOG_NAME
        kept = [entry for entry in read_losses(checkpoints) if entry.step <= resumed_step]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text("".join(map(_line, kept)), encoding="utf-8")
        temporary.replace(self._path)

    def append(self, entry: StepLoss) -> None:
        """Add one line; a full disk raises OSError and leaves at most half a line, which reading ignores."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(entry))


def read_losses(checkpoints: Path) -> Iterator[StepLoss]:
    """Yield the logged steps in order; a line that a crash cut off is left out."""
    path = checkpoints / LOG_NAME
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield StepLoss(**json.loads(line))
        except (ValueError, TypeError):
            continue


def _line(entry: StepLoss) -> str:
    return json.dumps(asdict(entry)) + "\n"
