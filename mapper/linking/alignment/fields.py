"""Level 3 for definitions of bit fields: masks, positions, widths and chosen defaults, by name and value."""

from mapper.linking.alignment.matches import Ground, Match, field_matches, is_field_marked, is_register_marked
from mapper.linking.words import Name, name_of
from mapper.model import BitField, Evidence, Symbol

STRONG_LIKENESS = 0.85


def link_field(ground: Ground, symbol: Symbol, name: Name, value: int | None) -> list[Match]:
    """Return the fields a definition stands for, the surer where its value is the field's mask or position."""
    matches: list[Match] = []
    marked = is_field_marked(name)
    if is_register_marked(name) and not marked:
        return []
    if (chosen := _chosen_default(symbol, name)) is not None:
        name = chosen
    for target in ground.index.retrieve(name):
        register, bits = target.register, target.field
        if register is None or bits is None:
            continue
        alike = ground.index.likeness(name, target, strict=not marked)
        if alike < 0.55:
            continue
        if chosen is not None and not _holds(bits, value):
            continue
        how = agreeing_value(bits, value) if value is not None else None
        raw = 0.38 + 0.36 * alike
        if how is not None and (symbol.form != "enumerator" or alike >= STRONG_LIKENESS):
            raw += 0.2
        elif value is not None and alike < STRONG_LIKENESS:
            raw -= 0.06
        if marked:
            raw += 0.04
        if name.words == target.name.words:
            raw += 0.01
        if len(register.name) > 1 and name.compact.startswith(name_of(register.name).compact):
            raw += 0.03
        if symbol.form == "enumerator" and alike < 0.95:
            raw = min(raw, 0.62)
        detail = f"reads like {register.name}.{bits.name}" + (f", value is its {how}" if how else "")
        why = Evidence(rule="field", detail=detail, weight=round(alike, 4), page=bits.page or register.page)
        matches += field_matches(register, bits, raw, "field+value" if how else "field name", [why])
    return matches


def agreeing_value(bits: BitField, value: int) -> str | None:
    """Return how a value encodes a field's place (mask, position, width...), None if it does not."""
    return next(iter(readings(bits, value)), None)


def readings(bits: BitField, value: int) -> tuple[str, ...]:
    """Return all ways in which a value encodes a field's place, the most usual first."""
    width = bits.high - bits.low + 1
    plain = (1 << width) - 1
    agrees = {
        "mask": value == plain << bits.low,
        "position": value == bits.low,
        "plain mask": value == plain,
        "width": value == width and width > 1,
        "high bit": value == bits.high,
        "lowest bit": value == 1 << bits.low,
        "inverted mask": value & 0xFF == ~(plain << bits.low) & 0xFF and value <= 0xFFFFFFFF,
    }
    return tuple(how for how, holds in agrees.items() if holds)


def _chosen_default(symbol: Symbol, name: Name) -> Name | None:
    """Return the name of what a definition sets the default of, None for other definitions."""
    kept = [word for word in name.words if word not in {"default", "defaults"}]
    if symbol.kind not in {"macro", "config"} or not kept or len(kept) == len(name.words):
        return None
    return name_of(" ".join(kept))


def _holds(bits: BitField, value: int | None) -> bool:
    return value is not None and 0 <= value < 1 << (bits.high - bits.low + 1)
