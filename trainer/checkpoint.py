"""Write and read checkpoints: adapter, optimizer and data position in one folder that appears by rename.

Everything is written into a temporary folder, flushed to disk, and then renamed; a crash leaves either no checkpoint
or a whole one. There is no pickle: tensors are safetensors, the rest is JSON.
"""

import copy
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainer.batches import Position
from trainer.errors import CheckpointError
from trainer.manifest import (
    ADAPTER_DIR,
    STATE_DIR,
    Manifest,
    checkpoint_name,
    content_files,
    file_digest,
    list_checkpoints,
    verify_checkpoint,
    write_manifest,
)
from trainer.recipes import TrainConfig

TEMPORARY_PREFIX = ".writing-"
DAMAGED_PREFIX = "damaged-"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a run needs beside the adapter to go on: AdamW's tensors and the data position with its carried tokens."""

    optimizer: Mapping[str, Any]
    position: Position


def save_checkpoint(root: Path, model: Any, state: State, manifest: Manifest) -> Path:
    """Write a checkpoint and return its folder; manifest.files is filled in here.

    Raises OSError when it cannot be written (disk full); then nothing is left of it and older ones stay.
    """
    folder = root / checkpoint_name(manifest.step)
    temporary = root / f"{TEMPORARY_PREFIX}{folder.name}"
    root.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write_adapter(temporary / ADAPTER_DIR, model)
        _write_state(temporary / STATE_DIR, state)
        files = {path.relative_to(temporary).as_posix(): file_digest(path) for path in content_files(temporary)}
        write_manifest(temporary, replace(manifest, files=files))
        _flush(temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        _flush_folder(root)
    except Exception as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _as_os_error(error) from error
    return folder


def usable_checkpoint(root: Path) -> tuple[Path, Manifest] | None:
    """Return the newest checkpoint whose digests agree; None when there is none at all.

    Damaged newer ones are put aside under another name. Raises CheckpointError when all are damaged: starting again
    silently would throw the run away.
    """
    problems = []
    for folder in reversed(list_checkpoints(root)):
        try:
            manifest = verify_checkpoint(folder)
        except CheckpointError as error:
            logger.warning("checkpoint left out: %s", error)
            problems.append((folder, error))
            continue
        for damaged, _ in problems:
            _put_aside(damaged)
        return folder, manifest
    if problems:
        raise CheckpointError(
            f"{root}: none of {len(problems)} checkpoints is whole ({problems[0][1]}); restore one, or move them away "
            "to start again from the base model"
        )
    return None


def load_state(folder: Path) -> State:
    """Return the state of a verified checkpoint. Raises CheckpointError."""
    from pydantic import TypeAdapter, ValidationError
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / STATE_DIR
    try:
        values = json.loads((path / STATE_FILE).read_bytes())
        position = TypeAdapter(Position).validate_python(values["position"])
        return State(optimizer=load_file(path / OPTIMIZER_FILE), position=position)
    except (OSError, ValueError, KeyError, ValidationError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read as the state of a run: {error}") from error


def check_continues(folder: Path, manifest: Manifest, *, base_sha256: str, config: TrainConfig) -> None:
    """Raise CheckpointError when a run under this configuration cannot go on from a checkpoint."""
    compared = (
        ("base model", manifest.base_model.sha256, base_sha256),
        ("rank", manifest.adapter.rank, config.rank),
        ("alpha", manifest.adapter.alpha, config.alpha),
        ("seed", manifest.config.get("seed"), config.seed),
    )
    differing = [f"{name} {was}, settings say {now}" for name, was, now in compared if was != now]
    if differing:
        raise CheckpointError(
            f"{folder}: was trained with {'; '.join(differing)}. Set it back, or give another checkpoints folder"
        )


def clean(root: Path) -> None:
    """Remove what interrupted saves left behind."""
    for leftover in root.glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def prune(root: Path, *, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints; each is renamed first, so no half-removed one looks whole."""
    for folder in list_checkpoints(root)[:-keep]:
        gone = root / f"{TEMPORARY_PREFIX}{folder.name}"
        try:
            folder.rename(gone)
        except OSError as error:
            logger.warning("old checkpoint %s cannot be removed: %s", folder.name, error)
            continue
        shutil.rmtree(gone, ignore_errors=True)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files of a checkpoint."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write_adapter(folder: Path, model: Any) -> None:
    """Write the adapter as PEFT does, but without its model card and without asking any hub."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    config = copy.copy(model.peft_config["default"])
    config.inference_mode = True  # what PEFT writes: whoever loads it says whether it is to be trained
    config.target_modules = sorted(config.target_modules)  # a set's order differs from process to process
    config.save_pretrained(folder)


def _write_state(folder: Path, state: State) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    save_file(dict(state.optimizer), folder / OPTIMIZER_FILE)
    (folder / STATE_FILE).write_text(json.dumps({"position": asdict(state.position)}) + "\n", encoding="utf-8")


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _flush_folder(path)
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _as_os_error(error: Exception) -> Exception:
    """Return safetensors' error about a failed write as the OSError that caused it."""
    from safetensors import SafetensorError

    return OSError(str(error)) if isinstance(error, SafetensorError) else error


def _put_aside(folder: Path) -> None:
    target = folder.with_name(f"{DAMAGED_PREFIX}{folder.name}")
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)
    logger.warning("damaged checkpoint kept as %s", target)
