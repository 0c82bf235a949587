"""Tests of trainer.loop."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainer.config import LaunchedAs
from trainer.distributed import Processes
from trainer.errors import ConfigError, NonFiniteError, OutOfMemoryError
from trainer.loop import MAX_NONFINITE_STEPS, AdapterOptimizer, next_token_loss
from trainer.model import attach_adapter, load_base
from trainer.recipes import EMBEDDED, TrainConfig

ALONE = LaunchedAs()
CONFIG = replace(EMBEDDED, rank=4, alpha=8, seq_len=16, batch_rows=4, micro_batch=4)
ROWS = [[(7 * row + column) % 250 + 1 for column in range(16)] for row in range(4)]


def make_optimizer(tiny_model: Path, config: TrainConfig = CONFIG) -> AdapterOptimizer:
    """Return a fresh adapter's optimizer, always with the same first values."""
    torch.manual_seed(0)
    adapted = attach_adapter(
        load_base(str(tiny_model), cache=tiny_model), rank=config.rank, alpha=config.alpha, dropout=config.dropout
    )
    return AdapterOptimizer(adapted, config, Processes(ALONE))


def test_loss_is_that_of_transformers(tiny_model: Path) -> None:
    """The loss is what the model itself computes from labels, and so is comparable with everyone else's."""
    base = load_base(str(tiny_model), cache=tiny_model).model
    ids = torch.tensor(ROWS)

    torch.testing.assert_close(next_token_loss(base, ids), base(input_ids=ids, labels=ids).loss)


def test_training_lowers_the_loss(tiny_model: Path) -> None:
    """On the same rows again and again the loss falls."""
    optimizer = make_optimizer(tiny_model)

    losses = [optimizer.step(ROWS, step=step, learning_rate=1e-2).loss for step in range(12)]

    assert losses[-1] < losses[0] - 0.2


def test_micro_batches_add_up_to_the_batch(tiny_model: Path) -> None:
    """The gradient of a batch does not depend on how many rows go through the model at once."""
    whole = make_optimizer(tiny_model).step(ROWS, step=0, learning_rate=0)
    parts = make_optimizer(tiny_model, replace(CONFIG, micro_batch=1)).step(ROWS, step=0, learning_rate=0)

    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert parts.grad_norm == pytest.approx(whole.grad_norm, rel=1e-4)


def test_checkpointed_activations_change_nothing(tiny_model: Path) -> None:
    """Recomputing activations gives the same loss and gradient."""
    plain = make_optimizer(tiny_model).step(ROWS, step=0, learning_rate=0)
    saving = make_optimizer(tiny_model, replace(CONFIG, gradient_checkpointing=True)).step(
        ROWS, step=0, learning_rate=0
    )

    assert (saving.loss, saving.grad_norm) == pytest.approx((plain.loss, plain.grad_norm), rel=1e-5)


def test_dropout_depends_on_the_step_alone(tiny_model: Path) -> None:
    """The same step gives the same random mask in a fresh process; another step gives another one."""
    config = replace(CONFIG, dropout=0.5)
    first, again = make_optimizer(tiny_model, config), make_optimizer(tiny_model, config)
    for optimizer in (first, again):
        optimizer.step(ROWS, step=0, learning_rate=1e-2)
    torch.rand(10)

    assert first.step(ROWS, step=1, learning_rate=0).loss == again.step(ROWS, step=1, learning_rate=0).loss
    assert first.step(ROWS, step=2, learning_rate=0).loss != first.step(ROWS, step=3, learning_rate=0).loss


def test_bad_gradient_is_left_out_and_ends_the_run_when_it_stays(tiny_model: Path) -> None:
    """A step whose loss is not a number changes no weight; too many in a row are an error."""
    optimizer = make_optimizer(tiny_model)
    name, parameter = next(iter(optimizer.parameters.items()))
    with torch.no_grad():
        parameter[0, 0] = float("nan")
    before = {name: value.detach().clone() for name, value in optimizer.parameters.items()}

    results = [optimizer.step(ROWS, step=step, learning_rate=1.0) for step in range(MAX_NONFINITE_STEPS - 1)]

    assert not any(result.is_finite for result in results)
    for name, value in optimizer.parameters.items():
        torch.testing.assert_close(value.detach(), before[name], equal_nan=True, rtol=0, atol=0)
    with pytest.raises(NonFiniteError, match=r"for 10 steps in a row; a lower learning_rate"):
        optimizer.step(ROWS, step=9, learning_rate=1.0)


def test_no_memory_is_named(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that does not fit says which settings make it smaller; other failures are passed on."""
    optimizer = make_optimizer(tiny_model)

    def fail(*_: object, **__: object) -> float:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    monkeypatch.setattr(optimizer, "_backward", fail)
    with pytest.raises(OutOfMemoryError, match=r"4 x 16 tokens at rank 4 .* lower micro_batch or seq_len"):
        optimizer.step(ROWS, step=0, learning_rate=0)


def test_batch_must_divide_among_processes(tiny_model: Path) -> None:
    """Every process gets the same number of rows."""
    processes = Processes(ALONE)
    processes.size = 3

    with pytest.raises(ConfigError, match=r"a multiple of 3 processes x micro_batch 4 expected, got 4"):
        AdapterOptimizer(load_base(str(tiny_model), cache=tiny_model).model, CONFIG, processes)
