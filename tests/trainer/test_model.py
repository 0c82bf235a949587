"""Tests of trainer.model."""

import json
import math
from pathlib import Path

import pytest
import torch

from trainer import model
from trainer.errors import ModelError
from trainer.model import attach_adapter, base_model_digest, describe, load_adapter, load_base, locate, prepare
from trainer.tiny import tiny_olmo3


def test_base_model_is_frozen(tiny_model: Path, tmp_path: Path) -> None:
    """A folder loads as a frozen model whose reference names it and its digest."""
    base = load_base(str(tiny_model), cache=tmp_path)

    assert base.ref.name == str(tiny_model)
    assert base.ref.sha256 == base_model_digest(tiny_model)
    assert not any(parameter.requires_grad for parameter in base.model.parameters())


def test_rank_512_is_scaled_by_the_root_of_the_rank(tmp_path: Path, tiny_model: Path) -> None:
    """At r = 512, alpha = 1024 the adapter counts 1024 / sqrt(512) = 45.25, as rsLoRA says, not 1024 / 512 = 2."""
    base = load_base(str(tiny_model), cache=tmp_path)
    adapted = attach_adapter(base, rank=512, alpha=1024)
    layer = adapted.base_model.model.model.layers[0].self_attn.q_proj

    torch.nn.init.normal_(layer.lora_B["default"].weight)
    x = torch.randn(3, layer.in_features)
    update = layer(x) - layer.base_layer(x)

    expected = x @ layer.lora_A["default"].weight.T @ layer.lora_B["default"].weight.T * (1024 / math.sqrt(512))
    torch.testing.assert_close(update, expected, rtol=1e-4, atol=1e-3)


def test_every_linear_layer_but_the_head_is_adapted(tmp_path: Path, tiny_model: Path) -> None:
    """q, k, v, o, gate, up and down of each layer carry float32 adapters, the output head does not."""
    adapted = attach_adapter(load_base(str(tiny_model), cache=tmp_path, dtype="bfloat16"), rank=2, alpha=4)

    names = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
    trainable = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    assert model.target_modules(adapted) == names
    assert len(trainable) == 2 * len(names) * 2
    assert {parameter.dtype for parameter in trainable} == {torch.float32}


def test_prepared_model_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call finds the folder; what an interrupted one left is cleared away."""
    made: list[Path] = []

    def make(folder: Path) -> str:
        made.append(folder)
        tiny_olmo3(folder, hidden=16, layers=1, heads=2)
        return "7"

    monkeypatch.setitem(model.PREPARED, "small", make)
    (tmp_path / "models" / ".small-left").mkdir(parents=True)

    assert prepare("small", tmp_path) == prepare("small", tmp_path) == tmp_path / "models" / "small"
    assert locate("small", tmp_path) == (tmp_path / "models" / "small", "7")
    assert len(made) == 1
    assert not list((tmp_path / "models").glob(".small-*"))


def test_interrupted_making_leaves_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure half-way leaves nothing under the model's name, and the next call makes it."""

    def fail(folder: Path) -> str:
        (folder / "config.json").write_text("{}")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(model.PREPARED, "small", fail)

    with pytest.raises(ModelError, match=r"small: cannot be written: .*No space left"):
        prepare("small", tmp_path)
    assert not model.is_prepared("small", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smol", "smol: no such base model; expected smollm2-135m-instruct, tiny-olmo3, a folder"),
        ("/nowhere/model", "a folder with config.json"),
    ],
)
def test_unknown_name_says_what_is_known(tmp_path: Path, name: str, message: str) -> None:
    """A name that is neither prepared nor a folder nor owner/name is refused without asking any hub."""
    with pytest.raises(ModelError, match=message):
        load_base(name, cache=tmp_path)


def test_hub_name_that_cannot_be_had_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without network and without a local copy a hub name gives one clear error."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ModelError, match=r"nobody/nothing: neither in the local Hugging Face cache nor"):
        load_base("nobody/nothing", cache=tmp_path)


def test_broken_folder_is_refused(tmp_path: Path) -> None:
    """A folder with a configuration but no weights is named."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing-known"}))

    with pytest.raises(ModelError, match=r"cannot be loaded as a causal language model"):
        load_base(str(tmp_path), cache=tmp_path)


def test_folder_without_adapter_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    """Only a folder in PEFT's format is taken as an adapter."""
    base = load_base(str(tiny_model), cache=tmp_path)

    with pytest.raises(ModelError, match=r"no adapter_config.json"):
        load_adapter(base, tmp_path)


def test_digest_moves_with_the_weights(tmp_path: Path) -> None:
    """The digest depends on the weights and not on who wrote them; a description gives the sizes."""
    one = tiny_olmo3(tmp_path / "one", seed=1, hidden=16, layers=1, heads=2)
    two = tiny_olmo3(tmp_path / "two", seed=2, hidden=16, layers=1, heads=2)

    digest = base_model_digest(one)
    (one / "config.json").write_text((one / "config.json").read_text().replace('_version": "', '_version": "9'))

    assert base_model_digest(one) == digest != base_model_digest(two)
    assert describe(one)["num_hidden_layers"] == 1
