"""Every Prometheus metric of the trainer; dashboards and alerts use these names and no others."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from trainer.manifest import Manifest

if TYPE_CHECKING:
    from trainer.batches import Position
    from trainer.loop import StepResult

STEP_BUCKETS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80)


class TrainerMetrics:
    """The trainer's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"sheetstream_trainer_{name}", text, registry=registry)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"sheetstream_trainer_{name}", text, registry=registry)

        self.steps = counter("steps", "Optimizer steps done by this process.")
        self.tokens = counter("tokens", "Tokens trained on by this process.")
        self.nonfinite_steps = counter("nonfinite_steps", "Steps left out because loss or gradient was not a number.")
        self.data_wait_seconds = counter("data_wait_seconds", "Time spent reading, tokenizing and packing.")
        self.step_duration_seconds = Histogram(
            "sheetstream_trainer_step_duration_seconds",
            "Time of one optimizer step, without waiting for data.",
            registry=registry,
            buckets=STEP_BUCKETS_SECONDS,
        )
        self.loss = gauge("loss", "Mean cross-entropy of the last step, in nats a token.")
        self.grad_norm = gauge("grad_norm", "Norm of the last step's gradient before clipping.")
        self.learning_rate = gauge("learning_rate", "Learning rate of the last step.")
        self.step = gauge("step", "Step of the run that the adapter has reached.")
        self.seen_tokens = gauge("seen_tokens", "Tokens trained on since the run began, over all restarts.")
        self.model_loaded = gauge("model_loaded", "1 while the base model is in memory, 0 while waiting for shards.")
        self.run_finished = gauge("run_finished", "1 when a bounded run has reached its end.")
        self.shard_seq = gauge("shard_seq", "Sequence number of the shard in progress.")
        self.shards_pending = gauge("shards_pending", "Sealed shards not yet begun.")
        self.last_shard_event_timestamp_seconds = gauge(
            "last_shard_event_timestamp_seconds", "Time of the newest vendor change in what was trained on."
        )
        self.checkpoint_last_success_timestamp_seconds = gauge(
            "checkpoint_last_success_timestamp_seconds", "When the newest checkpoint was written."
        )
        self.checkpoint_step = gauge("checkpoint_step", "Step of the newest checkpoint.")
        self.checkpoint_save_duration_seconds = gauge(
            "checkpoint_save_duration_seconds", "Time the last checkpoint took to write."
        )
        self.checkpoint_bytes = gauge("checkpoint_bytes", "Size of the newest checkpoint.")
        self.checkpoint_failures = counter("checkpoint_failures", "Checkpoints that could not be written.")

    def observe_step(self, result: "StepResult", *, seconds: float, num_tokens: int) -> None:
        """Count one step."""
        self.steps.inc()
        self.tokens.inc(num_tokens)
        self.step_duration_seconds.observe(seconds)
        if result.is_finite:
            self.loss.set(result.loss)
            self.grad_norm.set(result.grad_norm)
        else:
            self.nonfinite_steps.inc()

    def show_progress(self, step: int, tokens_seen: int, position: "Position", learning_rate: float) -> None:
        """Show where the run is."""
        self.step.set(step)
        self.seen_tokens.set(tokens_seen)
        self.learning_rate.set(learning_rate)
        self.shard_seq.set(position.shard_seq)
        if position.newest_event_time is not None:
            self.last_shard_event_timestamp_seconds.set(position.newest_event_time)

    def observe_save(self, manifest: Manifest, *, seconds: float, num_bytes: int) -> None:
        """Show a checkpoint that was written."""
        self.checkpoint_step.set(manifest.step)
        self.checkpoint_last_success_timestamp_seconds.set(manifest.created_at)
        self.checkpoint_save_duration_seconds.set(seconds)
        self.checkpoint_bytes.set(num_bytes)

    def resumed_from(self, manifest: Manifest) -> None:
        """Set the gauges to what a checkpoint says, so that a fresh process does not show a fresh run."""
        self.step.set(manifest.step)
        self.seen_tokens.set(manifest.tokens_seen)
        self.shard_seq.set(manifest.data.position.shard_seq)
        self.checkpoint_step.set(manifest.step)
        self.checkpoint_last_success_timestamp_seconds.set(manifest.created_at)
        if manifest.loss is not None:
            self.loss.set(manifest.loss)
        if manifest.data.newest_event_time is not None:
            self.last_shard_event_timestamp_seconds.set(manifest.data.newest_event_time)
