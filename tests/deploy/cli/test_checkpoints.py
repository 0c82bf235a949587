"""Checkpoints on the command line."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.manifest import (
    AdapterRef,
    BaseModelRef,
    DataPosition,
    DataRef,
    Manifest,
    ShardRef,
    checkpoint_digest,
    write_manifest,
)

Cli = Callable[..., Any]


@pytest.fixture
def checkpoint(home: Path) -> Path:
    """A checkpoint made by hand, at step 40."""
    folder = home / "checkpoints" / "step-00000040"
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "adapter_config.json").write_bytes(b"{}")
    manifest = Manifest(
        step=40,
        tokens_seen=20480,
        created_at=1000.0,
        trained_seconds=160.0,
        base_model=BaseModelRef(name="tiny", revision=None, sha256="b" * 64),
        adapter=AdapterRef(rank=4, alpha=8, target_modules=("q_proj",)),
        data=DataRef(
            position=DataPosition(shard_seq=2, sample_index=3, carry_tokens=7),
            shards=(ShardRef(seq=1, sha256="1" * 64), ShardRef(seq=2, sha256="2" * 64)),
            newest_event_time=900.0,
        ),
        files={"adapter/adapter_config.json": hashlib.sha256(b"{}").hexdigest()},
        config={"rank": 4},
        loss=1.5,
    )
    write_manifest(folder, manifest)
    return folder


def test_list_names_each_with_its_digest(checkpoint: Path, cli: Cli, cli_json: Cli) -> None:
    """The list gives name, tokens and digest of each; in JSON the whole manifest."""
    digest = checkpoint_digest(checkpoint)

    assert digest[:16] in cli("checkpoints", "list").stdout
    (entry,) = cli_json("checkpoints", "list")
    assert (entry["digest"], entry["tokens_seen"], entry["path"]) == (digest, 20480, str(checkpoint))


@pytest.mark.parametrize("name", ["latest", "40", "step-00000040"])
def test_show_finds_it_by_any_name(checkpoint: Path, cli: Cli, name: str) -> None:
    """A checkpoint is found as the latest, by its step and by its name."""
    result = cli("checkpoints", "show", name)

    assert result.exit_code == 0
    assert "40 steps, 20,480 tokens, 160 s" in result.stdout
    assert "2 shards, 3 samples into 2" in result.stdout


def test_verify_names_the_damaged_file(checkpoint: Path, cli: Cli) -> None:
    """A whole checkpoint ends with 0, a damaged one with 5 and the file's name."""
    assert cli("checkpoints", "verify").exit_code == 0

    (checkpoint / "adapter" / "adapter_config.json").write_bytes(b"{ }")
    result = cli("checkpoints", "verify", checkpoint)
    assert result.exit_code == 5
    assert "adapter_config.json: sha256 is" in result.stderr


def test_nothing_there_is_said(home: Path, cli: Cli) -> None:
    """Without checkpoints the list says what makes them, and show ends with 6."""
    assert "no checkpoint in" in cli("checkpoints", "list").stderr
    assert cli("checkpoints", "show").exit_code == 6
    assert cli("checkpoints", "show", "77").exit_code == 6
