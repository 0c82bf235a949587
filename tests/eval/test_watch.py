"""The long-running benchmark, on the tiny model."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from eval.metrics import EvalMetrics
from eval.registry import Registry
from eval.result import list_results, read_result, write_result
from eval.watch import Watcher, run

pytestmark = pytest.mark.slow

Watch = Callable[[], CollectorRegistry]


@pytest.fixture
def watch(settings, build) -> Watch:
    """Run the watcher until it has idled after its work, and return its metrics."""
    build()

    def watched() -> CollectorRegistry:
        registry = CollectorRegistry()
        run(settings, registry=registry, stop=threading.Event(), beat=lambda: None)
        return registry

    return watched


def results(settings) -> dict[str, object]:
    return {(result := read_result(path)).model.name: result for path in list_results(settings.results_dir)}


def test_better_checkpoint_is_scored_and_released(watch: Watch, settings, make_checkpoint) -> None:
    """Base and checkpoint get results, the gate lets the checkpoint pass, latest names it, gauges show it."""
    make_checkpoint(40)

    registry = watch()

    found = results(settings)
    assert set(found) == {"tiny-olmo3", "step-00000040"}
    assert found["step-00000040"].decision.reasons == ()
    assert Registry(settings.releases_dir).verify().step == 40
    for model in ("base", "latest", "released"):
        labels = {"domain": "macro", "slice": "all", "measure": "bits_per_byte", "model": model}
        assert registry.get_sample_value("sheetstream_eval_score", labels) > 0
    assert not list((settings.releases_dir / ".candidates").iterdir())


def test_worse_checkpoint_is_refused_with_reasons(watch: Watch, settings, make_checkpoint) -> None:
    """After a release, a checkpoint that is worse than it is scored and not released."""
    make_checkpoint(40)
    watch()
    make_checkpoint(80, factor=2.5)

    registry = watch()

    decision = results(settings)["step-00000080"].decision
    assert not decision.released
    assert decision.reference.name == "step-00000040"
    assert registry.get_sample_value("sheetstream_eval_gate_decisions_total", {"outcome": "refused"}) == 1
    assert Registry(settings.releases_dir).verify().step == 40


def test_lost_scale_is_refused(watch: Watch, settings, make_checkpoint) -> None:
    """A checkpoint whose adapter_config.json lost use_rslora never becomes a release."""
    make_checkpoint(40, config={"use_rslora": False})

    watch()

    assert any("is its scale lost?" in reason for reason in results(settings)["step-00000040"].decision.reasons)
    assert Registry(settings.releases_dir).state().releases == ()


def test_crash_between_decision_and_release_is_made_good(watch: Watch, settings, make_checkpoint) -> None:
    """A stored decision without its release is released at the next start, without scoring anything again."""
    make_checkpoint(40)
    watch()
    (settings.releases_dir / "registry.json").unlink()

    Watcher(settings, EvalMetrics(CollectorRegistry())).restore()

    assert Registry(settings.releases_dir).verify().step == 40


def test_new_suite_scores_the_release_again(watch: Watch, settings, build, make_checkpoint) -> None:
    """After another suite was built, a new checkpoint is compared with the release as that suite scores it."""
    make_checkpoint(40)
    watch()
    suite = build(seed=1, version="t2")
    make_checkpoint(80, factor=0.5)

    watch()

    found = {result.model.name: result for path in list_results(settings.results_dir) if (result := read_result(path))}
    assert {result.suite_sha256 for result in found.values()} == {suite.sha256}
    assert found["step-00000080"].decision.reference.name == "step-00000040"
    assert found["step-00000040"].decision is None


def test_damaged_checkpoint_is_counted_and_left(watch: Watch, settings, make_checkpoint) -> None:
    """Bytes that differ from the manifest are a failure; it is not tried again and again."""
    checkpoint = make_checkpoint(40)
    (checkpoint / "adapter/adapter_config.json").write_text("{}")

    registry = watch()

    assert registry.get_sample_value("sheetstream_eval_failures_total") == 1
    assert results(settings) == {}


def test_restart_shows_stored_scores_without_torch(settings, build, better, make_result) -> None:
    """An idle process has its gauges from the results and never imports torch."""
    suite = build()
    base = replace(make_result("base"), suite_sha256=suite.sha256)
    for result in (base, replace(better, suite_sha256=suite.sha256)):
        write_result(settings.results_dir, result)
    program = (
        "import sys, threading; from pathlib import Path; from prometheus_client import CollectorRegistry\n"
        "from eval.config import EvalSettings; from eval.watch import run\n"
        "stop, registry, beats = threading.Event(), CollectorRegistry(), []\n"
        "beat = lambda: (beats.append(1), len(beats) > 2 and stop.set())\n"
        f"settings = EvalSettings(home=Path({str(settings.home)!r}), suite=Path({str(settings.suite)!r}),"
        f" poll_seconds=0.01, **{base.settings!r})\n"
        "run(settings, registry=registry, stop=stop, beat=beat)\n"
        "labels = {'domain': 'macro', 'slice': 'all', 'measure': 'perplexity', 'model': 'base'}\n"
        "print(registry.get_sample_value('sheetstream_eval_score', labels) is not None, 'torch' in sys.modules)"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )

    assert answer.stdout.split() == ["True", "False"], answer.stderr


def test_stop_ends_a_scoring(settings, build, make_checkpoint) -> None:
    """A process asked to end does so between batches, and stores nothing half."""
    build()
    make_checkpoint(40)
    stop = threading.Event()
    beats: list[int] = []

    def beat() -> None:
        beats.append(1)
        if len(beats) > 3:
            stop.set()

    run(settings, registry=CollectorRegistry(), stop=stop, beat=beat)

    assert results(settings) == {}


def test_without_a_suite_it_waits(settings, make_checkpoint) -> None:
    """No suite, no work, no error."""
    make_checkpoint(40)

    assert not Watcher(settings, EvalMetrics(CollectorRegistry())).look(lambda done: None)
