"""When to train: wait without the model until there is a shard, train until nothing is left, give the memory back.

A process that waits imports no torch. One that has trained and then waited for idle_release_seconds returns from
run(), and is started afresh by its caller, because torch's memory only goes back with the process.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from prometheus_client import CollectorRegistry

from trainer.config import LaunchedAs, TrainSettings, launched_as
from trainer.errors import TrainerError
from trainer.manifest import newest_checkpoint
from trainer.metrics import TrainerMetrics
from trainer.waiting import Dry, has_reached_bound, has_work, last_manifest, num_pending

if TYPE_CHECKING:
    from trainer.session import TrainingRun

LOCK_NAME = ".lock"
BEAT_SECONDS = 10.0
MAX_LOADING_SECONDS = 1800.0  # the larger base model from a slow disk; after that a hanging load shows as unhealthy
logger = logging.getLogger(__name__)


def run(
    settings: TrainSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Follow the shards until `stop` is set, or until nothing was to do for idle_release_seconds after training.

    Raises TrainerError when training cannot go on: a damaged shard or checkpoint, a base model that cannot be had, a
    diverged run, no memory.
    """
    metrics = TrainerMetrics(registry)
    with only_trainer(settings.checkpoints_dir):
        if not wait_for_work(settings, metrics, stop=stop, beat=beat):
            return
        with beating(beat):
            from trainer.distributed import Processes
            from trainer.session import TrainingRun

            session = TrainingRun(settings, Processes(LaunchedAs()), metrics)
        metrics.model_loaded.set(1)
        follow(session, metrics, stop=stop, beat=beat)


def train(
    settings: TrainSettings,
    *,
    registry: CollectorRegistry,
    stop: threading.Event,
    on_step: Callable[["TrainingRun", float], None] = lambda _run, _loss: None,
) -> Path | None:
    """Train on what is sealed now, save, and return the newest checkpoint (None: nothing to learn from yet).

    Under torchrun every process calls this. on_step gets the run and the step's loss. Raises TrainerError.
    """
    from trainer.distributed import Processes
    from trainer.session import TrainingRun

    metrics = TrainerMetrics(registry)
    processes = Processes(launched_as())
    try:
        if not processes.is_main:
            TrainingRun(settings, processes, metrics).assist()
            return None
        with only_trainer(settings.checkpoints_dir):
            session = TrainingRun(settings, processes, metrics)
            follow(session, metrics, stop=stop, until_caught_up=True, on_step=on_step)
        return newest_checkpoint(settings.checkpoints_dir)
    finally:
        processes.close()


def follow(
    session: "TrainingRun",
    metrics: TrainerMetrics,
    *,
    stop: threading.Event,
    beat: Callable[[], None] = lambda: None,
    until_caught_up: bool = False,
    on_step: Callable[["TrainingRun", float], None] = lambda _run, _loss: None,
) -> None:
    """Train, save and wait with a loaded model, until stopped, finished, released or (if so asked) caught up."""
    settings = session.settings
    last_work = time.monotonic()
    is_dry = False
    while not stop.is_set():
        beat()
        batch = None if session.is_finished else session.next_batch()
        metrics.shards_pending.set(num_pending(settings, read=session.read_shard_seq))
        if batch:
            is_dry = False
            loss = session.train(batch)
            last_work = time.monotonic()
            if session.num_unsaved_steps >= settings.checkpoint_every_steps:
                session.save()
            on_step(session, loss)
            continue
        is_dry = not session.is_finished
        is_over = session.is_finished or until_caught_up
        idle = time.monotonic() - last_work
        if session.num_unsaved_steps and (is_over or idle >= settings.checkpoint_when_idle_seconds):
            session.save()
        if not session.num_unsaved_steps and (is_over or idle >= settings.idle_release_seconds):
            break
        session.keep_waiting()
        stop.wait(settings.poll_seconds)
    if session.num_unsaved_steps:
        session.save()
    elif is_dry:
        Dry(step=session.step, shard_seq=session.read_shard_seq).write(settings.checkpoints_dir)
    session.close()


def wait_for_work(
    settings: TrainSettings, metrics: TrainerMetrics, *, stop: threading.Event, beat: Callable[[], None]
) -> bool:
    """Return True when there is something to train on, False when stopped first. Raises TrainerError."""
    manifest = last_manifest(settings.checkpoints_dir)
    if manifest:
        metrics.resumed_from(manifest)
    if manifest and has_reached_bound(manifest, settings):
        metrics.run_finished.set(1)
        logger.info("the run is finished at step %d; waiting to be stopped", manifest.step)
    read = manifest.data.position.shard_seq if manifest else 0
    while not stop.is_set():
        beat()
        metrics.shards_pending.set(num_pending(settings, read=read))
        if has_work(settings, manifest):
            return True
        stop.wait(settings.poll_seconds)
    return False


@contextmanager
def only_trainer(checkpoints: Path) -> Iterator[None]:
    """Hold the checkpoints folder for one trainer; TrainerError when another one has it."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    lock = FileLock(checkpoints / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainerError(
            f"{checkpoints}: another trainer is writing here; stop it first (`sheetstream status`)"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def beating(beat: Callable[[], None]) -> Iterator[None]:
    """Call beat from a thread while something long runs that cannot, for MAX_LOADING_SECONDS at most."""
    done = threading.Event()

    def keep_beating() -> None:
        end = time.monotonic() + MAX_LOADING_SECONDS
        while time.monotonic() < end and not done.wait(BEAT_SECONDS):
            beat()

    thread = threading.Thread(target=keep_beating, name="beating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
