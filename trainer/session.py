"""A training run in memory: built from the newest checkpoint or the base model, stepped, and saved.

When to step, wait or stop is follow.py's; what a step computes is loop.py's.
"""

import logging
import statistics
import time
from collections import deque
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from trainer import checkpoint
from trainer.batches import Batch, BatchStream, Position
from trainer.config import TrainSettings
from trainer.distributed import Order, Processes
from trainer.loop import AdapterOptimizer
from trainer.losses import LossLog, StepLoss
from trainer.manifest import ADAPTER_DIR, AdapterRef, DataPosition, DataRef, Manifest, code_commit
from trainer.metrics import TrainerMetrics
from trainer.model import BaseModel, attach_adapter, has_cuda, load_adapter, load_base, target_modules
from trainer.recipes import resolve
from trainer.schedule import Bounds, decay_is_due, first_schedule, is_finished, with_decay_now
from trainer.tokens import encode, separator_id

FIRST_RETRY_SECONDS = 5.0
LAST_RETRY_SECONDS = 300.0
RECENT_STEPS = 20
logger = logging.getLogger(__name__)


class TrainingRun:
    """One run: model, optimizer, stream of batches, counters."""

    def __init__(self, settings: TrainSettings, processes: Processes, metrics: TrainerMetrics) -> None:
        torch.set_num_threads(settings.threads or processes.fair_threads)
        self.settings = settings
        self.config = resolve(settings, has_cuda=has_cuda())
        self._processes = processes
        self._metrics = metrics
        self._root = settings.checkpoints_dir
        self._bounds = Bounds(max_steps=settings.max_steps, max_seconds=settings.max_seconds)
        resumed = self._find_checkpoint()
        self._base = load_base(
            self.config.base_model, cache=settings.cache, dtype=self.config.dtype, device=processes.device
        )
        self._model = self._adapted(self._base, resumed)
        self._optimizer = AdapterOptimizer(self._model, self.config, processes)
        self.step = 0
        self.tokens_seen = 0
        self.trained_seconds = 0.0
        self.position = Position()
        self.schedule = first_schedule(
            peak=self.config.learning_rate,
            warmup_steps=self.config.warmup_steps,
            decay_fraction=self.config.decay_fraction,
            bounds=self._bounds,
        )
        if resumed:
            self._restore(*resumed)
        self.saved_step = self.step
        self._losses: list[float] = []
        self._step_seconds: deque[float] = deque(maxlen=RECENT_STEPS)
        self._retry_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._stream: BatchStream | None = None
        if processes.is_main:
            self._log = LossLog(self._root, resumed_step=self.step)
            self._stream = self._open_stream()

    @property
    def is_finished(self) -> bool:
        """Whether a bounded run has reached its end."""
        return is_finished(
            step=self.step,
            trained_seconds=self.trained_seconds,
            decay_end=self.schedule.end,
            decay_fraction=self.config.decay_fraction,
            bounds=self._bounds,
        )

    @property
    def num_unsaved_steps(self) -> int:
        return self.step - self.saved_step

    @property
    def read_shard_seq(self) -> int:
        """The newest shard read, which may be beyond the position."""
        return self._stream.read_shard_seq if self._stream else 0

    def next_batch(self) -> Batch | None:
        """Return the next batch, or None while the sealed shards do not fill one. Only in process 0."""
        assert self._stream is not None
        start = time.monotonic()
        batch = self._stream.next_batch()
        self._metrics.data_wait_seconds.inc(time.monotonic() - start)
        return batch

    def train(self, batch: Batch) -> float:
        """Do one step with all processes; return its loss (nan or inf when the update was left out). In process 0."""
        self._decide_decay()
        learning_rate = self.schedule.learning_rate(self.step)
        self._processes.agree(Order(rows=batch.rows, learning_rate=learning_rate))
        start = time.monotonic()
        result = self._optimizer.step(batch.rows, step=self.step, learning_rate=learning_rate)
        seconds = time.monotonic() - start
        self.step += 1
        self.tokens_seen += len(batch.rows) * self.config.seq_len
        self.trained_seconds += seconds
        self.position = batch.position
        self._step_seconds.append(seconds)
        self._metrics.observe_step(result, seconds=seconds, num_tokens=len(batch.rows) * self.config.seq_len)
        self._metrics.show_progress(self.step, self.tokens_seen, self.position, learning_rate)
        if result.is_finite:
            self._losses.append(result.loss)
        self._log_loss(result.loss if result.is_finite else None)
        return result.loss

    def assist(self) -> None:
        """Do the steps that process 0 orders, until it orders to stop. In every other process."""
        while True:
            order: Order = self._processes.agree(Order())
            if order.is_last:
                return
            if order.rows:
                self._optimizer.step(order.rows, step=self.step, learning_rate=order.learning_rate)
                self.step += 1

    def keep_waiting(self) -> None:
        """Tell the other processes that there is nothing to do yet."""
        self._processes.agree(Order())

    def close(self) -> None:
        """Let the other processes end."""
        self._processes.agree(Order(is_last=True))

    def save(self) -> Path | None:
        """Write a checkpoint of the unsaved steps; None when it failed or the last failure is too recent.

        A failure (disk full) is counted and logged; older checkpoints stay, and training can go on.
        """
        if time.monotonic() < self._retry_at:
            return None
        start = time.monotonic()
        state = checkpoint.State(optimizer=self._optimizer.state_tensors(), position=self.position)
        manifest = self._manifest()
        try:
            folder = checkpoint.save_checkpoint(self._root, self._model, state, manifest)
        except OSError as error:
            self._metrics.checkpoint_failures.inc()
            logger.error(
                "checkpoint at step %d not written to %s: %s; next try in %.0f s",
                self.step,
                self._root,
                error,
                self._retry_seconds,
            )
            self._retry_at = time.monotonic() + self._retry_seconds
            self._retry_seconds = min(2 * self._retry_seconds, LAST_RETRY_SECONDS)
            return None
        self._retry_seconds = FIRST_RETRY_SECONDS
        self.saved_step = self.step
        self._losses.clear()
        checkpoint.prune(self._root, keep=self.settings.keep_checkpoints)
        self._metrics.observe_save(
            manifest, seconds=time.monotonic() - start, num_bytes=checkpoint.folder_bytes(folder)
        )
        logger.info("checkpoint %s written: %d tokens, loss %s", folder.name, self.tokens_seen, manifest.loss)
        return folder

    def _decide_decay(self) -> None:
        """Fix the end of a run that is bounded in time, once: from then on it depends on no clock."""
        fraction = self.config.decay_fraction
        if not decay_is_due(trained_seconds=self.trained_seconds, decay_fraction=fraction, bounds=self._bounds):
            return
        if self.schedule.decay_from is not None and self.schedule.decay_from <= self.step:
            return
        assert self._bounds.max_seconds is not None
        step_seconds = statistics.median(self._step_seconds) if self._step_seconds else self.trained_seconds / self.step
        self.schedule = with_decay_now(
            self.schedule,
            step=self.step,
            seconds_left=self._bounds.max_seconds - self.trained_seconds,
            step_seconds=step_seconds,
        )

    def _find_checkpoint(self) -> tuple[Path, Manifest] | None:
        """Return the checkpoint to resume from, the same in every process."""
        found = None
        if self._processes.is_main:
            self._root.mkdir(parents=True, exist_ok=True)
            checkpoint.clean(self._root)
            found = checkpoint.usable_checkpoint(self._root)
        return self._processes.agree(found)

    def _adapted(self, base: BaseModel, resumed: tuple[Path, Manifest] | None) -> Any:
        """Return the base model with the checkpoint's adapter, or with a new one."""
        if resumed is None:
            torch.manual_seed(self.config.seed)
            return attach_adapter(base, rank=self.config.rank, alpha=self.config.alpha, dropout=self.config.dropout)
        folder, manifest = resumed
        checkpoint.check_continues(folder, manifest, base_sha256=base.ref.sha256, config=self.config)
        return load_adapter(base, folder / ADAPTER_DIR, is_trainable=True)

    def _restore(self, folder: Path, manifest: Manifest) -> None:
        state = checkpoint.load_state(folder)
        self._optimizer.load_state_tensors(dict(state.optimizer))
        self.position = state.position
        self.step = manifest.step
        self.tokens_seen = manifest.tokens_seen
        self.trained_seconds = manifest.trained_seconds
        if manifest.decay_from is not None and decay_is_due(
            trained_seconds=self.trained_seconds, decay_fraction=self.config.decay_fraction, bounds=self._bounds
        ):
            self.schedule = replace(
                self.schedule, decay_from=manifest.decay_from, decay_steps=manifest.decay_steps or 0
            )
        self._metrics.resumed_from(manifest)
        logger.info("resumed from %s: step %d, %d tokens", folder, self.step, self.tokens_seen)

    def _open_stream(self) -> BatchStream:
        tokenizer = self._base.tokenizer
        return BatchStream(
            self.settings.shards_dir,
            encode=lambda text: encode(tokenizer, text),
            separator=separator_id(tokenizer),
            seq_len=self.config.seq_len,
            batch_rows=self.config.batch_rows,
            seed=self.config.seed,
            position=self.position,
        )

    def _manifest(self) -> Manifest:
        position = self.position
        return Manifest(
            step=self.step,
            tokens_seen=self.tokens_seen,
            created_at=time.time(),
            trained_seconds=self.trained_seconds,
            base_model=self._base.ref,
            adapter=AdapterRef(
                rank=self.config.rank, alpha=self.config.alpha, target_modules=target_modules(self._model)
            ),
            data=DataRef(
                position=DataPosition(
                    shard_seq=position.shard_seq,
                    sample_index=position.sample_index,
                    carry_tokens=len(position.carry),
                ),
                shards=position.shards,
                newest_event_time=position.newest_event_time,
                holdout_sha256=position.holdout_sha256,
            ),
            files={},
            config=asdict(self.config),
            code_commit=code_commit(),
            loss=statistics.fmean(self._losses) if self._losses else None,
            decay_from=self.schedule.decay_from,
            decay_steps=self.schedule.decay_steps if self.schedule.decay_from is not None else None,
            is_finished=self.is_finished,
        )

    def _log_loss(self, loss: float | None) -> None:
        try:
            self._log.append(StepLoss(step=self.step, loss=loss, tokens=self.tokens_seen))
        except OSError as error:
            logger.warning("loss of step %d not logged: %s", self.step, error)
