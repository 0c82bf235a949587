"""Check that an adapter is the same model in three forms: beside the base, merged into it, and read back by stock PEFT.

The merge is our own arithmetic on the safetensors with the scale that the manifest states, so it shares no code with
PEFT: an adapter_config.json that lost `use_rslora` loads without any complaint and is wrong by sqrt(rank), 22.6 at
rank 512. Afterwards the merged model, which is as fast as the base, is the one to score.
"""

import math
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftModel
from safetensors.torch import load_file

from eval.errors import ScoringError
from eval.result import Consistency
from trainer.manifest import AdapterRef
from trainer.model import BaseModel, load_adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NOISE = 1e-4  # of the largest logit: rounding in float32, and in a merge of float32 weights
NOISE_BFLOAT16 = 3e-2
SHARE_OF_EFFECT = 0.02  # of what the adapter does to the logits: above it the scale differs
MAX_PROBE_TOKENS = 64

_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"


def merge_checked(
    base: BaseModel, adapter: Path, spec: AdapterRef, probes: Sequence[str]
) -> tuple["PreTrainedModel", Consistency]:
    """Return the base model with the adapter merged into it, and how far the three forms agree on the probes' logits.

    The base model's weights are changed in place. Raises ScoringError for an adapter that does not fit.
    """
    rows = _probe_rows(base, probes)
    plain = _logits(base.model, rows)
    beside = load_adapter(base, adapter)
    adapter_logits = _logits(beside, rows)
    stripped = beside.unload()
    with tempfile.TemporaryDirectory(prefix="sheetstream-adapter-") as folder:
        copy = Path(folder) / "adapter"
        shutil.copytree(adapter, copy)
        reloaded = PeftModel.from_pretrained(stripped, str(copy)).eval()
        reloaded_logits = _logits(reloaded, rows)
    merged = reloaded.unload()
    _merge(merged, adapter, spec)
    merged_logits = _logits(merged, rows)

    largest = max(float(one.abs().max()) for one in plain)
    effect = max(_distance(adapter_logits, plain), _distance(merged_logits, plain)) / largest
    merged_distance = _distance(merged_logits, adapter_logits) / largest
    reloaded_distance = _distance(reloaded_logits, adapter_logits) / largest
    noise = NOISE_BFLOAT16 if base.model.dtype == torch.bfloat16 else NOISE
    allowed = max(noise, SHARE_OF_EFFECT * effect)
    # A comparison with NaN is False: logits that are not finite never agree.
    agrees = merged_distance <= allowed and reloaded_distance <= allowed
    return merged, Consistency(
        merged=merged_distance if math.isfinite(merged_distance) else -1.0,
        reloaded=reloaded_distance if math.isfinite(reloaded_distance) else -1.0,
        effect=effect if math.isfinite(effect) else -1.0,
        agrees=agrees,
    )


def _merge(model: Any, adapter: Path, spec: AdapterRef) -> None:
    """Add alpha / sqrt(rank) (or alpha / rank) times B @ A to every adapted weight."""
    weights = load_file(adapter / "adapter_model.safetensors")
    scale = spec.alpha / (math.sqrt(spec.rank) if spec.use_rslora else spec.rank)
    names = sorted(name.removesuffix(_A) for name in weights if name.endswith(_A))
    if 2 * len(names) != len(weights):
        strange = next(name for name in sorted(weights) if not name.endswith((_A, _B)))
        raise ScoringError(f"{adapter}: lora_A and lora_B of linear layers expected, got {strange}")
    for name in names:
        left, right = weights[name + _B], weights[name + _A]
        if right.shape[0] != spec.rank:
            raise ScoringError(f"{adapter}: {name} has rank {right.shape[0]}, the manifest says {spec.rank}")
        weight = model.get_submodule(name.removeprefix(_PREFIX)).weight
        delta = scale * (left.float() @ right.float())
        with torch.no_grad():
            weight.add_(delta.to(weight.device, weight.dtype))


def _probe_rows(base: BaseModel, probes: Sequence[str]) -> list[torch.Tensor]:
    rows = [base.tokenizer(text, add_special_tokens=False)["input_ids"][:MAX_PROBE_TOKENS] for text in probes]
    rows = [row for row in rows if row]
    if not rows:
        raise ScoringError("no text to compare logits on: at least one probe expected")
    return [torch.tensor([row], device=base.model.device) for row in rows]


def _logits(model: Any, rows: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    with torch.inference_mode():
        return [model(input_ids=row, use_cache=False).logits[0].float().clone() for row in rows]


def _distance(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))
