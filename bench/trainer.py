"""Measure our training loop beside transformers.Trainer: `python -m bench.trainer [--json PATH]`.

Both train the same rsLoRA adapter on the same rows of the same tiny OLMo-3 with AdamW, interleaved in one run, and
must reach the same losses; what differs is the loop. Set-up is left out on both sides.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from trainer.config import LaunchedAs
from trainer.distributed import Processes
from trainer.loop import BETAS, AdapterOptimizer
from trainer.model import attach_adapter, load_base
from trainer.recipes import EMBEDDED, TrainConfig
from trainer.tiny import tiny_olmo3

LEARNING_RATE = 1e-3
TOLERANCE = 1e-3  # relative, of a step's loss: the same sums in another order
Rows = list[list[int]]


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over the repeats."""

    name: str
    tokens_per_second: float
    tokens_per_cpu_second: float


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    config = replace(
        EMBEDDED, rank=arguments.rank, alpha=2 * arguments.rank, seq_len=arguments.seq_len, batch_rows=2, micro_batch=2
    )
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_olmo3(Path(folder) / "model", hidden=arguments.hidden)
        rows = made_up_rows(arguments.steps * config.batch_rows, config.seq_len)
        ways: dict[str, Callable[[], tuple[list[float], float, float]]] = {
            "transformers.Trainer": lambda: train_with_transformers(model, config, rows),
            "ours": lambda: train_with_ours(model, config, rows),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        losses: dict[str, list[float]] = {}
        for _ in range(arguments.repeats):
            for name, way in ways.items():
                losses[name], wall, cpu = way()
                times[name].append((wall, cpu))
    num_tokens = len(rows) * config.seq_len
    speeds = [
        Speed(
            name,
            num_tokens / statistics.median(wall for wall, _ in taken),
            num_tokens / statistics.median(cpu for _, cpu in taken),
        )
        for name, taken in times.items()
    ]
    worst = max(abs(a - b) / a for a, b in zip(*losses.values(), strict=True))
    _report(arguments, speeds, num_tokens, worst)
    if worst > TOLERANCE:
        sys.exit(f"the losses differ by {worst:.2g} of a loss, at most {TOLERANCE} expected")


def train_with_ours(model: Path, config: TrainConfig, rows: Rows) -> tuple[list[float], float, float]:
    """Return each step's loss, and the wall and process seconds of all steps."""
    optimizer = AdapterOptimizer(_adapted(model, config), config, Processes(LaunchedAs()))
    size = config.batch_rows
    wall, cpu = time.perf_counter(), time.process_time()
    losses = [
        optimizer.step(rows[start : start + size], step=start // size, learning_rate=LEARNING_RATE).loss
        for start in range(0, len(rows), size)
    ]
    return losses, time.perf_counter() - wall, time.process_time() - cpu


def train_with_transformers(model: Path, config: TrainConfig, rows: Rows) -> tuple[list[float], float, float]:
    """Return the same of transformers.Trainer with a constant rate, logging each step as ours does."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    adapted = _adapted(model, config)
    with tempfile.TemporaryDirectory() as output, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            model=adapted,
            args=TrainingArguments(
                output_dir=output,
                per_device_train_batch_size=config.batch_rows,
                num_train_epochs=1,
                learning_rate=LEARNING_RATE,
                lr_scheduler_type="constant",
                adam_beta1=BETAS[0],
                adam_beta2=BETAS[1],
                max_grad_norm=config.max_grad_norm,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
                dataloader_pin_memory=False,
                train_sampling_strategy="sequential",
            ),
            train_dataset=[{"input_ids": torch.tensor(row), "labels": torch.tensor(row)} for row in rows],
        )
        trainer.remove_callback(PrinterCallback)  # it writes on stdout
        wall, cpu = time.perf_counter(), time.process_time()
        trainer.train()
        seconds = time.perf_counter() - wall, time.process_time() - cpu
    return [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry], *seconds


def made_up_rows(count: int, seq_len: int) -> Rows:
    """Return rows of byte tokens with some structure in them, the same every time."""
    line = b"#define DEV%02d_REG_%02d 0x%04xu\n"
    text = b"".join(line % (number % 7, number % 31, number * 4) for number in range(count * seq_len // 20))
    tokens = [byte + 1 for byte in text]
    return [tokens[start : start + seq_len] for start in range(0, count * seq_len, seq_len)]


def _adapted(model: Path, config: TrainConfig) -> Any:
    base = load_base(str(model), cache=model)
    torch.manual_seed(1)
    return attach_adapter(base, rank=config.rank, alpha=config.alpha)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.trainer", description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _report(arguments: argparse.Namespace, speeds: Sequence[Speed], num_tokens: int, worst: float) -> None:
    print(f"tiny OLMo-3: {num_tokens} tokens, {arguments.threads} threads, {platform.machine()}")
    for speed in speeds:
        print(
            f"{speed.name:24} {speed.tokens_per_second:8.0f} tokens/s {speed.tokens_per_cpu_second:8.0f} per CPU second"
        )
    print(f"largest difference of a step's loss: {worst:.2g}")
    if arguments.json:
        commit = subprocess.run(
            ["git", "rev-parse", "--verify", "-q", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        figures = {
            "commit": commit or None,
            "machine": platform.processor() or platform.machine(),
            "arguments": {name: str(value) for name, value in vars(arguments).items()},
            "speeds": [asdict(speed) for speed in speeds],
            "largest_difference": worst,
        }
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
