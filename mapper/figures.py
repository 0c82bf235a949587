"""What all scores share: shares with their denominators, and checked reading of the rows they are made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from mapper.errors import FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A share with its denominator; None instead of a value when there is nothing to divide by."""

    hits: int
    total: int

    @property
    def value(self) -> float | None:
        return self.hits / self.total if self.total else None


def f1(precision: float | None, recall: float | None) -> float | None:
    """Return the harmonic mean of two shares, None if either is unknown."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def object_of(row: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Return the object under a key. Raises FormatError where there is none."""
    value = row.get(key)
    if not isinstance(value, Mapping):
        raise FormatError(f"{place_of(row)}: {key}: an object expected, got {value!r}")
    return value


def text_of(holder: Mapping[str, object], key: str, row: Mapping[str, object]) -> str:
    """Return the text under a key of a row's part. Raises FormatError where there is none."""
    value = holder.get(key)
    if not isinstance(value, str):
        raise FormatError(f"{place_of(row)}: {key}: a text expected, got {value!r}")
    return value


def number_of(holder: Mapping[str, object], key: str, row: Mapping[str, object]) -> int:
    """Return the whole number under a key of a row's part. Raises FormatError where there is none."""
    value = holder.get(key)
    if not isinstance(value, int):
        raise FormatError(f"{place_of(row)}: {key}: a whole number expected, got {value!r}")
    return value


def pages_of(row: Mapping[str, object]) -> set[int]:
    """Return the pages that the anchors of a gold line made by reading stand on. Raises FormatError."""
    anchors = row.get("anchors")
    if not isinstance(anchors, list):
        raise FormatError(f"{place_of(row)}: anchors: a list expected, got {anchors!r}")
    return {number_of(anchor, "page", row) for anchor in anchors}


def place_of(row: Mapping[str, object]) -> str:
    """Return where a row was read, for messages."""
    return str(row.get("_at", "line"))
