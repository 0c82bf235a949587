"""The files of a shard: a tar in WebDataset's layout and a sidecar that says what is in it.

The same samples give the same tar, byte for byte: fixed order, times, owners and modes. The sidecar appears after
the tar, so whoever sees a sidecar finds the whole shard.
"""

import hashlib
import io
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mapper.corpus.sample import SAMPLE_KEYS, Sample, sample_entry
from streams.durable import write_file
from streams.errors import SealError
from streams.ledger.shards import Shard

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What a sealed shard holds and what it was made from."""

    version: int = VERSION
    seq: int
    name: str
    sha256: str
    num_bytes: int
    num_samples: int
    domains: Mapping[str, int]
    newest_event_time: float
    sealed_at: float
    source_offsets: Mapping[str, Mapping[int, int]]
    """Topic -> partition -> offset of the first record that had not been applied yet."""
    holdout_sha256: str
    """sha256 of the list of repository families that were held out."""


def shards_folder(home: Path) -> Path:
    """Return where shards lie."""
    return home / "shards"


def sidecar_path(tar: Path) -> Path:
    """Return the sidecar's path of a shard's tar."""
    return tar.with_suffix(".json")


def tar_bytes(samples: Sequence[Sample]) -> bytes:
    """Return the tar of samples in this order: for each its text and its metadata, named by the sample's id."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            for key, data in _members(sample):
                info = tarfile.TarInfo(f"{sample.sample_id}.{key}")
                info.size = len(data)
                info.mode = 0o444
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def entry_size(sample: Sample) -> int:
    """Return how many bytes a sample takes in a tar."""
    block = tarfile.BLOCKSIZE
    return sum(block + -(-len(data) // block) * block for _, data in _members(sample))


def write_sidecar(folder: Path, sidecar: Sidecar) -> None:
    """Make the sidecar visible, atomically."""
    write_file(sidecar_path(folder / sidecar.name), TypeAdapter(Sidecar).dump_json(sidecar, indent=2) + b"\n")


def read_sidecar(path: Path) -> Sidecar:
    """Return a sidecar. Raises SealError when it is not one, or of an unknown version."""
    try:
        sidecar = TypeAdapter(Sidecar).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SealError(f"{path}: not a shard's sidecar: {error}") from error
    if sidecar.version != VERSION:
        raise SealError(f"{path}: sidecar version {sidecar.version}; this program knows {VERSION}")
    return sidecar


def shard_fault(folder: Path, sidecar: Sidecar) -> str | None:
    """Return what is wrong with a shard's tar against its sidecar, None if nothing."""
    tar = folder / sidecar.name
    try:
        data = tar.read_bytes()
    except OSError as error:
        return f"{tar}: {error.strerror}"
    if hashlib.sha256(data).hexdigest() != sidecar.sha256:
        return f"{tar}: its sha256 is not the one its sidecar names"
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = sum(1 for _ in archive)
    except tarfile.TarError as error:
        return f"{tar}: not a tar: {error}"
    if members != len(SAMPLE_KEYS) * sidecar.num_samples:
        return f"{tar}: {members} members, {len(SAMPLE_KEYS) * sidecar.num_samples} expected"
    return None


def size_fault(folder: Path, sidecar: Sidecar) -> str | None:
    """Return what is wrong with the size of a shard's tar, None if nothing."""
    tar = folder / sidecar.name
    try:
        num_bytes = tar.stat().st_size
    except OSError as error:
        return f"{tar}: {error.strerror}"
    return None if num_bytes == sidecar.num_bytes else f"{tar}: {num_bytes} bytes, {sidecar.num_bytes} expected"


def tars(folder: Path) -> set[str]:
    """Return the names of the tars in a folder."""
    return {path.name for path in folder.glob("*.tar")}


def verify_shards(
    folder: Path, known: Sequence[Shard], *, present: Collection[str] | None = None, contents: bool = True
) -> list[str]:
    """Return what is wrong with sealed shards: file, sidecar and ledger must agree. An unknown shard is a fault too.

    present: the folder's tars, listed before the ledger was read; else one that is planned in between looks unknown.
    contents False: sizes are compared, and no byte of a tar is read.
    """
    faults = []
    present = tars(folder) if present is None else present
    sealed = {shard.name: shard for shard in known if shard.state == "sealed"}
    for name, shard in sorted(sealed.items()):
        try:
            sidecar = read_sidecar(sidecar_path(folder / name))
        except SealError as error:
            faults.append(str(error))
            continue
        fault = shard_fault(folder, sidecar) if contents else size_fault(folder, sidecar)
        if fault is None and (sidecar.sha256, sidecar.num_samples) != (shard.sha256, len(shard.sample_ids)):
            fault = f"{folder / name}: sidecar and ledger name different contents"
        if fault is not None:
            faults.append(fault)
    planned = {shard.name for shard in known if shard.state == "planned"}
    strange = set(present) - sealed.keys() - planned
    return faults + [f"{folder / name}: the ledger knows no such shard" for name in sorted(strange)]


def _members(sample: Sample) -> list[tuple[str, bytes]]:
    entry = sample_entry(sample)
    return [(key, value.encode() if isinstance(value := entry[key], str) else value) for key in SAMPLE_KEYS]
