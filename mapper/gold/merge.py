"""Merge what two readers say of the same symbols: agreed labels count two readers, the others are disputed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mapper.gold.labels import GoldAnchor, GoldLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two readings of one sample."""

    merged: tuple[GoldLabel, ...]
    """Both say NIL, or both name a page in common; in the first reader's order."""
    disputed: tuple[tuple[GoldLabel, GoldLabel], ...]
    """The first and the second reader's labels where they do not agree."""


def merge_readers(first: Iterable[GoldLabel], second: Iterable[GoldLabel]) -> Merge:
    """Return the symbols that both have read, agreed and disputed; symbols that one has not read are left out."""
    others = {label.key: label for label in second}
    pairs = [(label, others[label.key]) for label in first if label.key in others]
    return Merge(
        merged=tuple(_merged(one, other) for one, other in pairs if agree(one, other)),
        disputed=tuple(pair for pair in pairs if not agree(*pair)),
    )


def agree(one: GoldLabel, other: GoldLabel) -> bool:
    """Say whether two readings are compatible: both NIL, or a common page."""
    if one.nil or other.nil:
        return one.nil and other.nil
    return bool({anchor.page for anchor in one.anchors} & {anchor.page for anchor in other.anchors})


def _merged(one: GoldLabel, other: GoldLabel) -> GoldLabel:
    """Return both readings as one: anchors of both, those on pages that both named marked and first."""
    common = {anchor.page for anchor in one.anchors} & {anchor.page for anchor in other.anchors}
    anchors: dict[tuple[object, ...], GoldAnchor] = {}
    for anchor in (*one.anchors, *other.anchors):
        place = (anchor.page, anchor.kind, anchor.register, anchor.field)
        anchors.setdefault(place, replace(anchor, agreed=anchor.page in common))
    return replace(
        one,
        readers=one.readers + other.readers,
        anchors=tuple(sorted(anchors.values(), key=lambda anchor: not anchor.agreed)),
        conflict=one.conflict or other.conflict,
        note=_joined(one.note, other.note),
        reader=_joined(one.reader, other.reader, ", "),
        date=max(one.date, other.date),
        tool=other.tool or one.tool,
    )


def _joined(one: str, other: str, between: str = "; ") -> str:
    return between.join(dict.fromkeys(text for text in (one, other) if text))
