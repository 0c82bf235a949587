"""Scoring a model on a suite."""

from collections import Counter

from eval.baselines import BASELINES, BaselineModel, baseline_ref
from eval.run import generation_items, num_calls, score_model
from mapper.corpus.domain import DOMAINS


def test_result_holds_every_item(build, settings) -> None:
    """Each item once, generation for so many of a domain, and no likelihood where a model gives none."""
    suite = build()
    done: list[int] = []

    result = score_model(
        BaselineModel(BASELINES["copy-last-line"]), baseline_ref("copy-last-line"), suite, settings, beat=done.append
    )

    assert [output.item_id for output in result.outputs] == [item.item_id for item in suite.items]
    assert Counter(output.domain for output in result.outputs if output.completion) == dict.fromkeys(DOMAINS, 1)
    assert result.score("macro", "perplexity").value is None
    assert result.score("macro", "edit_similarity").value > 0


def test_generation_takes_slices_in_turn(build) -> None:
    """The same items are completed whatever model is scored."""
    items = build(items_per_domain=4).items

    chosen = generation_items(items, 2)

    assert len(chosen) == 2 * len(DOMAINS)
    assert chosen == generation_items(items, 2)
    assert generation_items(items, 0) == []


def test_progress_knows_its_end(build, settings) -> None:
    """Two items a domain, one of them also completed."""
    assert num_calls(build(), settings) == 3 * len(DOMAINS)
