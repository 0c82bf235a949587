"""Weak proposals: what a symbol that no rule linked would most likely stand for, if it stands for anything.

They stay below the accept threshold and other rules do not build on them. They say how wrong a guess by words alone is
(calibration needs the refused cases too), and are the candidates that a language model may choose from.
"""

from mapper.linking.alignment.anchors import field_anchor, register_anchor, section_anchor
from mapper.linking.alignment.matches import Ground, Match
from mapper.linking.words import Name
from mapper.model import Evidence, Symbol

MAX_WEAK = 4
LOWEST = 0.2
SPAN = 0.3
"""Raw scores run from LOWEST to LOWEST + SPAN, by likeness: never enough to be accepted."""
MIN_LIKENESS = 0.15


def weak_proposals(ground: Ground, symbol: Symbol, name: Name) -> list[Match]:
    """Return the registers, fields and sections whose names are most like a symbol's, best first."""
    index = ground.index
    scored: list[tuple[float, Match]] = []
    for target in index.retrieve(name):
        alike = index.likeness(name, target)
        if target.register is None or alike < MIN_LIKENESS:
            continue
        anchor = (
            register_anchor(target.register) if target.field is None else field_anchor(target.register, target.field)
        )
        match = Match(anchor, 0.0, "weak name", (), "partial", target.register, target.field)
        scored.append((alike, match))
    for target, alike, inside, _ in index.titles(name):
        if target.section is not None and max(alike, inside) >= MIN_LIKENESS:
            match = Match(section_anchor(target.section), 0.0, "weak name", (), "partial")
            scored.append((0.8 * max(alike, inside), match))
    scored.sort(key=lambda item: -item[0])
    return [_weighed(symbol, match, alike) for alike, match in scored[:MAX_WEAK]]


def _weighed(symbol: Symbol, match: Match, alike: float) -> Match:
    said = match.anchor.field or match.anchor.register or match.anchor.title
    why = Evidence(
        rule="weak name",
        detail=f"{symbol.name} is a little like {said}",
        weight=round(alike, 4),
        page=match.anchor.page,
    )
    return Match(match.anchor, LOWEST + SPAN * alike, match.method, (why,), match.grade, match.register, match.field)
