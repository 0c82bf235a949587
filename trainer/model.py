"""Base models by name, folder or hub name, and the rsLoRA adapter on top. Everything is read from local files.

A name is first turned into a folder: a prepared model is made once and kept in the cache, a hub name is asked from
the hub and then kept by huggingface_hub. torch is imported when a function needs it, never with this module.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from trainer import smollm2
from trainer.errors import ModelError
from trainer.manifest import BaseModelRef, file_digest
from trainer.tiny import tiny_olmo3

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SMOLLM2 = "smollm2-135m-instruct"
TINY_OLMO3 = "tiny-olmo3"
PREPARED_NAME = "prepared.json"
HUB_PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
DIGEST_PATTERNS = ("*.safetensors", "tokenizer.json", "*.model", "vocab.json", "merges.txt")
VERSION_KEY = "transformers_version"  # of config.json: who wrote the file, not what the model is


def _make_tiny(directory: Path) -> str:
    tiny_olmo3(directory)
    return "1"


PREPARED: dict[str, Callable[[Path], str]] = {SMOLLM2: smollm2.convert, TINY_OLMO3: _make_tiny}
"""Models made here, each by a function that writes it into a folder and returns its revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """A frozen causal language model with its tokenizer, and what it is."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    ref: BaseModelRef
    folder: Path


def has_cuda() -> bool:
    """Return whether a CUDA device can be used (imports torch)."""
    import torch

    return bool(torch.cuda.is_available())


def models_dir(cache: Path) -> Path:
    """Return the folder of prepared models."""
    return cache / "models"


def is_prepared(name: str, cache: Path) -> bool:
    """Return whether a model made here already lies in the cache."""
    return (models_dir(cache) / name / PREPARED_NAME).is_file()


def prepare(name: str, cache: Path) -> Path:
    """Return the folder of a model made here, making it once; safe when several processes ask at the same time."""
    if name not in PREPARED:
        raise ModelError(f"{name}: cannot be prepared; known names are {', '.join(PREPARED)}")
    root = models_dir(cache)
    folder = root / name
    if is_prepared(name, cache):
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{name}.lock"):
        if not is_prepared(name, cache):
            _make(name, root, folder)
    return folder


def locate(name: str, cache: Path) -> tuple[Path, str | None]:
    """Return a base model's folder and its revision. Raises ModelError when it cannot be had."""
    if name in PREPARED:
        folder = prepare(name, cache)
        return folder, json.loads((folder / PREPARED_NAME).read_text())["revision"]
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return folder, None
    if folder.exists() or folder.is_absolute():
        raise ModelError(f"{name}: a folder with config.json, *.safetensors and a tokenizer was expected")
    if name.count("/") != 1:
        raise ModelError(
            f"{name}: no such base model; expected {', '.join(PREPARED)}, a folder, "
            "or owner/name on the Hugging Face hub"
        )
    return _from_hub(name)


def load_base(name: str, *, cache: Path, dtype: str = "float32", device: str = "cpu") -> BaseModel:
    """Return the base model, frozen, in evaluation mode, with its tokenizer.

    dtype is "float32" or "bfloat16"; device is torch's name of one. Raises ModelError for a name or folder that
    cannot be loaded.
    """
    folder, revision = locate(name, cache)
    ref = BaseModelRef(name=name, revision=revision, sha256=base_model_digest(folder))
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True, attn_implementation="sdpa"
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{name}: {folder} cannot be loaded as a causal language model: {error}") from error
    model.requires_grad_(False)
    return BaseModel(model=model.to(device).eval(), tokenizer=tokenizer, ref=ref, folder=folder)


def attach_adapter(base: BaseModel, *, rank: int, alpha: float, dropout: float = 0.0) -> "PeftModel":
    """Return the base model with a new float32 rsLoRA adapter on every linear layer but the output head.

    The base model object itself is changed. The adapter's first values come from torch's global generator.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        use_rslora=True,
        target_modules="all-linear",
        task_type=TaskType.CAUSAL_LM,
    )
    model = get_peft_model(base.model, config)
    attached = model.peft_config["default"]
    attached.base_model_name_or_path = base.ref.name  # not the folder on this machine
    attached.target_modules = {name.rpartition(".")[2] for name in attached.target_modules}  # the same in every layer
    return model


def load_adapter(base: BaseModel, adapter: Path, *, is_trainable: bool = False) -> "PeftModel":
    """Return the base model with the adapter of a checkpoint or release folder, in stock PEFT format.

    Raises ModelError when the folder does not hold an adapter that fits.
    """
    from peft import PeftModel

    if not (adapter / "adapter_config.json").is_file():
        raise ModelError(f"{adapter}: no adapter_config.json; a folder in PEFT's format was expected")
    try:
        model = PeftModel.from_pretrained(base.model, str(adapter), is_trainable=is_trainable, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{adapter}: does not fit base model {base.ref.name}: {error}") from error
    return model if is_trainable else model.eval()


def target_modules(model: Any) -> tuple[str, ...]:
    """Return the names of the linear layers that carry an adapter, sorted."""
    return tuple(sorted(model.peft_config["default"].target_modules))


def base_model_digest(folder: Path) -> str:
    """Return the digest of a model folder: sha256 over configuration, weights and tokenizer, by file name.

    What does not decide the numbers (chat template, version of the writer) is left out, so a model made again by a
    later version of transformers is still the same.
    """
    config = json.loads((folder / "config.json").read_bytes())
    config.pop(VERSION_KEY, None)
    total = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for path in sorted(path for pattern in DIGEST_PATTERNS for path in folder.glob(pattern)):
        total.update(f"{path.name} {file_digest(path)}\n".encode())
    return total.hexdigest()


def describe(folder: Path) -> dict[str, str | int]:
    """Return what a model folder says about itself: architecture, sizes, bytes."""
    config = json.loads((folder / "config.json").read_bytes())
    facts: dict[str, str | int] = {"architecture": ", ".join(config.get("architectures") or ())}
    for key in ("num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"):
        if key in config:
            facts[key] = int(config[key])
    facts["num_bytes"] = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return facts


def _make(name: str, root: Path, folder: Path) -> None:
    """Make a model in a temporary folder beside its place and rename it there: it is whole, or it is not there."""
    for leftover in root.glob(f".{name}-*"):
        shutil.rmtree(leftover)
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    try:
        revision = PREPARED[name](temporary)
        (temporary / PREPARED_NAME).write_text(json.dumps({"name": name, "revision": revision}) + "\n")
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _from_hub(name: str) -> tuple[Path, str | None]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=HUB_PATTERNS))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"{name}: neither in the local Hugging Face cache nor to be had from the hub "
            f"({type(error).__name__}: {error})"
        ) from error
    return folder, folder.name
