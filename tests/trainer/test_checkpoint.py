"""Tests of trainer.checkpoint."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM

from trainer import checkpoint
from trainer.batches import Position
from trainer.checkpoint import State, load_state, prune, save_checkpoint, usable_checkpoint
from trainer.errors import CheckpointError
from trainer.manifest import AdapterRef, BaseModelRef, DataPosition, DataRef, Manifest, list_checkpoints, read_manifest
from trainer.model import attach_adapter, load_base

MANIFEST = Manifest(
    step=5,
    tokens_seen=320,
    created_at=1.0,
    trained_seconds=1.0,
    base_model=BaseModelRef(name="base", revision=None, sha256="a" * 64),
    adapter=AdapterRef(rank=2, alpha=4, target_modules=("q_proj",)),
    data=DataRef(position=DataPosition(shard_seq=1, sample_index=1, carry_tokens=3), shards=(), newest_event_time=None),
    files={},
    config={},
)
STATE = State(
    optimizer={"exp_avg/name": torch.arange(3.0)}, position=Position(shard_seq=1, sample_index=1, carry=(4, 5, 6))
)


@pytest.fixture(scope="module")
def adapted(tiny_model: Path) -> Any:
    """A model with an adapter whose B matrices are not zero."""
    torch.manual_seed(3)
    model = attach_adapter(load_base(str(tiny_model), cache=tiny_model), rank=2, alpha=4)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    return model


def test_stock_peft_loads_the_adapter(tmp_path: Path, adapted: Any, tiny_model: Path) -> None:
    """Plain transformers and peft give bitwise the same logits from the saved folder, rsLoRA scale included."""
    folder = save_checkpoint(tmp_path, adapted, STATE, MANIFEST)
    ids = torch.arange(1, 17)[None]

    stock = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), folder / "adapter"
    )

    with torch.no_grad():
        assert torch.equal(stock(ids).logits, adapted(ids).logits)
    assert "base_model_name_or_path" in (folder / "adapter" / "adapter_config.json").read_text()


def test_checkpoint_holds_no_pickle_and_nothing_unnamed(tmp_path: Path, adapted: Any) -> None:
    """There are four files, safetensors or JSON, each named in the manifest with its digest."""
    folder = save_checkpoint(tmp_path, adapted, STATE, MANIFEST)

    assert sorted(read_manifest(folder).files) == [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "state/optimizer.safetensors",
        "state/state.json",
    ]
    assert usable_checkpoint(tmp_path) == (folder, read_manifest(folder))


def test_state_survives(tmp_path: Path, adapted: Any) -> None:
    """Optimizer tensors and the position with its carried tokens come back as they were."""
    state = load_state(save_checkpoint(tmp_path, adapted, STATE, MANIFEST))

    assert state.position == STATE.position
    assert torch.equal(state.optimizer["exp_avg/name"], STATE.optimizer["exp_avg/name"])


def test_state_that_cannot_be_read_is_refused(tmp_path: Path, adapted: Any) -> None:
    """A state without its files is an error that names the folder."""
    folder = save_checkpoint(tmp_path, adapted, STATE, MANIFEST)
    (folder / "state" / "state.json").write_text("{}")

    with pytest.raises(CheckpointError, match=r"cannot be read as the state of a run"):
        load_state(folder)


def test_full_disk_leaves_the_old_one(tmp_path: Path, adapted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails, nothing of the new checkpoint stays and the one before is untouched."""
    old = save_checkpoint(tmp_path, adapted, STATE, MANIFEST)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left"):
        save_checkpoint(tmp_path, adapted, STATE, replace(MANIFEST, step=10))

    assert [path.name for path in tmp_path.iterdir()] == [old.name]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"x"),
        lambda folder: shutil.rmtree(folder / "state"),
        lambda folder: (folder / "manifest.json").write_text("{"),
    ],
)
def test_damaged_newest_gives_the_one_before(tmp_path: Path, adapted: Any, damage: Callable[[Path], object]) -> None:
    """A damaged checkpoint is put aside, visibly, and the one before it is used."""
    old = save_checkpoint(tmp_path, adapted, STATE, MANIFEST)
    damage(save_checkpoint(tmp_path, adapted, STATE, replace(MANIFEST, step=10)))

    found = usable_checkpoint(tmp_path)

    assert found is not None
    assert found[0] == old
    assert (tmp_path / "damaged-step-00000010").is_dir()
    assert list_checkpoints(tmp_path) == [old]


def test_run_is_not_thrown_away(tmp_path: Path, adapted: Any) -> None:
    """With every checkpoint damaged the trainer stops instead of starting again from the base model."""
    folder = save_checkpoint(tmp_path, adapted, STATE, MANIFEST)
    (folder / "state" / "state.json").unlink()

    with pytest.raises(CheckpointError, match=r"none of 1 checkpoints is whole"):
        usable_checkpoint(tmp_path)


def test_leftovers_and_old_ones_go(tmp_path: Path, adapted: Any) -> None:
    """An interrupted save is swept, and only the newest checkpoints are kept."""
    for step in (5, 10, 15):
        save_checkpoint(tmp_path, adapted, STATE, replace(MANIFEST, step=step))
    (tmp_path / ".writing-step-00000020").mkdir()

    checkpoint.clean(tmp_path)
    prune(tmp_path, keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010", "step-00000015"]
