"""Scoring and generation with a model in this process."""

import math

import pytest
import torch

from eval.complete.local import LocalModel, Sizes
from eval.suite.items import Item
from trainer.model import BaseModel, load_base

TEXTS = [("int a = 3;\nint b", " = 4;\n"), ("x" * 30, "yyyyy\n"), ("q", "zz\n"), ("", "void\n")]


@pytest.fixture(scope="module")
def base(tiny) -> BaseModel:
    return load_base("tiny-olmo3", cache=tiny.cache)


def item(context: str, reference: str) -> Item:
    return Item(
        item_id=context,
        domain="general",
        slice="held_out",
        cut="next_line",
        family="f",
        path="p",
        offset=0,
        licence="MIT",
        context=context,
        reference=reference,
        patterned=False,
    )


ITEMS = [item(*pair) for pair in TEXTS]


def local(base: BaseModel, *, batch_size: int, max_reference_tokens: int = 50) -> LocalModel:
    return LocalModel(base.model, base.tokenizer, Sizes(100, max_reference_tokens, 40, batch_size))


def test_likelihood_is_that_of_the_plain_model(base: BaseModel) -> None:
    """Nats and hits are those of one forward pass over context and reference, counted over the reference."""
    context, reference = TEXTS[0]
    start = len(base.tokenizer(context)["input_ids"])
    ids = torch.tensor([base.tokenizer(context + reference)["input_ids"]])
    with torch.inference_mode():
        odds = base.model(ids).logits[0, start - 1 : -1].log_softmax(-1)
    expected = -odds.gather(1, ids[0, start:, None]).sum().item()

    forced = local(base, batch_size=4).force(ITEMS)[0]

    assert forced.nll == pytest.approx(expected, rel=1e-5)
    assert (forced.num_tokens, forced.num_bytes) == (6, 6)
    assert forced.top1 == int((odds.argmax(-1) == ids[0, start:]).sum())


def test_batches_change_nothing(base: BaseModel) -> None:
    """Padding is masked: alone or together, an item has the same likelihood and the same completion."""
    together, alone = local(base, batch_size=4), local(base, batch_size=1)

    for one, other in zip(together.force(ITEMS), alone.force(ITEMS), strict=True):
        assert one.nll == pytest.approx(other.nll, rel=1e-5)
    assert together.complete(ITEMS) == alone.complete(ITEMS)


def test_long_reference_is_scored_in_part(base: BaseModel) -> None:
    """Tokens over the limit are not scored, and bytes are counted only for those that are."""
    forced = local(base, batch_size=1, max_reference_tokens=3).force(ITEMS)[1]

    assert (forced.num_tokens, forced.num_bytes) == (3, 3)


def test_logits_that_are_not_finite_give_no_number(base: BaseModel) -> None:
    """A model that diverged has no likelihood, instead of NaN."""
    broken = load_base("tiny-olmo3", cache=base.folder.parent.parent)
    with torch.no_grad():
        broken.model.get_output_embeddings().weight.fill_(math.nan)

    assert local(broken, batch_size=4).force(ITEMS)[0].nll is None


def test_completion_is_greedy(base: BaseModel) -> None:
    """Each new token is the likeliest one."""
    context, _reference = TEXTS[0]
    ids = base.tokenizer(context)["input_ids"]
    with torch.inference_mode():
        for _ in range(3):
            ids.append(int(base.model(torch.tensor([ids])).logits[0, -1].argmax()))

    completion = local(base, batch_size=4).complete(ITEMS)[0]

    assert completion.text.startswith(base.tokenizer.decode(ids[-3:]).rstrip("\ufffd"))
    assert completion.num_new_tokens <= 6
