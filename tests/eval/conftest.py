"""Hand-made outputs, results and suites, and a tiny random model with a checkpoint on it."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from eval.aggregate import aggregate
from eval.config import EvalSettings
from eval.gate import Margins, decide
from eval.result import Completion, Consistency, Forced, ItemOutput, ModelRef, Result
from eval.suite import build as suite_build
from eval.suite.items import Suite, SuiteSource
from mapper.corpus.domain import DOMAINS

RESAMPLES = 400
SIZES = {
    "max_context_tokens": 64,
    "max_reference_tokens": 48,
    "max_new_tokens": 24,
    "generation_items_per_domain": 1,
}
SOURCE = """/* {name}: a driver made for a test. */
#include "{name}.h"

static int {name}_read(struct device *dev, uint8_t reg, uint8_t *value)
{{
	return i2c_reg_read(dev->bus, dev->address, reg, value);
}}

#define {NAME}_REG_CTRL 0x{base:02X}
#define {NAME}_REG_STATUS 0x{base1:02X}
#define {NAME}_REG_DATA_LOW 0x{base2:02X}
#define {NAME}_REG_DATA_HIGH 0x{base3:02X}

int {name}_start(struct device *dev)
{{
	uint8_t status = 0;
	int error = {name}_read(dev, {NAME}_REG_STATUS, &status);
	if (error != 0)
		return error;
	return {name}_write(dev, {NAME}_REG_CTRL, status | {NAME}_ENABLE);
}}
"""


@pytest.fixture
def make_output() -> Callable[..., ItemOutput]:
    """Make an output of 10 tokens and 20 bytes with so many nats; completion None leaves generation out."""

    def make(number: int, domain: str = "crypto", *, nll: float | None = 20.0, text: str | None = None) -> ItemOutput:
        completion = None if text is None else Completion(text=text, stop="lines", num_new_tokens=4)
        return ItemOutput(
            item_id=f"{domain}-{number}",
            domain=domain,
            slice="held_out",
            cut="next_line",
            file=f"vendor/{domain}/{number}.c",
            patterned=False,
            reference=f"value = {number};\n",
            forced=Forced(nll=nll, num_tokens=10, num_bytes=20, top1=4, top5=6),
            completion=completion,
        )

    return make


@pytest.fixture
def make_result(make_output: Callable[..., ItemOutput]) -> Callable[..., Result]:
    """Make a result over all domains, eight files each; nats gives the likelihood of an item, text its completion."""

    def make(
        name: str,
        nats: Callable[[str, int], float | None] = lambda domain, number: 20.0 + number,
        text: Callable[[str, int], str] = lambda domain, number: f"value = {number + 1};\n",
        domains: tuple[str, ...] = DOMAINS,
    ) -> Result:
        outputs = tuple(
            make_output(number, domain, nll=nats(domain, number), text=text(domain, number))
            for domain in domains
            for number in range(8)
        )
        kind: Any = "base" if name == "base" else "checkpoint"
        digest = name.ljust(64, "0")
        return Result(
            model=ModelRef(kind=kind, name=name, digest=digest, base_sha256="base".ljust(64, "0"), step=40),
            suite_version="t1",
            suite_sha256="5" * 64,
            settings=SIZES,
            created_at=1000.0,
            seconds=1.0,
            outputs=outputs,
            scores=aggregate(outputs, resamples=RESAMPLES, seed=0),
        )

    return make


@pytest.fixture
def better(make_result: Callable[..., Result]) -> Result:
    """A candidate that is better in every domain, by likelihood and by what it writes."""
    return make_result(
        "step-00000040", lambda domain, number: 15.0 + number, lambda domain, number: f"value = {number};\n"
    )


@pytest.fixture
def margins() -> Margins:
    return Margins(resamples=RESAMPLES)


@pytest.fixture
def agreeing() -> Consistency:
    return Consistency(merged=1e-6, reloaded=0.0, effect=0.3, agrees=True)


@pytest.fixture
def source_tree(tmp_path: Path) -> Path:
    """A folder with one sub-folder of four files for each domain."""
    for domain in DOMAINS:
        for number in range(4):
            file = tmp_path / "vendor" / domain / f"part{number}.c"
            file.parent.mkdir(parents=True, exist_ok=True)
            name = f"{domain}{number}"
            base = 16 * number
            values = {"base": base, "base1": base + 1, "base2": base + 2, "base3": base + 3}
            file.write_text(SOURCE.format(name=name, NAME=name.upper(), **values))
    return tmp_path / "vendor"


@pytest.fixture
def build(source_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Suite]:
    """Build a suite of the source tree; a file's domain is the folder it is in."""
    monkeypatch.setattr(suite_build, "domain_of", lambda path, text: path.split("/")[0])

    def make(out: Path | None = None, **given: Any) -> Suite:
        source = SuiteSource(root=source_tree, family="vendor", slice="held_out", licence="Apache-2.0")
        values = {"items_per_domain": 2, "seed": 0, "version": "t1", "context_bytes": 200, "reference_bytes": 80}
        return suite_build.build_suite([source], out or tmp_path / "suite", **(values | given))

    return make


@dataclass(frozen=True)
class Tiny:
    """A tiny base model's folder and cache, and an adapter on it that was taught the suite's kind of text."""

    cache: Path
    adapter: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    """The tiny random Olmo3 of the trainer with an adapter of rank 4, trained for some steps."""
    import torch

    from trainer.model import attach_adapter, load_base

    root = tmp_path_factory.mktemp("tiny")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on so small a model a second thread only waits
    torch.manual_seed(1)
    base = load_base("tiny-olmo3", cache=root)
    model = attach_adapter(base, rank=4, alpha=8).train()
    text = "".join(SOURCE.format(name=n, NAME=n.upper(), base=1, base1=2, base2=3, base3=4) for n in ("ab", "cd"))
    tokens = base.tokenizer(text)["input_ids"]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for step in range(24):
        start = 97 * step % (len(tokens) - 256)
        ids = torch.tensor([tokens[start : start + 256]])
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(root / "adapter", save_embedding_layers=False)
    yield Tiny(cache=root, adapter=root / "adapter")
    torch.set_num_threads(threads)


@pytest.fixture
def settings(tmp_path: Path, tiny: Tiny) -> EvalSettings:
    """Small sizes, a home of its own, the tiny model's cache."""
    return EvalSettings(
        home=tmp_path / "home",
        cache=tiny.cache,
        suite=tmp_path / "suite",
        resamples=RESAMPLES,
        batch_size=8,
        threads=1,
        poll_seconds=0.01,
        idle_release_seconds=0.05,
        **SIZES,
    )


@pytest.fixture
def make_checkpoint(tiny: Tiny, settings: EvalSettings) -> Callable[..., Path]:
    """Write a checkpoint with the tiny adapter, its weights times a factor; config changes its adapter_config.json."""
    from safetensors.torch import load_file, save_file

    from trainer.manifest import (
        AdapterRef,
        BaseModelRef,
        DataPosition,
        DataRef,
        Manifest,
        checkpoint_name,
        file_digest,
        write_manifest,
    )
    from trainer.model import base_model_digest, locate

    folder, revision = locate("tiny-olmo3", tiny.cache)
    base = BaseModelRef(name="tiny-olmo3", revision=revision, sha256=base_model_digest(folder))

    def make(step: int, *, factor: float = 1.0, config: dict[str, Any] | None = None) -> Path:
        checkpoint = settings.checkpoints_dir / checkpoint_name(step)
        (checkpoint / "adapter").mkdir(parents=True)
        weights = load_file(tiny.adapter / "adapter_model.safetensors")
        save_file(
            {name: value * factor for name, value in weights.items()}, checkpoint / "adapter/adapter_model.safetensors"
        )
        read = json.loads((tiny.adapter / "adapter_config.json").read_text())
        (checkpoint / "adapter/adapter_config.json").write_text(json.dumps(read | (config or {})))
        files = {f"adapter/{path.name}": file_digest(path) for path in (checkpoint / "adapter").iterdir()}
        manifest = Manifest(
            step=step,
            tokens_seen=step * 512,
            created_at=time.time(),
            trained_seconds=1.0,
            base_model=base,
            adapter=AdapterRef(rank=4, alpha=8, target_modules=("q_proj",)),
            data=DataRef(
                position=DataPosition(shard_seq=1, sample_index=2, carry_tokens=0), shards=(), newest_event_time=None
            ),
            files=files,
            config={"rank": 4},
        )
        write_manifest(checkpoint, manifest)
        return checkpoint

    return make


@pytest.fixture
def released_result(
    make_result: Callable[..., Result], better: Result, margins: Margins, agreeing: Consistency
) -> Result:
    """The better candidate with the decision that releases it."""
    decision = decide(make_result("base"), better, consistency=agreeing, margins=margins)
    assert decision.released
    assert math.isfinite(decision.rows[0].low)
    return replace(better, decision=decision, consistency=agreeing)
