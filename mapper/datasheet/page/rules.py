"""Ruling strokes to rules: dashes joined, doubled strokes merged. Points from the page's top left corner."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

JOIN_PT = 3.0  # strokes of one rule may leave gaps this long (dashes)
SAME_PT = 1.6  # strokes this close side by side are one rule
MIN_RULE_PT = 7.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal or vertical ruling line; a thin filled rectangle is one too."""

    is_horizontal: bool
    at: float
    start: float
    end: float


def join_rules(strokes: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return rules with collinear strokes joined and doubled strokes merged, short remains dropped."""
    joined: list[Rule] = []
    for is_horizontal in (True, False):
        group: list[Rule] = []
        for stroke in sorted((s for s in strokes if s.is_horizontal is is_horizontal), key=lambda s: s.at):
            if group and stroke.at - group[0].at > SAME_PT:
                joined += _join_collinear(group)
                group = []
            group.append(stroke)
        joined += _join_collinear(group)
    return tuple(rule for rule in joined if rule.end - rule.start >= MIN_RULE_PT)


def _join_collinear(group: Sequence[Rule]) -> list[Rule]:
    joined: list[Rule] = []
    for stroke in sorted(group, key=lambda s: s.start):
        last = joined[-1] if joined else None
        if last is not None and stroke.start <= last.end + JOIN_PT:
            joined[-1] = Rule(last.is_horizontal, last.at, last.start, max(last.end, stroke.end))
        else:
            joined.append(stroke)
    return joined
