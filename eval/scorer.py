"""Load models and score them on a suite: the base model, a checkpoint, a release. Imports torch."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from eval.complete.local import LocalModel, Sizes
from eval.config import EvalSettings
from eval.consistency import merge_checked
from eval.errors import ScoringError
from eval.release import Release
from eval.result import ModelRef, Result
from eval.run import Beat, score_model
from eval.suite.items import Suite
from trainer.errors import TrainerError
from trainer.manifest import AdapterRef, BaseModelRef, Manifest, checkpoint_digest, verify_checkpoint
from trainer.model import BaseModel, load_base

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

NUM_PROBES = 4  # texts on which adapter, merged and reloaded logits are compared


def base_ref(base: BaseModelRef) -> ModelRef:
    """Return the reference of a base model: its digest is that of its files."""
    return ModelRef(kind="base", name=base.name, digest=base.sha256, base_sha256=base.sha256)


def checkpoint_ref(folder: Path, digest: str, manifest: Manifest) -> ModelRef:
    """Return the reference of a checkpoint."""
    return ModelRef(
        kind="checkpoint",
        name=folder.name,
        digest=digest,
        base_sha256=manifest.base_model.sha256,
        step=manifest.step,
        tokens_seen=manifest.tokens_seen,
        created_at=manifest.created_at,
        newest_event_time=manifest.data.newest_event_time,
    )


def release_ref(release: Release) -> ModelRef:
    """Return the reference of a release: that of the checkpoint it was made from."""
    return ModelRef(
        kind="checkpoint",
        name=release.checkpoint,
        digest=release.checkpoint_digest,
        base_sha256=release.base_model.sha256,
        step=release.step,
        tokens_seen=release.tokens_seen,
        newest_event_time=release.data.newest_event_time,
    )


def score_base(name: str, suite: Suite, settings: EvalSettings, beat: Beat) -> Result:
    """Return the result of a base model by name or folder. Raises ScoringError where it cannot be loaded."""
    base = _load(name, settings)
    return _score(base.model, base, base_ref(base.ref), suite, settings, beat)


def score_checkpoint(
    folder: Path, suite: Suite, settings: EvalSettings, beat: Beat, *, with_base: bool = False
) -> tuple[Result, Result | None]:
    """Return the result of a checkpoint and, if asked for, that of the base model it is made on.

    Raises ScoringError where the checkpoint is damaged, vanished or does not fit its base model.
    """
    try:
        manifest, digest = verify_checkpoint(folder), checkpoint_digest(folder)
    except (TrainerError, OSError) as error:
        raise ScoringError(str(error)) from None
    base = _load(manifest.base_model.name, settings, expected=manifest.base_model)
    before = None
    if with_base:
        before = _score(base.model, base, base_ref(base.ref), suite, settings, beat)
    ref = checkpoint_ref(folder, digest, manifest)
    return _score_adapter(base, folder / manifest.adapter.path, manifest.adapter, ref, suite, settings, beat), before


def score_release(folder: Path, release: Release, suite: Suite, settings: EvalSettings, beat: Beat) -> Result:
    """Return the result of a verified release, for a suite that it was not scored on when it was made."""
    base = _load(release.base_model.name, settings, expected=release.base_model)
    adapter = folder / release.adapter.path
    return _score_adapter(base, adapter, release.adapter, release_ref(release), suite, settings, beat)


def _load(name: str, settings: EvalSettings, expected: BaseModelRef | None = None) -> BaseModel:
    torch.set_num_threads(settings.threads)
    try:
        base = load_base(name, cache=settings.cache_dir, dtype=settings.dtype, device=settings.device)
    except TrainerError as error:
        raise ScoringError(str(error)) from None
    if expected is not None and base.ref.sha256 != expected.sha256:
        raise ScoringError(f"{name}: base model sha256 {expected.sha256[:16]} expected, got {base.ref.sha256[:16]}")
    return base


def _score_adapter(
    base: BaseModel,
    adapter: Path,
    spec: AdapterRef,
    ref: ModelRef,
    suite: Suite,
    settings: EvalSettings,
    beat: Beat,
) -> Result:
    try:
        merged, consistency = merge_checked(base, adapter, spec, _probes(suite))
    except (TrainerError, OSError) as error:
        raise ScoringError(f"{adapter}: {error}") from None
    if not consistency.agrees:
        logger.warning("adapter=%s: logits of adapter, merged and reloaded model disagree", adapter)
    return replace(_score(merged, base, ref, suite, settings, beat), consistency=consistency)


def _score(
    model: "PreTrainedModel", base: BaseModel, ref: ModelRef, suite: Suite, settings: EvalSettings, beat: Beat
) -> Result:
    sizes = Sizes(
        max_context_tokens=settings.max_context_tokens,
        max_reference_tokens=settings.max_reference_tokens,
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.batch_size,
    )
    result = score_model(LocalModel(model, base.tokenizer, sizes), ref, suite, settings, beat=beat)
    logger.info(
        "scored model=%s suite=%s items=%d seconds=%.1f", ref.name, suite.version, len(suite.items), result.seconds
    )
    return result


def _probes(suite: Suite) -> Sequence[str]:
    """Return some of the suite's texts, from different domains."""
    step = max(1, len(suite.items) // NUM_PROBES)
    return [item.context + item.reference for item in suite.items[::step]][:NUM_PROBES]
