"""Score a model on a suite: raw outputs first, then the scores made from them."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from eval.aggregate import aggregate
from eval.config import EvalSettings
from eval.result import Completion, Forced, ItemOutput, ModelRef, Result
from eval.suite.items import Item, Suite

Beat = Callable[[int], None]
"""Called with the number of items just done."""


class Model(Protocol):
    """What can be scored. complete/local.py is the one that also gives likelihoods."""

    def force(self, items: Sequence[Item], beat: Beat) -> list[Forced]:
        """Return the likelihood of each reference; an empty list where the model gives none."""
        ...

    def complete(self, items: Sequence[Item], beat: Beat) -> list[Completion]:
        """Return each item's completion."""
        ...


def score_model(
    model: Model,
    ref: ModelRef,
    suite: Suite,
    settings: EvalSettings,
    *,
    beat: Beat = lambda done: None,
) -> Result:
    """Return the result of a model on a suite. beat is called as items are done; what it raises ends the run."""
    begun = time.monotonic()
    forced = dict(zip((item.item_id for item in suite.items), model.force(suite.items, beat), strict=False))
    chosen = generation_items(suite.items, settings.generation_items_per_domain)
    completed = dict(zip((item.item_id for item in chosen), model.complete(chosen, beat), strict=True))
    outputs = tuple(
        ItemOutput(
            item_id=item.item_id,
            domain=item.domain,
            slice=item.slice,
            cut=item.cut,
            file=item.file,
            patterned=item.patterned,
            reference=item.reference,
            forced=forced.get(item.item_id),
            completion=completed.get(item.item_id),
        )
        for item in suite.items
    )
    return Result(
        model=ref,
        suite_version=suite.version,
        suite_sha256=suite.sha256,
        settings=size_settings(settings),
        created_at=time.time(),
        seconds=round(time.monotonic() - begun, 3),
        outputs=outputs,
        scores=aggregate(outputs, resamples=settings.resamples, seed=settings.seed),
    )


def num_calls(suite: Suite, settings: EvalSettings) -> int:
    """Return how many items `score_model` reports as done, for a progress bar."""
    return len(suite.items) + len(generation_items(suite.items, settings.generation_items_per_domain))


def size_settings(settings: EvalSettings) -> dict[str, int]:
    """Return the settings that outputs depend on: results made with others do not compare."""
    names = ("max_context_tokens", "max_reference_tokens", "max_new_tokens", "generation_items_per_domain")
    return {name: getattr(settings, name) for name in names}


def generation_items(items: Sequence[Item], per_domain: int) -> list[Item]:
    """Return the items to complete: so many of each domain, its slices taking turns, in suite order."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked: dict[str, list[tuple[int, str, Item]]] = defaultdict(list)
    for item in items:
        ranked[item.domain].append((seen[item.domain, item.slice], item.slice, item))
        seen[item.domain, item.slice] += 1
    return [item for group in ranked.values() for _, _, item in sorted(group, key=lambda one: one[:2])[:per_domain]]
