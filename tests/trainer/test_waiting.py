"""Tests of trainer.waiting."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.config import TrainSettings
from trainer.errors import ShardError
from trainer.manifest import (
    AdapterRef,
    BaseModelRef,
    DataPosition,
    DataRef,
    Manifest,
    ShardRef,
    write_manifest,
)
from trainer.waiting import Dry, has_work, last_manifest, num_pending

WriteShard = Callable[..., Path]


def at(seq: int, index: int, *, carry: int = 0, step: int = 5) -> Manifest:
    """Return the manifest of a run with a batch of 64 tokens that stopped at a position."""
    return Manifest(
        step=step,
        tokens_seen=64 * step,
        created_at=1.0,
        trained_seconds=1.0,
        base_model=BaseModelRef(name="base", revision=None, sha256=""),
        adapter=AdapterRef(rank=2, alpha=4, target_modules=()),
        data=DataRef(
            position=DataPosition(shard_seq=seq, sample_index=index, carry_tokens=carry),
            shards=(ShardRef(seq=seq, sha256=""),),
            newest_event_time=None,
        ),
        files={},
        config={"batch_rows": 2, "seq_len": 32, "decay_fraction": 0.3},
    )


def test_work_is_a_shard_beyond_the_position(settings: TrainSettings, write_shard: WriteShard) -> None:
    """There is work when a shard is new or begun, or when the carry alone fills a batch."""
    assert not has_work(settings, None)
    write_shard(1)

    assert has_work(settings, None)
    assert has_work(settings, at(1, 7))
    assert not has_work(settings, at(1, 8))
    assert has_work(settings, at(1, 8, carry=64))
    write_shard(2)
    assert has_work(settings, at(1, 8))


def test_finished_run_has_no_work(settings: TrainSettings, write_shard: WriteShard) -> None:
    """A bounded run at its end wants no more shards, until the bound is raised."""
    write_shard(1)

    assert not has_work(settings.model_copy(update={"max_steps": 5}), at(1, 1))
    assert has_work(settings.model_copy(update={"max_steps": 6}), at(1, 1))


def test_dry_note_keeps_the_model_out_of_memory(settings: TrainSettings, write_shard: WriteShard) -> None:
    """What did not fill a batch at this step is not tried again before a newer shard is there."""
    write_shard(1)
    settings.checkpoints_dir.mkdir()
    Dry(step=5, shard_seq=1).write(settings.checkpoints_dir)

    assert not has_work(settings, at(1, 3))
    assert has_work(settings, at(1, 3, step=6))
    write_shard(2)
    assert has_work(settings, at(1, 3))
    assert num_pending(settings, read=1) == 1


def test_damaged_shard_fails_before_the_model_is_loaded(settings: TrainSettings, write_shard: WriteShard) -> None:
    """The next shard's digest is looked at while still waiting."""
    write_shard(1).write_bytes(b"other")

    with pytest.raises(ShardError, match=r"shard-000001.tar: sha256"):
        has_work(settings, None)


def test_unreadable_newest_manifest_is_passed_over(tmp_path: Path) -> None:
    """While waiting, the newest manifest that can be read counts; loading decides later what is whole."""
    for step in (5, 10):
        folder = tmp_path / f"step-{step:08d}"
        folder.mkdir()
        write_manifest(folder, replace(at(1, 1), step=step))
    (tmp_path / "step-00000010" / "manifest.json").write_text("{")

    found = last_manifest(tmp_path)

    assert found is not None
    assert found.step == 5
    assert last_manifest(tmp_path / "absent") is None


def test_note_that_cannot_be_read_is_no_note(tmp_path: Path) -> None:
    """The note is a hint: broken or missing, it is as if nothing had been tried."""
    (tmp_path / "dry.json").write_text("[1")

    assert Dry.read(tmp_path) is None
    assert Dry.read(tmp_path / "absent") is None
    Dry(step=1, shard_seq=1).write(tmp_path / "absent")
