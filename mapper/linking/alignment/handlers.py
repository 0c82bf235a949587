"""Interrupt and exception handlers: a function named after a line of a vector table stands for that line."""

from mapper.code.wordlist import word_set
from mapper.linking.alignment.anchors import section_anchor
from mapper.linking.alignment.matches import Ground, Match
from mapper.linking.words import Name, containment, name_of
from mapper.model import Evidence, Symbol

HANDLER_WORDS = word_set("isr irq handler interrupt vector vect exception trap")
EMPTY_WORDS = word_set("c on weak default do")
RAW = 0.66
ENOUGH = 0.85


def link_handler(ground: Ground, symbol: Symbol, name: Name) -> list[Match]:
    """Return the line of a vector table that a handler's name says, nothing for other functions."""
    words = set(name.words)
    said = [word for word in name.words if word not in HANDLER_WORDS | EMPTY_WORDS]
    if symbol.kind != "function" or not words & HANDLER_WORDS or not said:
        return []
    wanted = name_of(" ".join(said))
    best: tuple[float, int, str] | None = None
    for page, line, line_name in ground.index.vector_lines():
        alike = containment(wanted, line_name)
        if alike >= ENOUGH and (best is None or alike > best[0]):
            best = (alike, page, line)
    section = ground.index.section_at(best[1], best[2]) if best is not None else None
    if best is None or section is None:
        return []
    why = Evidence(rule="vector", detail=f"{symbol.name} reads like: {best[2][:80]}", weight=best[0], page=best[1])
    return [Match(section_anchor(section, place="table", page=best[1]), RAW, "vector table", (why,))]
