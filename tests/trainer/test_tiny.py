"""Tests of trainer.tiny."""

from pathlib import Path

from trainer.manifest import file_digest
from trainer.tiny import tiny_olmo3


def test_weights_depend_on_the_seed_alone(tmp_path: Path) -> None:
    """Two folders made from one seed hold the same weights."""
    digests = [
        file_digest(tiny_olmo3(tmp_path / name, seed=seed, hidden=16, layers=1, heads=2) / "model.safetensors")
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]

    assert digests[0] == digests[1] != digests[2]
