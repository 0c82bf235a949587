"""Measure teacher-forced scoring beside a plain loop over items: `python -m bench.eval [--json PATH]`.

Both give the same model the same items in one run, interleaved, and must find the same likelihoods; what differs is the
work. The plain loop does what one would write first: one item at a time, logits at every place. Speed is in reference
and context tokens per second of wall and of process time.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from eval.complete.local import LocalModel, Sizes
from eval.config import load_settings
from eval.suite.items import Item
from trainer.model import SMOLLM2, load_base

TOLERANCE = 1e-3  # of an item's nats: both sum the same float32 odds in another order
VERBS = ("read", "write", "start", "reset", "configure", "enable", "poll", "suspend")
NOUNS = ("timer", "channel", "clock", "buffer", "sensor", "status", "threshold", "interrupt", "frame", "power")


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over the repeats."""

    name: str
    tokens_per_second: float
    tokens_per_cpu_second: float


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    base = load_base(arguments.model, cache=load_settings().cache_dir)
    items = write_items(arguments.items)
    encode: Callable[[str], list[int]] = lambda text: list(base.tokenizer(text, add_special_tokens=False)["input_ids"])  # noqa: E731
    num_tokens = sum(len(encode(item.context)) + len(encode(item.reference)) for item in items)
    batched = LocalModel(base.model, base.tokenizer, Sizes(512, 512, 64, arguments.batch))
    ways: dict[str, Callable[[], list[float]]] = {
        "plain loop": lambda: plain_loop(base.model, encode, items),
        f"ours, batches of {arguments.batch}": lambda: [one.nll or 0.0 for one in batched.force(items)],
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    found: dict[str, list[float]] = {}
    for _ in range(arguments.repeats):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            found[name] = way()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    worst = max(abs(a - b) / a for a, b in zip(*found.values(), strict=True))
    speeds = [
        Speed(
            name,
            num_tokens / statistics.median(wall for wall, _ in times),
            num_tokens / statistics.median(cpu for _, cpu in times),
        )
        for name, times in seconds.items()
    ]
    _report(arguments, speeds, num_tokens, len(items), worst)
    if worst > TOLERANCE:
        sys.exit(f"the two ways differ by {worst:.2g} of an item's nats, at most {TOLERANCE} expected")


def plain_loop(model: Any, encode: Callable[[str], list[int]], items: Sequence[Item]) -> list[float]:
    """Return each item's nats over its reference: one forward pass an item, logits at every place."""
    answers = []
    with torch.inference_mode():
        for item in items:
            context, reference = encode(item.context), encode(item.reference)
            ids = torch.tensor([context + reference])
            odds = model(ids).logits[0, :-1].float().log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
            answers.append(-float(odds[len(context) - 1 :].double().sum()))
    return answers


def write_items(count: int, seed: int = 1) -> list[Item]:
    """Return so many made-up items of unlike length: registers and functions, cut before a line."""
    rng = random.Random(seed)
    items = []
    for number in range(count):
        device = f"dev{number}"
        lines = [f"#define {device.upper()}_{n.upper()} 0x{rng.randrange(256):02X}\n" for n in rng.sample(NOUNS, 4)]
        for verb in rng.sample(VERBS, rng.randint(1, 4)):
            noun = rng.choice(NOUNS)
            lines += [
                f"int {device}_{verb}_{noun}(struct {device} *self, uint8_t *{noun})\n",
                "{\n",
                f"\tint error = bus_transfer(self->bus, {device.upper()}_{noun.upper()}, {noun}, sizeof(*{noun}));\n",
                f"\treturn error ? error : {device}_{rng.choice(VERBS)}(self);\n",
                "}\n",
            ]
        cut = rng.randint(4, len(lines) - 2)
        items.append(
            Item(
                item_id=str(number),
                domain="general",
                slice="held_out",
                cut="next_line",
                family="bench",
                path=f"{device}.c",
                offset=0,
                licence="Apache-2.0",
                context="".join(lines[:cut]),
                reference="".join(lines[cut : cut + 3]),
                patterned=False,
            )
        )
    return items


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.eval", description=__doc__)
    parser.add_argument("--model", default=SMOLLM2, help="a base model's name or folder")
    parser.add_argument("--items", type=int, default=48)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _report(
    arguments: argparse.Namespace, speeds: Sequence[Speed], num_tokens: int, num_items: int, worst: float
) -> None:
    print(
        f"{arguments.model}: {num_items} items, {num_tokens} tokens, {arguments.threads} threads, {platform.machine()}"
    )
    for speed in speeds:
        print(
            f"{speed.name:24} {speed.tokens_per_second:8.0f} tokens/s {speed.tokens_per_cpu_second:8.0f} per CPU second"
        )
    print(f"largest difference of an item's nats: {worst:.2g}")
    if arguments.json:
        commit = subprocess.run(
            ["git", "rev-parse", "--verify", "-q", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        figures = {
            "commit": commit or None,
            "machine": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "model": arguments.model,
            "items": num_items,
            "tokens": num_tokens,
            "threads": arguments.threads,
            "largest_difference": worst,
            "speeds": [asdict(speed) for speed in speeds],
        }
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
