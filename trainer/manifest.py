"""The manifest of a checkpoint: what it is, what it has learnt from, and the digest of every file.

A checkpoint is a folder `step-00000040` that appears by rename, so a folder with that name and a manifest is whole.
Eval and releases read checkpoints through this module; it needs no torch.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trainer.errors import CheckpointError

VERSION = 1
MANIFEST_NAME = "manifest.json"
ADAPTER_DIR = "adapter"
STATE_DIR = "state"
_STEP_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModelRef:
    """The frozen model below the adapter; sha256 is over its files (model.base_model_digest)."""

    name: str
    revision: str | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRef:
    """The adapter in stock PEFT format; its weights count alpha / sqrt(rank)."""

    rank: int
    alpha: float
    target_modules: tuple[str, ...]
    use_rslora: bool = True
    path: str = ADAPTER_DIR


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPosition:
    """Everything up to sample_index samples of shard_seq (in the trainer's order) is in the adapter or in the carry."""

    shard_seq: int
    """0: nothing read yet."""
    sample_index: int
    carry_tokens: int
    """Tokens read but not yet trained on; the ids themselves are in the checkpoint's state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRef:
    seq: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRef:
    """What was learnt from."""

    position: DataPosition
    shards: tuple[ShardRef, ...]
    """Every shard of which at least one sample was read, in order."""
    newest_event_time: float | None
    """Seconds since 1970 of the newest vendor change in those shards."""
    holdout_sha256: tuple[str, ...] = ()
    """Digests of the hold-out lists that those shards were sealed under, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One checkpoint."""

    version: int = VERSION
    step: int
    tokens_seen: int
    created_at: float
    """Seconds since 1970."""
    trained_seconds: float
    """Time spent in steps, over all restarts."""
    base_model: BaseModelRef
    adapter: AdapterRef
    data: DataRef
    files: dict[str, str]
    """Path relative to the checkpoint -> sha256, for every file but this one."""
    config: dict[str, str | int | float | bool]
    """The run's values (recipes.TrainConfig)."""
    code_commit: str | None = None
    loss: float | None = None
    """Mean over the steps since the checkpoint before."""
    decay_from: int | None = None
    """Step at which the final decay of the learning rate begins, once that is decided."""
    decay_steps: int | None = None
    is_finished: bool = False
    """The run's bound (max_steps, max_seconds) was reached with this checkpoint."""


_ADAPTER = TypeAdapter(Manifest)


def checkpoint_name(step: int) -> str:
    """Return the folder name of the checkpoint at a step."""
    return f"step-{step:08d}"


def list_checkpoints(root: Path) -> list[Path]:
    """Return the whole checkpoints below root, oldest first; leftovers of an interrupted save are not among them."""
    found = []
    for path in root.iterdir() if root.is_dir() else ():
        match = _STEP_NAME.fullmatch(path.name)
        if match and (path / MANIFEST_NAME).is_file():
            found.append((int(match[1]), path))
    return [path for _, path in sorted(found)]


def read_manifest(checkpoint: Path) -> Manifest:
    """Return the manifest of a checkpoint. Raises CheckpointError when it is missing, damaged or of another version."""
    path = checkpoint / MANIFEST_NAME
    try:
        manifest = _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: missing; a checkpoint folder with a manifest was expected") from error
    except (OSError, ValidationError) as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint manifest: {error}") from error
    if manifest.version != VERSION:
        raise CheckpointError(f"{path}: version {manifest.version}, expected {VERSION}")
    return manifest


def write_manifest(checkpoint: Path, manifest: Manifest) -> None:
    """Write the manifest; the caller fsyncs and renames."""
    (checkpoint / MANIFEST_NAME).write_bytes(_ADAPTER.dump_json(manifest, indent=1) + b"\n")


def checkpoint_digest(checkpoint: Path) -> str:
    """Return the checkpoint's digest: sha256 of its manifest, which holds the digest of every file."""
    return file_digest(checkpoint / MANIFEST_NAME)


def verify_checkpoint(checkpoint: Path) -> Manifest:
    """Return the manifest after comparing every file with its digest. Raises CheckpointError naming the file."""
    manifest = read_manifest(checkpoint)
    present = {path.relative_to(checkpoint).as_posix() for path in content_files(checkpoint)}
    for name in sorted(present - set(manifest.files)):
        raise CheckpointError(
            f"{checkpoint / name}: not in the manifest; only its {len(manifest.files)} files belong here"
        )
    for name, expected in sorted(manifest.files.items()):
        if name not in present:
            raise CheckpointError(f"{checkpoint / name}: missing, although the manifest names it")
        actual = file_digest(checkpoint / name)
        if actual != expected:
            raise CheckpointError(f"{checkpoint / name}: sha256 is {actual}, the manifest says {expected}")
    return manifest


def newest_checkpoint(root: Path) -> Path | None:
    """Return the newest whole checkpoint, by name alone; its files are not compared with their digests."""
    return next(reversed(list_checkpoints(root)), None)


def code_commit() -> str | None:
    """Return the git commit of this code when it runs from a checkout."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "--verify", "-q", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def content_files(checkpoint: Path) -> Iterator[Path]:
    """Yield every file of a checkpoint except its manifest, in name order."""
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path != checkpoint / MANIFEST_NAME:
            yield path


def file_digest(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
