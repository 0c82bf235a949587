"""Score and complete items with a causal language model in this process.

Likelihood is teacher-forced over the reference only: items of like length share a batch, padded on the right, and the
output head runs at the reference's places alone, which for a small model with a large vocabulary is a fifth of the
work saved. Generation is greedy, padded on the left, and ends for a row as soon as the stop rule is met.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from transformers import PreTrainedTokenizerBase, StoppingCriteriaList

from eval.complete.stop import apply_stop, budget_bytes
from eval.result import Completion, Forced
from eval.suite.items import Item

T = TypeVar("T")

TOP = 5
BYTES_PER_TOKEN = 2  # at least, of code in any vocabulary in use: bounds the new tokens by the budget in bytes


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of an item a model sees, and how many items at once."""

    max_context_tokens: int
    max_reference_tokens: int
    max_new_tokens: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class _Encoded:
    """An item in the model's tokens; num_bytes counts the reference's bytes that are scored."""

    place: int
    context: list[int]
    reference: list[int]
    num_bytes: int

    @property
    def length(self) -> int:
        return len(self.context) + len(self.reference)


class LocalModel:
    """A loaded model, base or with an adapter, with its tokenizer."""

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, sizes: Sizes) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._sizes = sizes
        self._device = next(model.parameters()).device
        self._end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else 0

    def force(self, items: Sequence[Item], beat: Callable[[int], None] = lambda done: None) -> list[Forced]:
        """Return the likelihood of each item's reference, in the order given. beat: called with items done."""
        encoded = [self._encode(place, item) for place, item in enumerate(items)]
        encoded.sort(key=lambda one: one.length)
        answers: dict[int, Forced] = {}
        for batch in _batches(encoded, self._sizes.batch_size):
            for one, forced in zip(batch, self._force_batch(batch), strict=True):
                answers[one.place] = forced
            beat(len(batch))
        return [answers[place] for place in range(len(items))]

    def complete(self, items: Sequence[Item], beat: Callable[[int], None] = lambda done: None) -> list[Completion]:
        """Return the greedy completion of each item, in the order given. beat: called with items done."""
        order = sorted(range(len(items)), key=lambda place: (len(items[place].reference), len(items[place].context)))
        answers: dict[int, Completion] = {}
        for places in _batches(order, self._sizes.batch_size):
            chosen = [items[place] for place in places]
            answers.update(zip(places, self._complete_batch(chosen), strict=True))
            beat(len(places))
        return [answers[place] for place in range(len(items))]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _context(self, item: Item) -> list[int]:
        """Return the context's last tokens; a context without any is the end-of-text token."""
        return self._ids(item.context)[-self._sizes.max_context_tokens :] or [self._end]

    def _encode(self, place: int, item: Item) -> _Encoded:
        whole = self._ids(item.reference)
        reference = whole[: self._sizes.max_reference_tokens]
        scored = item.reference if len(reference) == len(whole) else _decode(self._tokenizer, reference)
        return _Encoded(place, self._context(item), reference, len(scored.encode()))

    def _force_batch(self, batch: Sequence[_Encoded]) -> list[Forced]:
        ids, mask = self._pad([one.context + one.reference for one in batch], left=False)
        # The token at place p is predicted at p - 1.
        rows = torch.tensor([row for row, one in enumerate(batch) for _ in one.reference], device=self._device)
        columns = torch.tensor(
            [len(one.context) - 1 + place for one in batch for place in range(len(one.reference))], device=self._device
        )
        targets = torch.tensor([token for one in batch for token in one.reference], device=self._device)
        with torch.inference_mode(), _head_only_at(self._model, rows, columns):
            logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits[0].float()
        log_odds = torch.log_softmax(logits, dim=-1).gather(1, targets[:, None])[:, 0]
        # How many tokens are ranked before the target: 0 is a hit of top-1.
        ranks = (logits > logits.gather(1, targets[:, None])).sum(dim=1)
        lengths = [len(one.reference) for one in batch]
        answers = []
        for one, odds, rank in zip(batch, log_odds.split(lengths), ranks.split(lengths), strict=True):
            nll = -float(odds.double().sum())
            finite = bool(torch.isfinite(odds).all())
            answers.append(
                Forced(
                    nll=nll if finite else None,
                    num_tokens=len(one.reference),
                    num_bytes=one.num_bytes,
                    top1=int((rank == 0).sum()) if finite else 0,
                    top5=int((rank < TOP).sum()) if finite else 0,
                )
            )
        return answers

    def _complete_batch(self, items: Sequence[Item]) -> list[Completion]:
        ids, mask = self._pad([self._context(item) for item in items], left=True)
        references = [item.reference for item in items]
        limits = [self._max_new_tokens(reference) for reference in references]
        rule = _StopRule(self._tokenizer, references, limits, ids.shape[1])
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max(limits),
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                repetition_penalty=1.0,
                pad_token_id=self._end,
                stopping_criteria=StoppingCriteriaList([rule]),
            )
        new = written[:, ids.shape[1] :].tolist()
        return [
            self._completion(item, row[: rule.num_tokens[number]])
            for number, (item, row) in enumerate(zip(items, new, strict=True))
        ]

    def _max_new_tokens(self, reference: str) -> int:
        return min(self._sizes.max_new_tokens, budget_bytes(reference) // BYTES_PER_TOKEN + 1)

    def _completion(self, item: Item, new: list[int]) -> Completion:
        text, stop = apply_stop(_decode(self._tokenizer, new), item.reference)
        if stop == "end" and new[-1] != self._tokenizer.eos_token_id:
            stop = "budget"  # of tokens
        return Completion(
            text=text,
            stop=stop,
            num_new_tokens=len(new),
            ids=tuple(self._ids(text)),
            reference_ids=tuple(self._ids(item.reference)),
        )

    def _pad(self, rows: Sequence[list[int]], *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return token ids and attention mask of shape (rows, longest row)."""
        longest = max(len(row) for row in rows)
        ids = torch.full((len(rows), longest), self._end, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for number, row in enumerate(rows):
            places = slice(longest - len(row), longest) if left else slice(0, len(row))
            ids[number, places] = torch.tensor(row)
            mask[number, places] = 1
        return ids.to(self._device), mask.to(self._device)


class _StopRule:
    """Ends a row once its text meets the stop rule, or at its own limit of new tokens whatever its neighbours' are.

    num_tokens: for each row the new tokens up to its end; what generate pads after that is not the row's.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        references: Sequence[str],
        limits: Sequence[int],
        prompt_length: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._references = references
        self._limits = limits
        self._prompt_length = prompt_length
        self._done = [False] * len(references)
        self.num_tokens = [0] * len(references)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        new = input_ids[:, self._prompt_length :].tolist()
        for number, row in enumerate(new):
            if not self._done[number]:
                self.num_tokens[number] = len(row)
                text = _decode(self._tokenizer, row)
                ended = row[-1] == self._tokenizer.eos_token_id or len(row) >= self._limits[number]
                self._done[number] = ended or apply_stop(text, self._references[number])[1] != "end"
        return torch.tensor(self._done, device=input_ids.device)


@contextmanager
def _head_only_at(model: Any, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
    """Let the output head see only the hidden states at these places: logits get the shape (1, places, vocabulary).

    A hook on the head, so that whatever a model does to logits after it (scale, soft cap) stays.
    """

    def keep(_head: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden, *rest = args
        return (hidden[rows, columns][None], *rest)

    handle = model.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield
    finally:
        handle.remove()


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    """Return the text of these tokens as it is: without special tokens, and with every space left alone."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
