"""Tests of trainer.shards."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import webdataset

from trainer.errors import ShardError
from trainer.shards import next_shard, read_shard, read_sidecar, sample_order, verified_bytes

WriteShard = Callable[..., Path]


def edit_sidecar(path: Path, **changes: object) -> None:
    """Change values of a shard's sidecar."""
    sidecar = path.with_suffix(".json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), **changes}))


def test_shards_follow_by_number(shards: Path, write_shard: WriteShard) -> None:
    """The first shard is the lowest number there is; then one follows the other, and None means not sealed yet."""
    for seq in (4, 3):
        write_shard(seq)

    first = next_shard(shards, 0)
    second = next_shard(shards, 3)

    assert first is not None
    assert second is not None
    assert (first.seq, second.seq, next_shard(shards, 4)) == (3, 4, None)


def test_shard_without_sidecar_is_not_there(shards: Path, write_shard: WriteShard) -> None:
    """A tar whose sidecar has not appeared is still being written."""
    write_shard(1).with_suffix(".json").unlink()

    assert next_shard(shards, 0) is None
    assert next_shard(shards / "absent", 0) is None


def test_gap_is_an_error(shards: Path, write_shard: WriteShard) -> None:
    """A missing number with a later one there stops training, because skipping it would change the order."""
    for seq in (1, 3):
        write_shard(seq)

    with pytest.raises(ShardError, match=r"shard-000002.json: missing, although shard 3 is there"):
        next_shard(shards, 1)


def test_order_is_a_fixed_permutation() -> None:
    """The order depends on seed and shard number alone, and stays what it was in earlier versions."""
    assert sample_order(8, seed=1, seq=1) == [3, 2, 4, 6, 1, 5, 7, 0]
    assert sample_order(8, seed=1, seq=2) != sample_order(8, seed=1, seq=1)
    assert sorted(sample_order(100, seed=5, seq=9)) == list(range(100))


def test_texts_come_in_that_order(shards: Path, write_shard: WriteShard) -> None:
    """Reading gives the texts of a shard, permuted."""
    texts = [f"text {index} \N{GREEK SMALL LETTER MU}" for index in range(8)]
    write_shard(1, texts)
    shard = read_sidecar(shards, 1)
    assert shard is not None

    assert read_shard(shards, shard, seed=1) == [texts[index] for index in sample_order(8, seed=1, seq=1)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset leaves its file open
def test_stock_webdataset_reads_the_same(shards: Path, write_shard: WriteShard) -> None:
    """The fixture's shards are what the stock library reads, so these tests speak about real ones."""
    path = write_shard(1, ["one", "two"])

    entries = list(webdataset.WebDataset(str(path), shardshuffle=False))

    assert [entry["txt"] for entry in entries] == [b"one", b"two"]


def test_changed_shard_is_refused(shards: Path, write_shard: WriteShard) -> None:
    """One flipped byte is found before anything is read from the shard."""
    path = write_shard(1)
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    shard = read_sidecar(shards, 1)
    assert shard is not None

    with pytest.raises(ShardError, match=r"shard-000001.tar: sha256 is .* the shard is damaged"):
        verified_bytes(shards, shard)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2, expected 1"),
        ({"seq": 7}, "describes shard 7"),
        ({"name": "../other.tar"}, "expected shard 1 beside it"),
        ({"sha256": 5}, "cannot be read as a shard's sidecar"),
    ],
)
def test_bad_sidecar_is_refused(
    shards: Path, write_shard: WriteShard, changes: dict[str, object], message: str
) -> None:
    """A sidecar of another version or shard is not guessed at."""
    edit_sidecar(write_shard(1), **changes)

    with pytest.raises(ShardError, match=message):
        read_sidecar(shards, 1)


def test_wrong_count_and_missing_tar_are_refused(shards: Path, write_shard: WriteShard) -> None:
    """A shard must hold as many samples as its sidecar says, and be there."""
    path = write_shard(1)
    edit_sidecar(path, num_samples=9)
    shard = read_sidecar(shards, 1)
    assert shard is not None

    with pytest.raises(ShardError, match=r"holds 8 samples, its sidecar says 9"):
        read_shard(shards, shard, seed=1)
    path.unlink()
    with pytest.raises(ShardError, match=r"cannot be read, although its sidecar is there"):
        read_shard(shards, shard, seed=1)


def test_sample_that_breaks_the_format_is_named(shards: Path, write_shard: WriteShard) -> None:
    """A sealed sample without its metadata is the sealer's fault, and training stops before it."""
    path = write_shard(1)
    data = path.read_bytes().replace(b".json", b".none")
    path.write_bytes(data)
    edit_sidecar(path, sha256=hashlib.sha256(data).hexdigest())
    shard = read_sidecar(shards, 1)
    assert shard is not None

    with pytest.raises(ShardError, match=r"shard-000001.tar: cannot be read as a shard of samples"):
        read_shard(shards, shard, seed=1)
