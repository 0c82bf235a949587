"""Adapter, merged and reloaded: one model."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from eval.consistency import merge_checked
from eval.errors import ScoringError
from trainer.manifest import AdapterRef
from trainer.model import load_base

SPEC = AdapterRef(rank=4, alpha=8, target_modules=("q_proj",))
PROBES = ["int main(void)\n{\n\treturn 0;\n}\n", "#define REG 0x10\n"]


@pytest.fixture
def adapter(tiny, tmp_path: Path) -> Path:
    """A copy of the adapter that a test may alter."""
    return Path(shutil.copytree(tiny.adapter, tmp_path / "adapter"))


def test_trained_adapter_agrees(tiny, adapter: Path) -> None:
    """The three forms differ by rounding alone, while the adapter itself moves the logits a lot."""
    _, found = merge_checked(load_base("tiny-olmo3", cache=tiny.cache), adapter, SPEC, PROBES)

    assert found.agrees
    assert found.merged < 1e-4
    assert found.reloaded < 1e-6
    assert found.effect > 0.05


def test_lost_rslora_scale_is_found(tiny, adapter: Path) -> None:
    """An adapter_config.json without use_rslora loads without complaint and is not the model that was trained."""
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"use_rslora": False}))

    _, found = merge_checked(load_base("tiny-olmo3", cache=tiny.cache), adapter, SPEC, PROBES)

    assert not found.agrees
    assert found.merged > 0.02


def test_merged_model_is_a_plain_one(tiny, adapter: Path) -> None:
    """The merged model has the base's layers, with other weights."""
    plain = load_base("tiny-olmo3", cache=tiny.cache).model
    merged, _ = merge_checked(load_base("tiny-olmo3", cache=tiny.cache), adapter, SPEC, PROBES)

    assert [name for name, _ in merged.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert not all((a == b).all() for a, b in zip(merged.parameters(), plain.parameters(), strict=True))


def test_rank_of_the_manifest_must_be_that_of_the_weights(tiny, adapter: Path) -> None:
    """A manifest that states another rank is refused by name of the layer."""
    other = AdapterRef(rank=8, alpha=8, target_modules=("q_proj",))

    with pytest.raises(ScoringError, match="has rank 4, the manifest says 8"):
        merge_checked(load_base("tiny-olmo3", cache=tiny.cache), adapter, other, PROBES)


def test_weights_that_are_not_finite_never_agree(tiny, adapter: Path) -> None:
    """NaN compares as a disagreement, and is stored as a number."""
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({name: value * float("nan") for name, value in weights.items()}, adapter / "adapter_model.safetensors")

    _, found = merge_checked(load_base("tiny-olmo3", cache=tiny.cache), adapter, SPEC, PROBES)

    assert not found.agrees
    assert found.merged == -1
