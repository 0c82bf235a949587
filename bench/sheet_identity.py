"""Does the reader know which part a datasheet is of, against the part that its repository names."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapper.model import Datasheet

MIN_SHARED = 4  # characters of a common start: the part's family


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityScore:
    """Whether the first part found, or any, is the wanted one."""

    file: str
    wanted: str
    found: tuple[str, ...]
    is_first: bool
    is_any: bool


def wanted_parts(data: Path) -> dict[str, str]:
    """Return the part of each datasheet file."""
    lines = (data / "datasheets.jsonl").read_text("utf-8").splitlines()
    return {entry["file"]: entry["part"] for entry in map(json.loads, lines) if entry["part"] != "*"}


def score_identity(sheet: Datasheet, wanted: str) -> IdentityScore:
    """Return whether a datasheet's parts hold the wanted one."""
    hits = [is_same_part(part, wanted) for part in sheet.parts]
    return IdentityScore(
        file=sheet.file, wanted=wanted, found=sheet.parts, is_first=hits[:1] == [True], is_any=any(hits)
    )


def is_same_part(found: str, wanted: str) -> bool:
    """Say whether two spellings name one part: order letters behind it, and a family's x, do not count."""
    one, other = (re.sub(r"[^a-z0-9]", "", part.lower()) for part in (found, wanted))
    short, long = sorted((one, other), key=len)
    if len(short) >= MIN_SHARED and long.startswith(short):
        return True
    pattern = "".join("[a-z0-9]" if letter == "x" else letter for letter in one)
    return re.match(pattern, other) is not None


def report(scores: Sequence[IdentityScore]) -> Iterable[str]:
    """Yield the shares, then each datasheet whose first part is not the wanted one."""
    first, anywhere = sum(s.is_first for s in scores), sum(s.is_any for s in scores)
    yield f"identity: {len(scores)} datasheets, first part right {first}, any part right {anywhere}"
    for score in scores:
        if not score.is_first:
            yield f"   {score.file[:48]:48} wanted {score.wanted}, found {', '.join(score.found) or 'none'}"


def scores_of(sheets: Mapping[str, Datasheet], data: Path) -> list[IdentityScore]:
    """Return the score of each datasheet whose part is known."""
    return [score_identity(sheets[file], part) for file, part in wanted_parts(data).items() if file in sheets]
