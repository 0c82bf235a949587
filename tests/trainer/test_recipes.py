"""Tests of trainer.recipes."""

from pathlib import Path

import pytest

from trainer.config import TrainSettings
from trainer.errors import ConfigError
from trainer.recipes import EMBEDDED, OLMO3_7B, resolve


def test_recipe_follows_the_machine(tmp_path: Path) -> None:
    """Without CUDA the embedded recipe is taken, with CUDA the one for the 7B model."""
    settings = TrainSettings(home=tmp_path)

    assert resolve(settings, has_cuda=False) == EMBEDDED
    assert resolve(settings, has_cuda=True) == OLMO3_7B


def test_given_values_win_over_the_recipe(tmp_path: Path) -> None:
    """A named recipe does not depend on the machine, and a given value replaces the recipe's."""
    config = resolve(TrainSettings(home=tmp_path, recipe="embedded", rank=3, dropout=0.2), has_cuda=True)

    assert (config.rank, config.dropout, config.base_model) == (3, 0.2, EMBEDDED.base_model)


def test_larger_micro_batch_alone_makes_a_larger_batch(tmp_path: Path) -> None:
    """batch_rows follows micro_batch when only that is given, and the other way round."""
    assert resolve(TrainSettings(home=tmp_path, recipe="embedded", micro_batch=4), has_cuda=False).batch_rows == 4
    assert resolve(TrainSettings(home=tmp_path, recipe="olmo3-7b", batch_rows=16), has_cuda=False).micro_batch == 1


def test_batch_that_does_not_divide_is_refused(tmp_path: Path) -> None:
    """A batch must be whole micro batches."""
    with pytest.raises(ConfigError, match=r"batch_rows: a multiple of micro_batch 2 expected, got 3"):
        resolve(TrainSettings(home=tmp_path, batch_rows=3, micro_batch=2), has_cuda=False)
