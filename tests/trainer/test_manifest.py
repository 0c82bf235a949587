"""Tests of trainer.manifest."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.errors import CheckpointError
from trainer.manifest import (
    AdapterRef,
    BaseModelRef,
    DataPosition,
    DataRef,
    Manifest,
    ShardRef,
    checkpoint_digest,
    list_checkpoints,
    newest_checkpoint,
    read_manifest,
    verify_checkpoint,
    write_manifest,
)

MANIFEST = Manifest(
    step=40,
    tokens_seen=20480,
    created_at=1700000000.0,
    trained_seconds=160.5,
    base_model=BaseModelRef(name="base", revision=None, sha256="a" * 64),
    adapter=AdapterRef(rank=16, alpha=32, target_modules=("q_proj", "v_proj")),
    data=DataRef(
        position=DataPosition(shard_seq=2, sample_index=3, carry_tokens=17),
        shards=(ShardRef(seq=1, sha256="b" * 64), ShardRef(seq=2, sha256="c" * 64)),
        newest_event_time=1699999999.5,
        holdout_sha256=("d" * 64,),
    ),
    files={"adapter/weights": hashlib.sha256(b"weights").hexdigest()},
    config={"rank": 16, "learning_rate": 5e-4},
    loss=1.25,
)


def make_checkpoint(root: Path, step: int = 40) -> Path:
    """Write a checkpoint of one file."""
    folder = root / f"step-{step:08d}"
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "weights").write_bytes(b"weights")
    write_manifest(folder, replace(MANIFEST, step=step))
    return folder


def test_manifest_survives_writing(tmp_path: Path) -> None:
    """What is read is what was written, and the digest is that of the manifest's bytes."""
    folder = make_checkpoint(tmp_path)

    assert verify_checkpoint(folder) == MANIFEST
    assert checkpoint_digest(folder) == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_checkpoints_are_listed_by_step(tmp_path: Path) -> None:
    """The list is in step order and leaves out folders without manifest and names that are not a checkpoint's."""
    made = [make_checkpoint(tmp_path, step) for step in (20, 100, 40)]
    (tmp_path / "step-00000200").mkdir()
    make_checkpoint(tmp_path / "x").rename(tmp_path / ".writing-step-00000300")

    assert list_checkpoints(tmp_path) == [made[0], made[2], made[1]]
    assert newest_checkpoint(tmp_path) == made[1]
    assert newest_checkpoint(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "adapter" / "weights").write_bytes(b"other"), "weights: sha256 is"),
        (lambda folder: (folder / "adapter" / "weights").unlink(), "weights: missing"),
        (lambda folder: (folder / "adapter" / "more").write_bytes(b""), "more: not in the manifest"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read as a checkpoint manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "missing"),
        (lambda folder: write_manifest(folder, replace(MANIFEST, version=9)), "version 9, expected 1"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: object, message: str) -> None:
    """A changed, missing or additional file and a bad manifest are each refused with the file's name."""
    folder = make_checkpoint(tmp_path)
    assert callable(damage)
    damage(folder)

    with pytest.raises(CheckpointError, match=message):
        verify_checkpoint(folder)


def test_unknown_fields_are_left_alone(tmp_path: Path) -> None:
    """A field that a later version adds does not keep this one from reading the manifest."""
    folder = make_checkpoint(tmp_path)
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 1, "later": true'))

    assert read_manifest(folder) == MANIFEST


def test_light_modules_leave_torch_alone() -> None:
    """What waits or reads checkpoints does not import torch or transformers."""
    code = (
        "import sys, trainer.manifest, trainer.model, trainer.follow, trainer.recipes; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'peft', 'webdataset')))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
