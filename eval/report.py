"""Put results beside each other: what a table or a JSON answer shows. Values only, no terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.aggregate import ALL, MACRO, WEIGHTED
from eval.baselines import BASELINES, BaselineModel, baseline_ref
from eval.config import EvalSettings
from eval.errors import NotFoundError
from eval.registry import LATEST, Registry
from eval.result import DomainRow, Result, Score, list_results, read_result
from eval.run import score_model
from eval.suite.items import Suite

HEADLINE = ("perplexity", "bits_per_byte", "top1", "exact_match", "edit_similarity", "c_token_accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two results of one suite: measures as means over domains, and bits per byte by domain."""

    reference: str
    candidate: str
    suite_version: str
    measures: tuple[tuple[Score, Score], ...]
    """Reference and candidate; over all items, the macro mean and then the weighted one."""
    rows: tuple[DomainRow, ...]


def compare_results(reference: Result, candidate: Result, rows: tuple[DomainRow, ...]) -> Comparison:
    """Return the comparison of two results with the gate's table of domains."""
    pairs = []
    for domain in (MACRO, WEIGHTED):
        for measure in HEADLINE:
            before, after = reference.score(domain, measure), candidate.score(domain, measure)
            if before is not None and after is not None:
                pairs.append((before, after))
    return Comparison(
        reference=reference.model.name,
        candidate=candidate.model.name,
        suite_version=candidate.suite_version,
        measures=tuple(pairs),
        rows=rows,
    )


def domain_scores(result: Result, slice_: str = ALL) -> list[tuple[str, int, list[Score | None]]]:
    """Return a row for each domain, then macro and weighted: its name, its items, and the headline measures."""
    domains = list(dict.fromkeys(output.domain for output in result.outputs))
    rows = []
    for domain in (*domains, MACRO, WEIGHTED):
        scores = [result.score(domain, measure, slice_) for measure in HEADLINE]
        num_items = max((score.num_items for score in scores if score is not None), default=0)
        rows.append((domain, num_items, scores))
    return rows


def show(score: Score | None, *, interval: bool = False) -> str:
    """Return a score as text; a measure that does not apply is a dash, never an estimate."""
    if score is None or score.value is None:
        return "-"
    if interval and score.low is not None and score.high is not None:
        return f"{score.value:.3f} ({score.low:.3f}-{score.high:.3f})"
    return f"{score.value:.3f}"


def baseline_results(suite: Suite, settings: EvalSettings) -> list[Result]:
    """Return the results of the baselines, which need no model."""
    return [score_model(BaselineModel(one), baseline_ref(name), suite, settings) for name, one in BASELINES.items()]


def find_result(settings: EvalSettings, name: str) -> Result:
    """Return a stored result by file, or by what was scored: base, latest (checkpoint), released, a checkpoint's name.

    Raises NotFoundError where there is none, ResultError for a file that is no result.
    """
    file = Path(name)
    if file.suffix == ".json":
        return read_result(file)
    stored = [read_result(path) for path in list_results(settings.results_dir)]
    found = [result for result in stored if _is_called(result, name, settings)]
    if not found:
        known = ", ".join(dict.fromkeys(result.model.name for result in stored)) or "none yet"
        raise NotFoundError(f"{name}: no result of this model in {settings.results_dir}; scored: {known}")
    return max(found, key=lambda result: (result.model.created_at or 0.0, result.created_at))


def _is_called(result: Result, name: str, settings: EvalSettings) -> bool:
    model = result.model
    if name == "base":
        return model.kind == "base"
    if name == "latest":
        return model.kind == "checkpoint"
    if name == "released":
        state = Registry(settings.releases_dir).state()
        return LATEST in state.aliases and state.find(LATEST).checkpoint_digest == model.digest
    return name == model.name or (len(name) >= 8 and model.digest.startswith(name))


def names(scores: Sequence[str] = HEADLINE) -> list[str]:
    """Return the titles of the headline measures."""
    return [name.replace("_", " ") for name in scores]
