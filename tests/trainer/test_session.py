"""Tests of trainer.session, above all that a killed run computes what an uninterrupted one does."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from trainer.config import LaunchedAs, TrainSettings
from trainer.distributed import Processes
from trainer.errors import CheckpointError
from trainer.follow import train
from trainer.losses import read_losses
from trainer.manifest import file_digest, newest_checkpoint, read_manifest
from trainer.metrics import TrainerMetrics
from trainer.session import FIRST_RETRY_SECONDS, TrainingRun

pytestmark = pytest.mark.slow

WriteShard = Callable[..., Path]

KILLED_RUNS = """
import os, signal, sys, threading
from prometheus_client import CollectorRegistry
from trainer.config import TrainSettings
from trainer.follow import train
import trainer.session, peft, transformers  # once, before the forks

settings = TrainSettings.model_validate_json(sys.argv[1], by_name=True)
for step in map(int, sys.argv[2:]):
    def on_step(run, loss):
        if run.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()
    if not child:
        train(settings, registry=CollectorRegistry(), stop=threading.Event(), on_step=on_step)
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""


def run_killed(settings: TrainSettings, *, at_steps: list[int]) -> list[str]:
    """Train in one process after another, each killed after a step; return the signals they ended by."""
    command = [sys.executable, "-c", KILLED_RUNS, settings.model_dump_json(), *map(str, at_steps)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, stdout=subprocess.PIPE, text=True)
    return ended.stdout.split()


def hex_losses(settings: TrainSettings) -> dict[int, str]:
    """Return the logged losses by step, every bit of them."""
    return {entry.step: (entry.loss or 0.0).hex() for entry in read_losses(settings.checkpoints_dir)}


def open_run(settings: TrainSettings) -> TrainingRun:
    """Return a run in this process."""
    return TrainingRun(settings, Processes(LaunchedAs()), TrainerMetrics(CollectorRegistry()))


def test_killed_run_computes_the_same(settings: TrainSettings, write_shard: WriteShard) -> None:
    """Killed with -9 between checkpoints and right after one, a run gives a straight run's losses and adapter bytes."""
    for seq in (1, 2):
        write_shard(seq)
    straight = settings.model_copy(update={"checkpoints": settings.home / "straight", "max_steps": 18})
    killed = settings.model_copy(update={"checkpoints": settings.home / "killed", "max_steps": 18})
    whole = train(straight, registry=CollectorRegistry(), stop=threading.Event())

    signals = run_killed(killed, at_steps=[3, 10, 17])
    resumed = train(killed, registry=CollectorRegistry(), stop=threading.Event())

    assert signals == [str(int(signal.SIGKILL))] * 3
    assert whole is not None
    assert resumed is not None
    assert hex_losses(killed) == hex_losses(straight)
    assert list(hex_losses(killed)) == list(range(1, 19))
    first, second = read_manifest(whole), read_manifest(resumed)
    assert (second.files, second.data, second.step) == (first.files, first.data, 18)


def test_growing_shards_change_nothing(settings: TrainSettings, write_shard: WriteShard) -> None:
    """Trained shard by shard as they appear, with a new process for each, or all at once: the adapter is the same."""
    growing = settings.model_copy(update={"checkpoints": settings.home / "growing", "dropout": 0.0})
    for seq in (1, 2, 3):
        write_shard(seq)
        train(growing, registry=CollectorRegistry(), stop=threading.Event())

    at_once = settings.model_copy(update={"checkpoints": settings.home / "at_once", "dropout": 0.0})
    whole = train(at_once, registry=CollectorRegistry(), stop=threading.Event())

    grown = newest_checkpoint(growing.checkpoints_dir)
    assert whole is not None
    assert grown is not None
    assert read_manifest(grown).files == read_manifest(whole).files


def test_manifest_says_what_was_learnt_from(settings: TrainSettings, write_shard: WriteShard) -> None:
    """Shards with digests, position, tokens, values of the run and the newest event time are in the manifest."""
    tar = write_shard(1)

    folder = train(settings, registry=CollectorRegistry(), stop=threading.Event())

    assert folder is not None
    manifest = read_manifest(folder)
    assert [(shard.seq, shard.sha256) for shard in manifest.data.shards] == [(1, file_digest(tar))]
    assert manifest.tokens_seen == manifest.step * 64
    assert manifest.data.newest_event_time == 1001.0
    assert manifest.adapter.target_modules[0] == "down_proj"
    assert manifest.config["learning_rate"] == 5e-3


def test_other_settings_do_not_continue_a_run(settings: TrainSettings, write_shard: WriteShard) -> None:
    """A checkpoint of another rank or seed is refused with both values, and left as it is."""
    write_shard(1)
    train(settings, registry=CollectorRegistry(), stop=threading.Event())

    with pytest.raises(CheckpointError, match=r"trained with rank 4, settings say 8; seed 1, settings say 2"):
        open_run(settings.model_copy(update={"rank": 8, "seed": 2}))


def test_failed_save_is_tried_again_later(
    settings: TrainSettings, write_shard: WriteShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk does not stop training: the steps stay unsaved, and are saved once the back-off is over."""
    write_shard(1)
    run = open_run(settings)
    batch = run.next_batch()
    assert batch is not None
    run.train(batch)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("trainer.checkpoint.save_checkpoint", full)
        assert run.save() is None
    assert run.save() is None
    assert run.num_unsaved_steps == 1
    monkeypatch.setattr("trainer.session.time.monotonic", lambda: 1e9 + FIRST_RETRY_SECONDS)
    assert run.save() is not None
    assert run.num_unsaved_steps == 0


def test_run_bounded_in_time_decays_and_ends(settings: TrainSettings, write_shard: WriteShard) -> None:
    """A bound in seconds ends the run by steps fixed once, and the end is in the checkpoint."""
    for seq in (1, 2):
        write_shard(seq)
    run = open_run(settings.model_copy(update={"max_seconds": 1e-4, "decay_fraction": 0.5}))
    while not run.is_finished and (batch := run.next_batch()):
        run.train(batch)

    folder = run.save()

    assert folder is not None
    manifest = read_manifest(folder)
    assert (manifest.decay_from, manifest.decay_steps) == (1, 1)
    assert (manifest.step, manifest.is_finished) == (2, True)
