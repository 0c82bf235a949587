"""The stream of batches over the shards, and the position in it that a checkpoint keeps.

The position belongs to the batch last handed out: what was read ahead but not handed out is in its carry, or is read
again after a restart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.errors import ShardError
from trainer.manifest import ShardRef
from trainer.packing import Packer
from trainer.shards import Shard, next_shard, read_shard, read_sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """All that is needed to go on after a batch."""

    shard_seq: int = 0
    """The shard in progress, or the last one when all its samples are taken; 0 before the first."""
    sample_index: int = 0
    """Samples of that shard already taken, in training order."""
    carry: tuple[int, ...] = ()
    """Tokens taken from samples that no row holds yet."""
    shards: tuple[ShardRef, ...] = ()
    newest_event_time: float | None = None
    holdout_sha256: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of one step over all processes, and the position after them."""

    rows: list[list[int]]
    position: Position


class BatchStream:
    """Batches in their one order, from a position on."""

    def __init__(
        self,
        folder: Path,
        *,
        encode: Callable[[str], list[int]],
        separator: int,
        seq_len: int,
        batch_rows: int,
        seed: int,
        position: Position,
    ) -> None:
        self._folder = folder
        self._encode = encode
        self._batch_rows = batch_rows
        self._seed = seed
        self._packer = Packer(seq_len=seq_len, separator=separator, carry=position.carry)
        self._read = position
        self._texts = self._reopen(position)

    def next_batch(self) -> Batch | None:
        """Return the next batch, or None while the sealed shards do not fill one. Raises ShardError."""
        while self._packer.num_rows < self._batch_rows:
            if not self._read_sample():
                return None
        rows = self._packer.take(self._batch_rows)
        return Batch(rows=rows, position=replace(self._read, carry=tuple(self._packer.carry)))

    @property
    def read_shard_seq(self) -> int:
        """The newest shard read so far, which may be beyond the position of the last batch."""
        return self._read.shard_seq

    def _read_sample(self) -> bool:
        while self._read.sample_index >= len(self._texts):
            shard = next_shard(self._folder, self._read.shard_seq)
            if shard is None:
                return False
            self._texts = read_shard(self._folder, shard, seed=self._seed)
            self._read = _entered(self._read, shard)
        self._packer.add(self._encode(self._texts[self._read.sample_index]))
        self._read = replace(self._read, sample_index=self._read.sample_index + 1)
        return True

    def _reopen(self, position: Position) -> list[str]:
        """Return the texts of the shard in progress, which must still be the one the position was taken in."""
        if position.shard_seq == 0:
            return []
        shard = read_sidecar(self._folder, position.shard_seq)
        if shard is None:
            raise ShardError(f"{self._folder}: shard {position.shard_seq} is gone, in which training stopped")
        if position.shards and shard.sha256 != position.shards[-1].sha256:
            raise ShardError(
                f"{self._folder / shard.name}: sha256 is {shard.sha256}, but the checkpoint was trained on "
                f"{position.shards[-1].sha256}; a sealed shard must not change"
            )
        return read_shard(self._folder, shard, seed=self._seed)


def _entered(position: Position, shard: Shard) -> Position:
    times = [time for time in (position.newest_event_time, shard.newest_event_time) if time is not None]
    lists = position.holdout_sha256
    if shard.holdout_sha256 is not None and shard.holdout_sha256 not in lists:
        lists = (*lists, shard.holdout_sha256)
    return Position(
        shard_seq=shard.seq,
        sample_index=0,
        shards=(*position.shards, ShardRef(seq=shard.seq, sha256=shard.sha256)),
        newest_event_time=max(times, default=None),
        holdout_sha256=lists,
    )
