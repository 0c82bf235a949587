"""Several processes that train as one: torchrun starts them, gloo (CPU) or NCCL (GPU) connects them.

Process 0 reads the data, decides and writes; the others get its decisions. Adapter gradients are summed over all, so
each holds the same adapter. Alone, nothing here touches torch.distributed, and the numbers are those of a plain loop.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from trainer.config import LaunchedAs

TIMEOUT = timedelta(minutes=30)  # loading a base model from a slow disk is the longest silence
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What process 0 tells the others: train on these rows, end, or (neither) wait for the next order."""

    rows: list[list[int]] | None = None
    learning_rate: float = 0.0
    is_last: bool = False


class Processes:
    """One process among those that train together."""

    def __init__(self, launched: LaunchedAs) -> None:
        self.rank = launched.rank
        self.size = launched.size
        self.fair_threads = max(1, len(os.sched_getaffinity(0)) // launched.local_size)
        """This process's share of the cores."""
        use_cuda = torch.cuda.is_available()
        self.device = f"cuda:{launched.local_rank}" if use_cuda else "cpu"
        if use_cuda:
            torch.cuda.set_device(launched.local_rank)
        if self.size > 1:
            dist.init_process_group("cpu:gloo,cuda:nccl" if use_cuda else "gloo", timeout=TIMEOUT)

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1:
            dist.destroy_process_group()

    def agree(self, value: T) -> T:
        """Return process 0's value in every process."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]  # type: ignore[no-any-return] # what process 0 put in

    def share(self, rows: list[list[int]]) -> list[list[int]]:
        """Return this process's rows of a batch: dealt by their index, so the batch is the same for any number."""
        return rows[self.rank :: self.size]

    def sum_gradients(self, parameters: Iterable[Any]) -> None:
        """Replace each parameter's gradient by its sum over all processes."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def sum(self, value: float) -> float:
        """Return the sum of a number over all processes."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return float(total)
