"""Tests of trainer.batches."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.batches import Batch, BatchStream, Position
from trainer.errors import ShardError
from trainer.shards import sample_order

WriteShard = Callable[..., Path]


def open_stream(shards: Path, position: Position | None = None) -> BatchStream:
    """Return a stream of 2 rows of 16 tokens, one token a character."""
    return BatchStream(
        shards,
        encode=lambda text: [ord(character) for character in text],
        separator=0,
        seq_len=16,
        batch_rows=2,
        seed=1,
        position=position or Position(),
    )


def drain(stream: BatchStream) -> list[Batch]:
    """Return the batches until the stream runs dry."""
    return list(iter(stream.next_batch, None))


def test_rows_are_the_documents_in_order(shards: Path, write_shard: WriteShard) -> None:
    """The rows are the documents of one shard after the other, joined; the last, unfilled batch is not out."""
    texts = {seq: [f"<{seq}:{index}{'.' * index}>" for index in range(9)] for seq in (1, 2)}
    for seq, documents in texts.items():
        write_shard(seq, documents)

    rows = [row for batch in drain(open_stream(shards)) for row in batch.rows]

    ordered = [texts[seq][index] for seq in (1, 2) for index in sample_order(9, seed=1, seq=seq)]
    whole = "".join(f"{text}\0" for text in ordered)
    assert [chr(token) for row in rows for token in row] == list(whole[: len(whole) // 32 * 32])


def test_any_position_continues_exactly(shards: Path, write_shard: WriteShard) -> None:
    """A stream opened at any batch's position gives the rest as the first one would have."""
    for seq in (1, 2):
        write_shard(seq)
    batches = drain(open_stream(shards))

    for index, batch in enumerate(batches):
        assert drain(open_stream(shards, batch.position)) == batches[index + 1 :]


def test_growing_set_changes_nothing(shards: Path, write_shard: WriteShard) -> None:
    """A shard that appears later only adds batches; those before are as if it had been there from the start."""
    write_shard(1)
    stream = open_stream(shards)
    early = drain(stream)

    write_shard(2)
    grown = early + drain(stream)

    assert grown == drain(open_stream(shards))
    assert len(grown) > len(early)


def test_position_names_what_was_learnt_from(shards: Path, write_shard: WriteShard) -> None:
    """Each shard of which a sample was read is named with its digest, with the newest event time among them."""
    for seq in (1, 2):
        write_shard(seq)

    position = drain(open_stream(shards))[-1].position

    assert [shard.seq for shard in position.shards] == [1, 2]
    assert (position.newest_event_time, position.holdout_sha256) == (1002.0, ("0" * 64,))


def test_shard_that_changed_after_training_is_refused(shards: Path, write_shard: WriteShard) -> None:
    """A position is only good in the shard it was taken in."""
    write_shard(1)
    batch = open_stream(shards).next_batch()
    assert batch is not None

    write_shard(1, ["other"])
    with pytest.raises(ShardError, match=r"a sealed shard must not change"):
        open_stream(shards, batch.position)
    for path in shards.iterdir():
        path.unlink()
    with pytest.raises(ShardError, match=r"shard 1 is gone"):
        open_stream(shards, batch.position)
