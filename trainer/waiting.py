"""What a trainer that waits looks at: manifests, sidecars and one note. No torch, a few milliseconds a look."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.config import TrainSettings
from trainer.errors import CheckpointError
from trainer.manifest import Manifest, list_checkpoints, read_manifest
from trainer.schedule import Bounds, is_finished
from trainer.shards import next_shard, read_sidecar, sealed_numbers, verified_bytes

DRY_NAME = "dry.json"
logger = logging.getLogger(__name__)


def has_work(settings: TrainSettings, manifest: Manifest | None) -> bool:
    """Return whether loading the model is worth it: the run has no end yet, and there is data not tried before.

    A shard's digest is checked here, so a damaged one fails the process before it has loaded anything.
    """
    if manifest and has_reached_bound(manifest, settings):
        return False
    folder = settings.shards_dir
    step, seq = (manifest.step, manifest.data.position.shard_seq) if manifest else (0, 0)
    dry = Dry.read(settings.checkpoints_dir)
    if dry and dry.step == step and dry.shard_seq >= seq:
        seq = dry.shard_seq
    elif manifest and _is_inside_shard(folder, manifest):
        return True
    shard = next_shard(folder, seq)
    if shard is None:
        return False
    verified_bytes(folder, shard)
    return True


def has_reached_bound(manifest: Manifest, settings: TrainSettings) -> bool:
    """Return whether the run that wrote this checkpoint is finished under these settings."""
    decay_end = None if manifest.decay_from is None else manifest.decay_from + (manifest.decay_steps or 0)
    return is_finished(
        step=manifest.step,
        trained_seconds=manifest.trained_seconds,
        decay_end=decay_end,
        decay_fraction=float(manifest.config["decay_fraction"]),
        bounds=Bounds(max_steps=settings.max_steps, max_seconds=settings.max_seconds),
    )


def last_manifest(checkpoints: Path) -> Manifest | None:
    """Return the newest readable manifest; whether its files are whole is checked when they are loaded."""
    for folder in reversed(list_checkpoints(checkpoints)):
        try:
            return read_manifest(folder)
        except CheckpointError as error:
            logger.warning("checkpoint left out: %s", error)
    return None


def num_pending(settings: TrainSettings, *, read: int) -> int:
    """Return how many sealed shards lie beyond number `read`."""
    return sum(number > read for number in sealed_numbers(settings.shards_dir))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dry:
    """A note that the shards up to one did not fill another batch after a step, so nobody loads a model to find out."""

    step: int
    shard_seq: int

    def write(self, checkpoints: Path) -> None:
        """Write the note; it is only a hint, so a failure is no error."""
        try:
            (checkpoints / DRY_NAME).write_text(json.dumps(asdict(self)) + "\n")
        except OSError as error:
            logger.warning("%s not written: %s", DRY_NAME, error)

    @classmethod
    def read(cls, checkpoints: Path) -> "Dry | None":
        """Return the note, or None when there is none that can be read."""
        try:
            return cls(**json.loads((checkpoints / DRY_NAME).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


def _is_inside_shard(folder: Path, manifest: Manifest) -> bool:
    """Return whether the position leaves samples or a whole batch of carried tokens behind it."""
    position = manifest.data.position
    batch_tokens = int(manifest.config["batch_rows"]) * int(manifest.config["seq_len"])
    if position.carry_tokens >= batch_tokens:
        return True
    shard = read_sidecar(folder, position.shard_seq)
    return shard is not None and position.sample_index < shard.num_samples
