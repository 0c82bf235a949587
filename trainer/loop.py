"""One optimizer step on the adapter: forward, backward, clip, check, update.

The learning rate and the random state of a step follow from its number and the seed, so a checkpoint need not hold
them and a resumed run computes what an uninterrupted one would.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from trainer.distributed import Processes
from trainer.errors import ConfigError, NonFiniteError, OutOfMemoryError
from trainer.recipes import TrainConfig

BETAS = (0.9, 0.95)  # the second as in LLM pre-training: short runs should not remember the first steps' variance
MAX_NONFINITE_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """loss: mean over the batch, in nats a token; is_finite False: the update was left out."""

    loss: float
    grad_norm: float
    is_finite: bool


class AdapterOptimizer:
    """AdamW over the parameters of an adapter, and the steps that move them."""

    def __init__(self, model: Any, config: TrainConfig, processes: Processes) -> None:
        if config.batch_rows % (processes.size * config.micro_batch):
            raise ConfigError(
                f"batch_rows: a multiple of {processes.size} processes x micro_batch {config.micro_batch} expected, "
                f"got {config.batch_rows}"
            )
        self._model = model
        self._config = config
        self._processes = processes
        self._nonfinite_in_a_row = 0
        self.parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self._adamw = torch.optim.AdamW(self.parameters.values(), lr=0.0, betas=BETAS, weight_decay=config.weight_decay)
        model.train()
        if config.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})

    def step(self, rows: list[list[int]], *, step: int, learning_rate: float) -> StepResult:
        """Train on the rows of one batch (over all processes) as the step that follows `step` finished ones.

        Raises NonFiniteError after MAX_NONFINITE_STEPS bad steps in a row, OutOfMemoryError when it does not fit.
        """
        torch.manual_seed(_step_seed(self._config.seed, step, self._processes.rank))
        try:
            loss = self._processes.sum(self._backward(self._processes.share(rows), num_rows=len(rows)))
        except (MemoryError, RuntimeError) as error:
            if _is_out_of_memory(error):
                raise OutOfMemoryError(self._describe_memory()) from error
            raise
        self._processes.sum_gradients(self.parameters.values())
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters.values(), self._config.max_grad_norm))
        is_finite = math.isfinite(loss) and math.isfinite(norm)
        if is_finite:
            for group in self._adamw.param_groups:
                group["lr"] = learning_rate
            self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        self._count_nonfinite(is_finite, step)
        return StepResult(loss=loss, grad_norm=norm, is_finite=is_finite)

    def state_tensors(self) -> dict[str, Any]:
        """Return AdamW's state as tensors by "<what>/<parameter name>"."""
        tensors = {}
        for name, parameter in self.parameters.items():
            for what, value in self._adamw.state.get(parameter, {}).items():
                tensors[f"{what}/{name}"] = value.detach().cpu().contiguous()
        return tensors

    def load_state_tensors(self, tensors: dict[str, Any]) -> None:
        """Take back what state_tensors gave; names that no parameter has are an error of ours."""
        for key, value in tensors.items():
            what, _, name = key.partition("/")
            parameter = self.parameters[name]
            # AdamW keeps its step count on the CPU and the moments beside the parameter.
            self._adamw.state[parameter][what] = value.clone() if what == "step" else value.to(parameter.device)

    def _backward(self, rows: list[list[int]], *, num_rows: int) -> float:
        """Accumulate this process's share of the batch's gradient; return its share of the mean loss."""
        total = 0.0
        for start in range(0, len(rows), self._config.micro_batch):
            part = rows[start : start + self._config.micro_batch]
            ids = torch.tensor(part, dtype=torch.long, device=self._processes.device)
            loss = next_token_loss(self._model, ids) * (len(part) / num_rows)
            loss.backward()
            total += float(loss.detach())
        return total

    def _count_nonfinite(self, is_finite: bool, step: int) -> None:
        self._nonfinite_in_a_row = 0 if is_finite else self._nonfinite_in_a_row + 1
        if self._nonfinite_in_a_row >= MAX_NONFINITE_STEPS:
            raise NonFiniteError(
                f"step {step}: loss or gradient was not a number for {MAX_NONFINITE_STEPS} steps in a row; a lower "
                f"learning_rate than {self._config.learning_rate} may help, from the checkpoint before"
            )

    def _describe_memory(self) -> str:
        config = self._config
        return (
            f"a step of {config.micro_batch} x {config.seq_len} tokens at rank {config.rank} does not fit into the "
            f"memory of {self._processes.device}; lower micro_batch or seq_len, or set gradient_checkpointing"
        )


def next_token_loss(model: Any, ids: Any) -> Any:
    """Return the mean cross-entropy of each row's tokens given those before them; ids has shape (rows, seq_len)."""
    logits = model(input_ids=ids, use_cache=False).logits
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten())


def _step_seed(seed: int, step: int, rank: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()[:8], "big") >> 1


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in text or "enough memory" in text
    )
