"""Decide whether a checkpoint may be released: the candidate's result against the released one's, or the base model's.

Pure. A refusal names each of its reasons. To refuse a good checkpoint costs less than to release a bad one, so a single
domain that is worse beyond its own interval refuses, while "better" in the table has to survive Holm's correction.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from eval.aggregate import ALL, estimate_of, resampler_of
from eval.errors import ResultError
from eval.result import Consistency, Decision, DomainRow, ItemOutput, Result, Verdict
from eval.scores import BY_NAME
from eval.statistics import LEVEL, Difference, Estimate, difference, holm, macro
from mapper.corpus.domain import DOMAINS

GENERAL = "general"
BITS = BY_NAME["bits_per_byte"]
WRITTEN = BY_NAME["edit_similarity"]
"""What is compared with bits per byte: unlike exact match it moves with few items."""
NEVER_ZERO = ("bits_per_byte", "top1", "edit_similarity")
JUMP = 1.5  # held-out bits per byte this much worse, while generation is not: the evaluation is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """What the gate tolerates; shares of the reference's bits per byte."""

    domain: float = 0.0
    general: float = 0.05
    require_improvement: bool = True
    resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Cell:
    """A domain and slice of both results."""

    domain: str
    slice: str
    reference: Estimate
    candidate: Estimate
    difference: Difference
    num_items: int


def decide(reference: Result, candidate: Result, *, consistency: Consistency | None, margins: Margins) -> Decision:
    """Return the decision about a candidate. Raises ResultError where the two cannot be compared at all."""
    pairs = _pairs(reference, candidate)
    reasons = [*_missing_domains(candidate), *_implausible(candidate.outputs), *_inconsistent(consistency)]
    cells = _cells(pairs, margins) if all(_finite(output) for pair in pairs for output in pair) else []
    if cells:
        reasons += _worse_domains(cells, margins)
        reasons += _worse_general(cells, margins)
        reasons += _macro_reasons(pairs, cells, margins)
    rows = _rows(cells, margins)
    return Decision(released=not reasons, reasons=tuple(reasons), reference=reference.model, rows=rows)


def compare(reference: Result, candidate: Result, *, margins: Margins) -> tuple[DomainRow, ...]:
    """Return the table of bits per byte by domain and slice. Raises ResultError where they cannot be compared."""
    return _rows(_cells(_pairs(reference, candidate), margins), margins)


def _pairs(reference: Result, candidate: Result) -> list[tuple[ItemOutput, ItemOutput]]:
    if reference.suite_sha256 != candidate.suite_sha256:
        raise ResultError(
            f"{candidate.model.name}: scored on suite {candidate.suite_version} ({candidate.suite_sha256[:12]}), "
            f"{reference.model.name} on {reference.suite_version} ({reference.suite_sha256[:12]}): one suite expected"
        )
    if reference.settings != candidate.settings:
        raise ResultError(f"{candidate.model.name}: scored with {candidate.settings}, expected {reference.settings}")
    before = {output.item_id: output for output in reference.outputs}
    if before.keys() != {output.item_id for output in candidate.outputs}:
        raise ResultError(f"{candidate.model.name}: its items are not those of {reference.model.name}")
    return [(before[output.item_id], output) for output in candidate.outputs]


def _missing_domains(candidate: Result) -> list[str]:
    present = {output.domain for output in candidate.outputs if output.forced is not None}
    missing = [domain for domain in DOMAINS if domain not in present]
    return [f"no item of {', '.join(missing)}: all {len(DOMAINS)} domains are needed"] if missing else []


def _implausible(outputs: Sequence[ItemOutput]) -> list[str]:
    """Return what no working model gives: logits that are no numbers, a score of exactly zero, one answer to all."""
    broken = sum(not _finite(output) for output in outputs)
    if broken:
        return [f"{broken} of {len(outputs)} items have logits that are not finite"]
    reasons = []
    for name in NEVER_ZERO:
        parts = [part for output in outputs if (part := BY_NAME[name].parts(output)) is not None]
        if parts and not any(numerator for numerator, _ in parts):
            reasons.append(f"{name} comes from a sum of exactly zero over {len(parts)} items")
    rates = {output.forced.nll / output.forced.num_tokens for output in outputs if output.forced and output.forced.nll}
    if len(rates) == 1 and len(outputs) > 1:
        reasons.append(f"perplexity is the same constant on all {len(outputs)} items")
    texts = [output.completion.text for output in outputs if output.completion is not None]
    if len(texts) > 1 and len(set(texts)) == 1:
        reasons.append(f"all {len(texts)} completions are the same text {texts[0][:40]!r}")
    return reasons


def _inconsistent(consistency: Consistency | None) -> list[str]:
    if consistency is None:
        return ["logits of adapter, merged and reloaded model were not compared"]
    if consistency.agrees:
        return []
    return [
        f"logits disagree: adapter against merged {consistency.merged:.2g}, "
        f"against reloaded {consistency.reloaded:.2g} of the largest logit "
        f"(the whole adapter moves them by {consistency.effect:.2g}): is its scale lost?"
    ]


def _worse_domains(cells: Sequence[_Cell], margins: Margins) -> list[str]:
    return [
        f"{cell.domain} ({cell.slice}): bits per byte {cell.reference.value:.3f} -> {cell.candidate.value:.3f}, "
        f"worse by {_share(cell)} (interval {cell.difference.low:+.3f} to {cell.difference.high:+.3f})"
        for cell in cells
        if cell.domain != GENERAL and _verdict(cell, 0.0, margins) == "worse"
    ]


def _worse_general(cells: Sequence[_Cell], margins: Margins) -> list[str]:
    return [
        f"general ({cell.slice}): bits per byte {cell.reference.value:.3f} -> {cell.candidate.value:.3f}, "
        f"worse by {_share(cell)}, at most {margins.general:.0%} is allowed"
        for cell in cells
        if cell.domain == GENERAL and cell.candidate.value > cell.reference.value * (1 + margins.general)
    ]


def _macro_reasons(
    pairs: Sequence[tuple[ItemOutput, ItemOutput]], cells: Sequence[_Cell], margins: Margins
) -> list[str]:
    """Return whether the mean over domains is better, and whether likelihood and generation tell one story."""
    whole = [cell for cell in cells if cell.slice == cells[0].slice]
    candidate = macro([cell.candidate for cell in whole])
    reference = macro([cell.reference for cell in whole])
    bits = difference(candidate, reference)
    reasons = []
    if margins.require_improvement and not bits.below_zero:
        reasons.append(
            f"not better: mean bits per byte {reference.value:.3f} -> {candidate.value:.3f} "
            f"(interval of the difference {bits.low:+.3f} to {bits.high:+.3f})"
        )
    written = _written(pairs, margins)
    if written is None:
        return reasons
    if (bits.below_zero and written.below_zero) or (bits.above_zero and written.above_zero):
        reasons.append(
            f"bits per byte ({bits.value:+.3f}) and generation (edit similarity {written.value:+.3f}) "
            "disagree in sign beyond their intervals: the evaluation is broken"
        )
    elif candidate.value > JUMP * reference.value and not written.below_zero:
        reasons.append(
            f"bits per byte jumped from {reference.value:.3f} to {candidate.value:.3f} while generation stayed "
            f"(edit similarity {written.value:+.3f}): the evaluation is broken"
        )
    return reasons


def _written(pairs: Sequence[tuple[ItemOutput, ItemOutput]], margins: Margins) -> Difference | None:
    items = [after for _, after in pairs]
    resampler = resampler_of(items, "generation", ALL, resamples=margins.resamples, seed=margins.seed)
    before = estimate_of(resampler, WRITTEN, [output for output, _ in pairs])
    after = estimate_of(resampler, WRITTEN, items)
    return difference(after, before) if before is not None and after is not None else None


def _cells(pairs: Sequence[tuple[ItemOutput, ItemOutput]], margins: Margins) -> list[_Cell]:
    """Return each domain as a whole, and then each slice of it where there are several."""
    slices = sorted({after.slice for _, after in pairs})
    domains = dict.fromkeys(after.domain for _, after in pairs)
    cells = []
    for slice_, domain in itertools.product([ALL, *slices] if len(slices) > 1 else slices, domains):
        chosen = [pair for pair in pairs if pair[1].domain == domain and slice_ in (ALL, pair[1].slice)]
        if not chosen:
            continue
        items = [after for _, after in chosen]
        resampler = resampler_of(items, domain, slice_, resamples=margins.resamples, seed=margins.seed)
        reference = estimate_of(resampler, BITS, [before for before, _ in chosen])
        candidate = estimate_of(resampler, BITS, items)
        if reference is not None and candidate is not None:
            one = difference(candidate, reference)
            cells.append(_Cell(domain, slice_, reference, candidate, one, len(items)))
    return cells


def _rows(cells: Sequence[_Cell], margins: Margins) -> tuple[DomainRow, ...]:
    """Return the table, slice by slice; Holm's correction is over the domains of a slice."""
    rows: list[DomainRow] = []
    for _, group in itertools.groupby(cells, key=lambda cell: cell.slice):
        same_slice = list(group)
        adjusted = holm([cell.difference.p for cell in same_slice])
        rows += [_row(cell, p, margins) for cell, p in zip(same_slice, adjusted, strict=True)]
    return tuple(rows)


def _row(cell: _Cell, adjusted_p: float, margins: Margins) -> DomainRow:
    return DomainRow(
        domain=cell.domain,
        slice=cell.slice,
        reference=cell.reference.value,
        candidate=cell.candidate.value,
        difference=cell.difference.value,
        low=cell.difference.low,
        high=cell.difference.high,
        adjusted_p=adjusted_p,
        num_items=cell.num_items,
        num_clusters=cell.difference.num_clusters,
        verdict=_verdict(cell, adjusted_p, margins),
    )


def _verdict(cell: _Cell, adjusted_p: float, margins: Margins) -> Verdict:
    margin = margins.domain * cell.reference.value
    if cell.difference.above_zero and cell.difference.low > margin:
        return "worse"
    return "better" if cell.difference.below_zero and adjusted_p <= 1 - LEVEL else "same"


def _finite(output: ItemOutput) -> bool:
    return output.forced is None or output.forced.nll is not None


def _share(cell: _Cell) -> str:
    return f"{cell.candidate.value / cell.reference.value - 1:+.1%}"
