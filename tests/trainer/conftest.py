"""Fixtures of the trainer's tests: a tiny base model, shards written as the sealer writes them, settings for both."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mapper.corpus.sample import Sample, sample_entry
from trainer.config import TrainSettings
from trainer.tiny import tiny_olmo3

WriteShard = Callable[..., Path]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random OLMo-3 with two layers. One thread: more only wait for each other at this size."""
    import torch

    torch.set_num_threads(1)
    return tiny_olmo3(tmp_path_factory.mktemp("tiny"), hidden=32, layers=2, heads=2, window=16)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """An empty shards folder."""
    folder = tmp_path / "home" / "shards"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write_shard(shards: Path) -> WriteShard:
    """A function that seals texts as shard number seq."""

    def write(seq: int, texts: Sequence[str] | None = None) -> Path:
        return seal(shards, seq, texts if texts is not None else driver_texts(seq))

    return write


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> TrainSettings:
    """Settings of a quick run: rows of 32 tokens, 2 a step, one thread."""
    return TrainSettings(
        home=tmp_path / "home",
        cache=tmp_path / "cache",
        recipe="embedded",
        base_model=str(tiny_model),
        rank=4,
        alpha=8,
        dropout=0.1,
        seq_len=32,
        batch_rows=2,
        micro_batch=1,
        learning_rate=5e-3,
        warmup_steps=2,
        checkpoint_every_steps=5,
        checkpoint_when_idle_seconds=0,
        idle_release_seconds=0,
        poll_seconds=0.02,
        threads=1,
    )


def driver_texts(seq: int, count: int = 8) -> list[str]:
    """Return texts that look a little like register headers, different for each shard."""
    return [
        "\n".join(f"#define UNIT{seq}_REG{index}_{line} 0x{64 * index + line:04x}u" for line in range(3))
        for index in range(count)
    ]


def seal(folder: Path, seq: int, texts: Sequence[str]) -> Path:
    """Write a shard and then its sidecar; return the shard's path."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for index, text in enumerate(texts):
            entry = sample_entry(_sample(f"sm1_{seq:04d}{index:04d}", text))
            key = entry.pop("__key__")
            for suffix, data in entry.items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    path = folder / f"shard-{seq:06d}.tar"
    path.write_bytes(buffer.getvalue())
    sidecar = {
        "version": 1,
        "seq": seq,
        "name": path.name,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "num_bytes": len(buffer.getvalue()),
        "num_samples": len(texts),
        "domains": {"general": len(texts)},
        "newest_event_time": 1000.0 + seq,
        "sealed_at": 2000.0 + seq,
        "source_offsets": {"corpus.samples": {"0": len(texts)}},
        "holdout_sha256": "0" * 64,
    }
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(sidecar))
    temporary.rename(path.with_suffix(".json"))
    return path


def _sample(sample_id: str, text: str) -> Sample:
    return Sample(
        sample_id=sample_id,
        text=text,
        domain="general",
        licence="Apache-2.0",
        repo_family="repository",
        path=f"src/{sample_id}.h",
        blob_id="b" * 40,
        commit="c" * 40,
        sheet_sha256=None,
        link_revisions=(),
        template_version=1,
    )
