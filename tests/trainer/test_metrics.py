"""Tests of trainer.metrics."""

from prometheus_client import CollectorRegistry

from trainer.loop import StepResult
from trainer.metrics import TrainerMetrics


def test_names_begin_with_the_package() -> None:
    """Every metric is sheetstream_trainer_<what> and has a help text."""
    registry = CollectorRegistry()
    TrainerMetrics(registry)

    families = list(registry.collect())

    assert len(families) > 15
    assert all(family.name.startswith("sheetstream_trainer_") and family.documentation for family in families)


def test_left_out_step_is_counted_and_keeps_the_last_loss() -> None:
    """A step that was not finite does not turn the loss gauge into NaN."""
    registry = CollectorRegistry()
    metrics = TrainerMetrics(registry)

    metrics.observe_step(StepResult(loss=2.0, grad_norm=1.0, is_finite=True), seconds=1, num_tokens=8)
    metrics.observe_step(StepResult(loss=float("nan"), grad_norm=1.0, is_finite=False), seconds=1, num_tokens=8)

    assert registry.get_sample_value("sheetstream_trainer_loss") == 2.0
    assert registry.get_sample_value("sheetstream_trainer_nonfinite_steps_total") == 1
    assert registry.get_sample_value("sheetstream_trainer_steps_total") == 2
