"""What changed between two states of a tree: symbols of a file, and files that moved."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from mapper.ids import blob_id
from mapper.model import SourceFile, Symbol

MIN_SIMILARITY = 0.6
MAX_FILES_PER_LINE = 20
"""A line that stands in more removed files than this says nothing about which one a file was."""

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SymbolChanges:
    """Symbols that a new state of a file added, changed and removed; changed ones as they are now."""

    added: tuple[Symbol, ...]
    changed: tuple[Symbol, ...]
    removed: tuple[Symbol, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def changed_symbols(old: SourceFile | None, new: SourceFile | None) -> SymbolChanges:
    """Return which symbols differ between two states of one file; None is a file that is not there.

    Symbols are the same by kind and qualified name. One has changed if its normalised text or its value has: a value
    may follow from another definition.
    """
    before, after = _by_key(old), _by_key(new)
    added = tuple(symbol for key, symbols in after.items() if key not in before for symbol in symbols)
    removed = tuple(symbol for key, symbols in before.items() if key not in after for symbol in symbols)
    changed = tuple(
        symbol
        for key, symbols in after.items()
        if key in before and _states(symbols) != _states(before[key])
        for symbol in symbols
    )
    return SymbolChanges(added=added, changed=changed, removed=removed)


def renames(removed: Mapping[str, bytes], added: Mapping[str, bytes]) -> dict[str, str]:
    """Return old path -> new path of files that moved: equal content first, then lines with Jaccard >= 0.6.

    Each path is used once; the most alike pair goes first, ties by file name and then by path, so the answer does not
    depend on the order of the mappings.
    """
    moved = _equal(removed, added)
    old_lines = {path: _lines(removed[path]) for path in sorted(removed) if path not in moved}
    taken = set(moved.values())
    new_lines = {path: _lines(added[path]) for path in sorted(added) if path not in taken}
    for old, new in _ranked(old_lines, new_lines):
        if old not in moved and new not in taken:
            moved[old] = new
            taken.add(new)
    return dict(sorted(moved.items()))


def _by_key(file: SourceFile | None) -> dict[_Key, list[Symbol]]:
    symbols: dict[_Key, list[Symbol]] = defaultdict(list)
    for symbol in file.symbols if file is not None else ():
        symbols[symbol.kind, symbol.qualified_name].append(symbol)
    return symbols


def _states(symbols: list[Symbol]) -> list[tuple[str, int | None, str | None]]:
    return [(symbol.revision, symbol.value, symbol.guard) for symbol in symbols]


def _equal(removed: Mapping[str, bytes], added: Mapping[str, bytes]) -> dict[str, str]:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(added):
        places[blob_id(added[path])].append(path)
    moved: dict[str, str] = {}
    for path in sorted(removed):
        candidates = places[blob_id(removed[path])] if removed[path].strip() else []
        if candidates:
            best = min(candidates, key=lambda new: (_file_name(new) != _file_name(path), new))
            candidates.remove(best)
            moved[path] = best
    return moved


def _ranked(old: Mapping[str, frozenset[bytes]], new: Mapping[str, frozenset[bytes]]) -> list[tuple[str, str]]:
    """Return the pairs that are alike enough, best first; pairs without a telling line in common are not compared."""
    holders: dict[bytes, list[str]] = defaultdict(list)
    for path, lines in old.items():
        for line in lines:
            holders[line].append(path)
    pairs: list[tuple[float, bool, str, str]] = []
    for new_path, lines in new.items():
        near = {path for line in lines if len(holders[line]) <= MAX_FILES_PER_LINE for path in holders[line]}
        for old_path in near:
            shared = len(lines & old[old_path])
            similarity = shared / (len(lines) + len(old[old_path]) - shared)
            if similarity >= MIN_SIMILARITY:
                pairs.append((-similarity, _file_name(old_path) != _file_name(new_path), old_path, new_path))
    return [(old_path, new_path) for _, _, old_path, new_path in sorted(pairs)]


def _lines(data: bytes) -> frozenset[bytes]:
    return frozenset(b" ".join(line.split()) for line in data.splitlines() if line.strip())


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
