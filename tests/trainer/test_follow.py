"""Tests of trainer.follow."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from prometheus_client import CollectorRegistry

from trainer.config import TrainSettings
from trainer.errors import ShardError, TrainerError
from trainer.follow import beating, run, train
from trainer.manifest import list_checkpoints, read_manifest
from trainer.session import TrainingRun

WriteShard = Callable[..., Path]


def stopping_after(stop: threading.Event, beats: int) -> Callable[[], None]:
    """Return a beat that stops the run at a number of beats, as SIGTERM would."""
    left = [beats]

    def beat() -> None:
        left[0] -= 1
        if left[0] <= 0:
            stop.set()

    return beat


def value(registry: CollectorRegistry, name: str) -> float | None:
    """Return a metric's value."""
    return registry.get_sample_value(f"sheetstream_trainer_{name}")


def test_trains_saves_and_gives_the_memory_back(settings: TrainSettings, write_shard: WriteShard) -> None:
    """With a shard there, run trains on it, saves when idle, and returns without being stopped."""
    write_shard(1)
    registry, stop = CollectorRegistry(), threading.Event()

    run(settings, registry=registry, stop=stop, beat=lambda: None)

    newest = read_manifest(list_checkpoints(settings.checkpoints_dir)[-1])
    assert not stop.is_set()
    assert newest.step == value(registry, "steps_total") == value(registry, "checkpoint_step")
    assert value(registry, "tokens_total") == newest.tokens_seen
    assert value(registry, "last_shard_event_timestamp_seconds") == 1001.0
    assert value(registry, "shards_pending") == 0


def test_waits_for_shards_it_has_not_tried(settings: TrainSettings, write_shard: WriteShard) -> None:
    """After training, a fresh run waits, with the gauges of the run before, until it is stopped."""
    write_shard(1)
    run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)
    registry, stop = CollectorRegistry(), threading.Event()

    run(settings, registry=registry, stop=stop, beat=stopping_after(stop, 5))

    assert stop.is_set()
    assert value(registry, "steps_total") == 0
    assert value(registry, "step") == read_manifest(list_checkpoints(settings.checkpoints_dir)[-1]).step


def test_too_little_for_a_batch_is_tried_once(settings: TrainSettings, write_shard: WriteShard) -> None:
    """A shard smaller than a batch gives no checkpoint, and the next process does not load the model for it."""
    write_shard(1, ["short"])
    run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)
    registry, stop = CollectorRegistry(), threading.Event()

    run(settings, registry=registry, stop=stop, beat=stopping_after(stop, 3))

    assert list_checkpoints(settings.checkpoints_dir) == []
    assert value(registry, "model_loaded") == 0


def test_finished_run_stays_and_waits(settings: TrainSettings, write_shard: WriteShard) -> None:
    """A bounded run ends at its last step with a checkpoint; after that the process only waits."""
    write_shard(1)
    bounded = settings.model_copy(update={"max_steps": 3})
    run(bounded, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)
    registry, stop = CollectorRegistry(), threading.Event()

    run(bounded, registry=registry, stop=stop, beat=stopping_after(stop, 3))

    newest = read_manifest(list_checkpoints(settings.checkpoints_dir)[-1])
    assert (newest.step, newest.is_finished) == (3, True)
    assert value(registry, "run_finished") == 1


def test_stop_saves_what_was_done(settings: TrainSettings, write_shard: WriteShard) -> None:
    """Stopped between checkpoints, the steps done are saved, and the rest is trained on afterwards."""
    write_shard(1)
    stop = threading.Event()

    def on_step(session: TrainingRun, _loss: float) -> None:
        if session.step == 2:
            stop.set()

    stopped = train(settings, registry=CollectorRegistry(), stop=stop, on_step=on_step)
    whole = train(settings, registry=CollectorRegistry(), stop=threading.Event())

    assert stopped is not None
    assert whole is not None
    assert stopped.name == "step-00000002"
    assert read_manifest(whole).step > 5


def test_damaged_shard_stops_the_run(settings: TrainSettings, write_shard: WriteShard) -> None:
    """A shard that is not what its sidecar says fails the run; the checkpoint before it stays."""
    write_shard(1)
    train(settings, registry=CollectorRegistry(), stop=threading.Event())
    write_shard(2).write_bytes(b"other")

    with pytest.raises(ShardError, match=r"shard-000002.tar"):
        run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)
    assert len(list_checkpoints(settings.checkpoints_dir)) > 0


def test_two_trainers_do_not_share_a_folder(settings: TrainSettings) -> None:
    """A second trainer on the same checkpoints is refused at once."""
    settings.checkpoints_dir.mkdir(parents=True)

    with (
        FileLock(settings.checkpoints_dir / ".lock"),
        pytest.raises(TrainerError, match=r"another trainer is writing here"),
    ):
        run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)


def test_beats_while_something_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long load does not look like a hanging process."""
    monkeypatch.setattr("trainer.follow.BEAT_SECONDS", 0.01)
    beaten = threading.Event()

    with beating(beaten.set):
        assert beaten.wait(5)
