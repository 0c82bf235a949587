"""The gauges."""

from prometheus_client import CollectorRegistry

from eval.metrics import EvalMetrics


def test_scores_are_exported_by_domain_and_model(released_result) -> None:
    """A gauge for each domain, slice and measure; the decision is counted, and each domain's change shown."""
    registry = CollectorRegistry()
    metrics = EvalMetrics(registry)

    metrics.show("released", released_result)
    metrics.show_regression(released_result.decision)
    metrics.count(released_result.decision)

    labels = {"domain": "crypto", "slice": "held_out", "measure": "perplexity", "model": "released"}
    assert registry.get_sample_value("sheetstream_eval_score", labels) > 1
    assert registry.get_sample_value("sheetstream_eval_step", {"model": "released"}) == 40
    change = registry.get_sample_value("sheetstream_eval_regression_ratio", {"domain": "crypto", "slice": "held_out"})
    assert change < 0
    decisions = "sheetstream_eval_gate_decisions_total"
    assert registry.get_sample_value(decisions, {"outcome": "released"}) == 1
    assert registry.get_sample_value(decisions, {"outcome": "refused"}) == 0
