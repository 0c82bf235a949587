"""Make scores from raw outputs, and from nothing else: stored results can be scored again at any time."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from eval.result import ItemOutput, Result, Score
from eval.scores import MEASURES, Measure
from eval.statistics import Estimate, Resampler, macro

MACRO = "macro"
WEIGHTED = "weighted"
ALL = "all"


def aggregate(outputs: Sequence[ItemOutput], *, resamples: int, seed: int) -> tuple[Score, ...]:
    """Return every measure for every domain and slice, their macro mean and the weighted mean, with intervals."""
    scores: list[Score] = []
    slices = sorted({output.slice for output in outputs})
    for slice_ in (ALL, *slices):
        chosen = [output for output in outputs if slice_ in (ALL, output.slice)]
        scores += _of_slice(chosen, slice_, resamples, seed)
    return tuple(scores)


def rescore(result: Result, *, resamples: int, seed: int) -> Result:
    """Return the result with its scores made anew from its raw outputs."""
    return replace(result, scores=aggregate(result.outputs, resamples=resamples, seed=seed))


def _of_slice(outputs: Sequence[ItemOutput], slice_: str, resamples: int, seed: int) -> Iterable[Score]:
    domains: dict[str, list[ItemOutput]] = defaultdict(list)
    for output in outputs:
        domains[output.domain].append(output)
    estimates: dict[str, list[Estimate]] = defaultdict(list)
    for domain, items in domains.items():
        resampler = resampler_of(items, domain, slice_, resamples=resamples, seed=seed)
        for measure in MEASURES:
            estimate = estimate_of(resampler, measure, items)
            if estimate is not None:
                estimates[measure.name].append(estimate)
            yield _score(domain, slice_, measure, estimate, items)
    weighted = resampler_of(outputs, WEIGHTED, slice_, resamples=resamples, seed=seed)
    for measure in MEASURES:
        found = estimates[measure.name]
        yield _score(MACRO, slice_, measure, macro(found) if found else None, outputs)
        yield _score(WEIGHTED, slice_, measure, estimate_of(weighted, measure, outputs), outputs)


def resampler_of(items: Sequence[ItemOutput], domain: str, slice_: str, *, resamples: int, seed: int) -> Resampler:
    """Return the draws of a cell; the same cell has the same draws for every model scored on the suite."""
    return Resampler([item.file for item in items], resamples=resamples, seed=seed, name=f"{domain}/{slice_}")


def estimate_of(resampler: Resampler, measure: Measure, items: Sequence[ItemOutput]) -> Estimate | None:
    """Return a measure over items; None where none of them counts."""
    return resampler.ratio([measure.parts(item) for item in items], measure.finish)


def _score(domain: str, slice_: str, measure: Measure, estimate: Estimate | None, items: Sequence[ItemOutput]) -> Score:
    counted = [item for item in items if measure.parts(item) is not None]
    finite = estimate is not None and bool(np.isfinite(estimate.value))
    low, high = estimate.interval if estimate is not None and finite else (None, None)
    return Score(
        domain=domain,
        slice=slice_,
        measure=measure.name,
        value=estimate.value if estimate is not None and finite else None,
        low=low,
        high=high,
        num_items=len(counted),
        num_files=len({item.file for item in counted}),
    )
