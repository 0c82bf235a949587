"""Prometheus metrics of the benchmark. Scores are gauges made from stored results, so a restart shows them again."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from eval.result import Decision, Result

EXPORTED = ("perplexity", "bits_per_byte", "top1", "exact_match", "edit_similarity", "c_token_accuracy")
"""Measures with a gauge: what the dashboards and alerts use. The rest is in the results."""


class EvalMetrics:
    """The metrics of one eval process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.score = Gauge(
            "sheetstream_eval_score",
            "Score by domain (also macro, weighted), slice (also all) and measure; model is base, latest or released",
            ["domain", "slice", "measure", "model"],
            registry=registry,
        )
        self.regression = Gauge(
            "sheetstream_eval_regression_ratio",
            "Bits per byte of the latest checkpoint over those of the model it was compared with, minus 1",
            ["domain", "slice"],
            registry=registry,
        )
        self.last_success = Gauge(
            "sheetstream_eval_last_success_timestamp_seconds", "When a model was last scored", registry=registry
        )
        self.step = Gauge("sheetstream_eval_step", "Training step of the model", ["model"], registry=registry)
        self.duration = Gauge("sheetstream_eval_scoring_seconds", "Time the last scoring took", registry=registry)
        self.pending = Gauge(
            "sheetstream_eval_checkpoints_pending", "Checkpoints that still wait for their scores", registry=registry
        )
        self.decisions = Counter(
            "sheetstream_eval_gate_decisions_total", "Decisions of the gate", ["outcome"], registry=registry
        )
        self.failures = Counter(
            "sheetstream_eval_failures_total", "Checkpoints that could not be scored", registry=registry
        )
        for outcome in ("released", "refused"):
            self.decisions.labels(outcome)

    def show(self, model: str, result: Result) -> None:
        """Export a result's scores as those of the model base, latest or released."""
        for score in result.scores:
            if score.measure in EXPORTED and score.value is not None:
                self.score.labels(score.domain, score.slice, score.measure, model).set(score.value)
        if result.model.step is not None:
            self.step.labels(model).set(result.model.step)

    def show_regression(self, decision: Decision) -> None:
        """Export how each domain moved against the model the candidate was compared with."""
        for row in decision.rows:
            self.regression.labels(row.domain, row.slice).set(row.candidate / row.reference - 1)

    def count(self, decision: Decision) -> None:
        """Count a decision."""
        self.decisions.labels("released" if decision.released else "refused").inc()

    def scored(self, result: Result) -> None:
        """Note that a model was scored."""
        self.last_success.set(result.created_at)
        self.duration.set(result.seconds)
