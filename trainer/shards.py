"""Shards as they appear: found by their sidecar, checked against its digest, read in an order that never changes.

The sealer writes a sidecar last and by rename, so a shard with a sidecar is whole. Shards follow one another by
sequence number; inside a shard the order is a permutation that depends on (seed, sequence number) alone. So a growing
set changes nothing already ordered, and the order does not depend on how many processes train.
"""

import hashlib
import io
import logging
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mapper.corpus.sample import read_entry
from mapper.errors import FormatError
from trainer.errors import ShardError

VERSION = 1
_SIDECAR_NAME = "shard-{seq:06d}.json"
_SIDECAR_GLOB = "shard-*.json"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A sealed shard as its sidecar describes it."""

    version: int
    seq: int
    """From 1 on, without gaps."""
    name: str
    sha256: str
    num_samples: int
    num_bytes: int
    newest_event_time: float | None = None
    holdout_sha256: str | None = None
    domains: dict[str, int] = field(default_factory=dict)


_SIDECAR = TypeAdapter(Shard)


def read_sidecar(folder: Path, seq: int) -> Shard | None:
    """Return the shard of a sequence number, or None when it is not sealed yet.

    Raises ShardError for a sidecar that cannot be read, is of another version or names another shard.
    """
    path = folder / _SIDECAR_NAME.format(seq=seq)
    try:
        shard = _SIDECAR.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ShardError(f"{path}: cannot be read as a shard's sidecar: {error}") from error
    if shard.version != VERSION:
        raise ShardError(f"{path}: version {shard.version}, expected {VERSION}")
    if shard.seq != seq or Path(shard.name).name != shard.name:
        raise ShardError(f"{path}: describes shard {shard.seq} in file {shard.name!r}, expected shard {seq} beside it")
    return shard


def sealed_numbers(folder: Path) -> list[int]:
    """Return the sequence numbers that have a sidecar, ascending."""
    numbers = []
    for path in folder.glob(_SIDECAR_GLOB) if folder.is_dir() else ():
        digits = path.stem.removeprefix("shard-")
        if digits.isdecimal():
            numbers.append(int(digits))
    return sorted(numbers)


def next_shard(folder: Path, after: int) -> Shard | None:
    """Return the shard that follows number `after` (0: the first there is), or None when none is sealed yet.

    Raises ShardError when a number is missing while a later one is there: skipping it would change the order.
    """
    if after and (shard := read_sidecar(folder, after + 1)):
        return shard
    later = [number for number in sealed_numbers(folder) if number > after]
    if not later:
        return None
    if after and later[0] != after + 1:
        missing = folder / _SIDECAR_NAME.format(seq=after + 1)
        if not missing.exists():  # listing a folder is no snapshot: look again by name
            raise ShardError(f"{missing}: missing, although shard {later[0]} is there; shards are read without gaps")
    return read_sidecar(folder, later[0] if not after else after + 1)


def read_shard(folder: Path, shard: Shard, *, seed: int) -> list[str]:
    """Return the texts of a shard's samples in training order.

    Raises ShardError naming the file when it is missing, its digest differs from the sidecar's, or its content is not
    what a shard holds.
    """
    path = folder / shard.name
    data = verified_bytes(folder, shard)
    texts = _texts(path, data)
    if len(texts) != shard.num_samples:
        raise ShardError(f"{path}: holds {len(texts)} samples, its sidecar says {shard.num_samples}")
    return [texts[index] for index in sample_order(len(texts), seed=seed, seq=shard.seq)]


def verified_bytes(folder: Path, shard: Shard) -> bytes:
    """Return a shard's bytes after comparing them with the sidecar's digest."""
    path = folder / shard.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ShardError(f"{path}: cannot be read, although its sidecar is there: {error}") from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != shard.sha256:
        raise ShardError(f"{path}: sha256 is {actual}, its sidecar says {shard.sha256}; the shard is damaged")
    return data


def sample_order(num_samples: int, *, seed: int, seq: int) -> Sequence[int]:
    """Return a permutation of range(num_samples) that is the same on every machine and Python version."""
    return sorted(range(num_samples), key=lambda index: hashlib.sha256(f"{seed}/{seq}/{index}".encode()).digest())


def _texts(path: Path, data: bytes) -> list[str]:
    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        members = tar_file_expander([{"url": str(path), "stream": io.BytesIO(data)}])
        return [read_entry(entry).text for entry in group_by_keys(members)]
    except (tarfile.TarError, ValueError, FormatError) as error:
        raise ShardError(f"{path}: cannot be read as a shard of samples: {error}") from error
