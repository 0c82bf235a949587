"""Links that moved: their symbol stands at another path or under another name and is about the same place; or their
register or field has moved in the datasheet.

First what git says (renamed files), then what the symbols say: the same definition, or one that is alike. Each link
moves to one other at most. What comes first in order of ids is taken first, so the answer does not depend on chance.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from difflib import SequenceMatcher

from mapper.model import Symbol, TraceLink

SIMILAR = 0.6
"""Share of two definitions' text that both have, names left out, from which on one is the other renamed."""
MAX_TEXT = 2000
"""Characters of a definition that are compared."""

Key = tuple[str, ...]


def find_moves(
    gone: Sequence[TraceLink], arrived: Sequence[TraceLink], renames: Mapping[str, str], present: Container[str]
) -> dict[str, TraceLink]:
    """Return fresh link id -> the old link that it continues.

    gone: live links that are derived no more; arrived: links that are derived anew; renames: old path -> new path;
    present: ids of symbols that still exist where they were: these have not moved, unless their file was renamed.
    """
    left = [link for link in gone if link.symbol.path in renames or link.symbol_id not in present]
    stayed = [link for link in gone if link.symbol.path not in renames and link.symbol_id in present]
    moves = _matched(stayed, arrived, [(_placed, _placed)], {})
    return _matched(left, arrived, _steps(renames), moves)


def _matched(
    left: Sequence[TraceLink],
    arrived: Sequence[TraceLink],
    steps: Sequence[tuple[Callable[[TraceLink], Key], Callable[[TraceLink], Key]]],
    moves: dict[str, TraceLink],
) -> dict[str, TraceLink]:
    """Return the moves, and those that are found by one step after the other."""
    for here, there in steps:
        targets: dict[Key, list[TraceLink]] = defaultdict(list)
        for link in arrived:
            if link.link_id not in moves:
                targets[there(link)].append(link)
        rest = []
        for old in left:
            found = next((link for link in targets[here(old)] if _is_alike(old.symbol, link.symbol)), None)
            if found is None:
                rest.append(old)
                continue
            targets[here(old)].remove(found)
            moves[found.link_id] = old
        left = rest
    return moves


def _steps(renames: Mapping[str, str]) -> list[tuple[Callable[[TraceLink], Key], Callable[[TraceLink], Key]]]:
    """Return pairs of keys of an old and a fresh link that are equal where the one is the other, surest first."""

    def renamed(link: TraceLink) -> Key:
        path = renames.get(link.symbol.path)
        return ("renamed", path, *_named(link)) if path is not None else ("stays", link.link_id)

    def at_path(link: TraceLink) -> Key:
        return ("renamed", link.symbol.path, *_named(link))

    def same(link: TraceLink) -> Key:
        return (*_named(link), link.symbol.revision)

    def placed(link: TraceLink) -> Key:
        return (renames.get(link.symbol.path, link.symbol.path), link.symbol.kind, link.anchor_id)

    def at_place(link: TraceLink) -> Key:
        return (link.symbol.path, link.symbol.kind, link.anchor_id)

    return [(renamed, at_path), (same, same), (_named, _named), (placed, at_place)]


def _placed(link: TraceLink) -> Key:
    """Return the key of a link whose symbol stayed, wherever its register or field stands, at whatever address."""
    anchor = link.anchor
    name = (anchor.register, anchor.field or "") if anchor.register is not None else ("", link.anchor_id)
    return (link.symbol_id, anchor.kind, anchor.place, *name)


def _named(link: TraceLink) -> Key:
    return (link.symbol.kind, link.symbol.qualified_name, link.anchor_id)


def _is_alike(old: Symbol, new: Symbol) -> bool:
    """Say whether a definition may be another one renamed; of one name they are the same whatever they say."""
    if old.name == new.name:
        return True
    if old.value is not None and old.value == new.value:
        return True
    here, there = (symbol.declaration.replace(symbol.name, "")[:MAX_TEXT] for symbol in (old, new))
    return bool(here and there) and SequenceMatcher(None, here, there, autojunk=False).ratio() >= SIMILAR
