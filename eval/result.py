"""The result of scoring one model on one suite: every raw output, and the scores made from them alone.

Owner of the result format. A stored result is whole or absent (it appears by rename), and names the model's and the
suite's digest, so an altered suite or checkpoint makes it void rather than wrong.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from eval.errors import ResultError

FORMAT_VERSION = 1

ModelKind = Literal["base", "checkpoint", "baseline"]
Verdict = Literal["better", "same", "worse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """The model that was scored."""

    kind: ModelKind
    name: str
    """The base model's name, the checkpoint's folder, or the baseline's."""
    digest: str
    """Of the checkpoint's manifest, or of the base model's files."""
    base_sha256: str
    step: int | None = None
    tokens_seen: int | None = None
    created_at: float | None = None
    newest_event_time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """Likelihood of the reference given the context, token by token."""

    nll: float | None
    """Nats over the reference's tokens; None where the logits were not finite."""
    num_tokens: int
    num_bytes: int
    top1: int
    """Tokens that the model ranked first."""
    top5: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the model wrote itself, greedily."""

    text: str
    """After the stop rule: at most as many lines as the reference, at most 1.5 times its bytes."""
    stop: Literal["lines", "budget", "end"]
    num_new_tokens: int
    """Tokens generated before the stop rule cut the text."""
    ids: tuple[int, ...] = ()
    """The text in the model's tokenizer."""
    reference_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutput:
    """All that is known about a model and an item."""

    item_id: str
    domain: str
    slice: str
    cut: str
    file: str
    patterned: bool
    reference: str
    forced: Forced | None
    completion: Completion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One measure over the items of a domain and slice, with its 95 % interval.

    domain is one of the 13, "macro" (mean of the domains) or "weighted" (all items); slice may be "all".
    """

    domain: str
    slice: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    num_items: int
    num_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """Largest differences of logits between three ways to the same model, in units of the largest logit."""

    merged: float
    """Adapter beside the base against our own merge, scaled as the manifest says."""
    reloaded: float
    """Adapter as read here against a copy as stock PEFT reads it."""
    effect: float
    """Adapter against the base alone: what there is to lose."""
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRow:
    """Bits per byte of reference and candidate in a domain and slice, lower is better."""

    domain: str
    slice: str
    reference: float
    candidate: float
    difference: float
    """Candidate minus reference, with its paired 95 % interval."""
    low: float
    high: float
    adjusted_p: float
    """Holm over the domains of the table."""
    num_items: int
    num_clusters: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate said about a candidate, and why."""

    released: bool
    reasons: tuple[str, ...]
    """Why it was refused; empty where it was not."""
    reference: ModelRef
    rows: tuple[DomainRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One model scored on one suite."""

    version: int = FORMAT_VERSION
    model: ModelRef
    suite_version: str
    suite_sha256: str
    settings: dict[str, int]
    """Sizes that the outputs depend on."""
    created_at: float
    seconds: float
    outputs: tuple[ItemOutput, ...]
    scores: tuple[Score, ...]
    consistency: Consistency | None = None
    decision: Decision | None = None

    def score(self, domain: str, measure: str, slice_: str = "all") -> Score | None:
        """Return one score, or None where nothing counted."""
        wanted = (domain, slice_, measure)
        return next((one for one in self.scores if (one.domain, one.slice, one.measure) == wanted), None)


RESULT_JSON = TypeAdapter(Result)


def result_path(folder: Path, model: ModelRef, suite_version: str) -> Path:
    """Return where the result of a model on a suite is kept."""
    prefix = "base-" if model.kind == "base" else ""
    return folder / f"{prefix}{model.digest[:16]}-{suite_version}.json"


def write_result(folder: Path, result: Result) -> Path:
    """Write a result, whole or not at all, and return its path."""
    path = result_path(folder, result.model, result.suite_version)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(RESULT_JSON.dump_json(result, indent=1))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return path


def read_result(path: Path) -> Result:
    """Return a stored result. Raises ResultError where it is not one."""
    try:
        result = RESULT_JSON.validate_json(path.read_bytes())
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or error}") from None
    except ValidationError as error:
        raise ResultError(f"{path}: not a result: {error.errors()[0]['msg']}") from None
    if result.version != FORMAT_VERSION:
        raise ResultError(f"{path}: format version {FORMAT_VERSION} expected, got {result.version}")
    return result


def list_results(folder: Path) -> list[Path]:
    """Return the stored results, oldest first."""
    if not folder.is_dir():
        return []
    return sorted((file for file in folder.glob("*.json") if not file.name.startswith(".")), key=_age)


def _age(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name
