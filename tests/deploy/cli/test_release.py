"""Releases on the command line."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.registry import STATE_JSON, Listed, State
from eval.release import RELEASE_JSON, FileEntry, Release
from trainer.manifest import AdapterRef, BaseModelRef, DataPosition, DataRef

Cli = Callable[..., Any]


@pytest.fixture
def release(home: Path) -> Release:
    """A home with one release, latest, made by hand."""
    folder = home / "releases/step-00000040-aa"
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "use_rslora": True}
    contents = {
        "adapter/adapter_config.json": json.dumps(config).encode(),
        "adapter/adapter_model.safetensors": b"\0" * 100,
        "notes.md": b"# the notes\n",
    }
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    release = Release(
        release_id=folder.name,
        created_at=1000.0,
        checkpoint="step-00000040",
        checkpoint_digest="c" * 64,
        step=40,
        tokens_seen=2000,
        base_model=BaseModelRef(name="tiny", revision=None, sha256="b" * 64),
        adapter=AdapterRef(rank=4, alpha=8, target_modules=()),
        data=DataRef(
            position=DataPosition(shard_seq=1, sample_index=2, carry_tokens=0), shards=(), newest_event_time=None
        ),
        code_commit=None,
        config_sha256="d" * 64,
        suite_version="t1",
        suite_sha256="5" * 64,
        compared_with="tiny",
        rows=(),
        files={
            name: FileEntry(sha256=hashlib.sha256(data).hexdigest(), num_bytes=len(data))
            for name, data in contents.items()
        },
    )
    data = RELEASE_JSON.dump_json(release)
    (folder / "release.json").write_bytes(data)
    listed = Listed(
        release_id=folder.name, sha256=hashlib.sha256(data).hexdigest(), created_at=1000.0, checkpoint_digest="c" * 64
    )
    state = State(aliases={"latest": folder.name}, releases=(listed,))
    (home / "releases/registry.json").write_bytes(STATE_JSON.dump_json(state))
    return release


def test_pull_prints_the_path_and_nothing_else(cli: Cli, release: Release, tmp_path: Path) -> None:
    """What a script reads from stdout is the folder of a whole release."""
    result = cli("release", "pull", "--to", tmp_path / "to")

    assert result.exit_code == 0
    assert (Path(result.stdout.removesuffix("\n")) / "adapter/adapter_model.safetensors").is_file()


def test_altered_bytes_end_with_5(cli: Cli, home: Path, release: Release, tmp_path: Path) -> None:
    """verify and pull name the file, and pull leaves nothing."""
    (home / "releases" / release.release_id / "notes.md").write_text("other")

    assert cli("release", "verify").exit_code == 5
    result = cli("release", "pull", "--to", tmp_path / "to")

    assert result.exit_code == 5
    assert result.stdout == ""
    assert "sha256" in result.stderr
    assert not (tmp_path / "to/latest").exists()


def test_what_is_not_there_ends_with_6(cli: Cli, release: Release) -> None:
    """An unknown name lists the known ones."""
    result = cli("release", "show", "nightly")

    assert result.exit_code == 6
    assert release.release_id in result.stderr


def test_unreachable_source_ends_with_4(cli: Cli, tmp_path: Path) -> None:
    """A place that does not answer is one line."""
    result = cli("release", "pull", "--from", "http://127.0.0.1:9", "--to", tmp_path / "to")

    assert result.exit_code == 4
    assert "error: http://127.0.0.1:9/registry.json" in result.stderr


def test_list_show_notes_and_verify_answer(cli: Cli, cli_json: Cli, release: Release) -> None:
    """The reading commands agree on what is released."""
    assert release.release_id in cli("release", "list").stdout
    assert cli_json("release", "list")["aliases"] == {"latest": release.release_id}
    assert cli_json("release", "show")["step"] == 40
    assert "shards 1 to 1" in cli("release", "show").stdout
    assert cli("release", "notes").stdout == "# the notes\n"
    assert "3 files are as released" in cli("release", "verify").stderr


def test_nothing_to_roll_back_to_is_said(cli: Cli, release: Release) -> None:
    """With one release there is no way back, and promoting it changes nothing."""
    assert cli("release", "promote", release.release_id).exit_code == 0
    result = cli("release", "rollback")

    assert result.exit_code == 2
    assert "nothing to roll back to" in result.stderr


def test_pull_where_nothing_is_released_ends_with_6(cli: Cli, home: Path, tmp_path: Path) -> None:
    """Neither the home nor a folder without a registry is an unreachable place."""
    own = cli("release", "pull", "--to", tmp_path / "to")
    other = cli("release", "pull", "--from", tmp_path, "--to", tmp_path / "to")

    assert (own.exit_code, other.exit_code) == (6, 6)
    assert "no such release; known: none yet" in own.stderr
    assert "nothing is released here" in other.stderr
