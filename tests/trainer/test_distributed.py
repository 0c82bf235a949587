"""Tests of trainer.distributed: two processes train as one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from trainer.config import LaunchedAs, TrainSettings
from trainer.distributed import Processes
from trainer.losses import read_losses
from trainer.manifest import newest_checkpoint, read_manifest

WriteShard = Callable[..., Path]


def write_config(settings: TrainSettings, path: Path) -> Path:
    """Write settings as the [trainer] table of a TOML file."""
    values = settings.model_dump(exclude_none=True, mode="json")
    path.write_text("[trainer]\n" + "".join(f"{key} = {value!r}\n" for key, value in values.items()))
    return path


def train_with(num_processes: int, settings: TrainSettings, config: Path) -> None:
    """Run the trainer under torchrun."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(num_processes)]
    command += ["-m", "trainer", "--config", str(write_config(settings, config))]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=280)


def test_alone_everything_is_local() -> None:
    """A single process keeps its values, its rows and its sums."""
    alone = Processes(LaunchedAs())

    assert (alone.agree("x"), alone.share([[1], [2]]), alone.sum(0.5)) == ("x", [[1], [2]], 0.5)


def test_rows_are_dealt_by_index() -> None:
    """Each row of a batch goes to exactly one process, whatever their number."""
    alone = Processes(LaunchedAs())
    shares = []
    for alone.rank in range(3):
        alone.size = 3
        shares.append(alone.share([[index] for index in range(6)]))

    assert shares == [[[0], [3]], [[1], [4]], [[2], [5]]]


@pytest.mark.slow
def test_two_processes_train_as_one(settings: TrainSettings, write_shard: WriteShard, tmp_path: Path) -> None:
    """Under torchrun two processes see the same data in the same order, and get the same losses and adapter."""
    write_shard(1)
    base = settings.model_copy(update={"dropout": 0.0, "max_steps": 6})
    one = base.model_copy(update={"checkpoints": settings.home / "one"})
    two = base.model_copy(update={"checkpoints": settings.home / "two"})

    train_with(1, one, tmp_path / "one.toml")
    train_with(2, two, tmp_path / "two.toml")

    first, second = newest_checkpoint(one.checkpoints_dir), newest_checkpoint(two.checkpoints_dir)
    assert first is not None
    assert second is not None
    assert read_manifest(second).data == read_manifest(first).data
    losses = [[entry.loss for entry in read_losses(run.checkpoints_dir)] for run in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    weights = [load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (first, second)]
    assert all(weights[0][name].allclose(weights[1][name], rtol=1e-2, atol=1e-4) for name in weights[0])
