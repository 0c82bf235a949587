"""Level 3: which place of a datasheet each symbol of the accepted files stands for.

Definitions first, because functions are known by the definitions they use; then functions; then types, known by the
functions that take them; then enumerators, known by their type. A symbol whose best proposal stays below ACCEPT has no
counterpart and gets no link.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mapper.ids import anchor_id, link_id, link_revision, symbol_id
from mapper.linking.alignment.blocks import blocks_of, link_struct
from mapper.linking.alignment.definitions import link_address, link_alias, link_definition
from mapper.linking.alignment.functions import is_bus_access, link_function
from mapper.linking.alignment.handlers import link_handler
from mapper.linking.alignment.matches import Ground, dropped_words, symbol_key
from mapper.linking.alignment.namesakes import Namesakes, link_conversion, link_held, namesakes
from mapper.linking.alignment.nil import is_plumbing, is_soft_plumbing, result_types
from mapper.linking.alignment.sections import link_section
from mapper.linking.alignment.startup import is_startup, link_startup
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.alignment.types import (
    IDENTIFIER,
    TYPE_FORMS,
    link_block,
    link_enumerator,
    link_flags,
    link_limits,
    link_member,
    link_type,
    type_name,
    users_of_types,
)
from mapper.linking.alignment.weak import weak_proposals
from mapper.linking.confidence import ACCEPT, probability
from mapper.linking.index.facts import VALUE_KINDS
from mapper.linking.index.tree import TreeIndex
from mapper.model import Anchor, Symbol, TraceLink

MIN_CONSENSUS = 4
"""Definitions of a file that must agree in name and address before an address alone decides for the others."""
POINTED = re.compile(r"\(\s*(?:volatile\s+|const\s+|struct\s+)*([A-Za-z_]\w*)\s*(?:volatile\s*)?\*\s*\)")
"""The type in a cast to a pointer."""
Structs = dict[tuple[str, str | None], list[Symbol]]
SPECIFIC_ANCHOR = 0.1
"""A match this much below a symbol's best one says another thing: it is left out."""


def link_symbols(
    tree: TreeIndex, index: SheetIndex, paths: Sequence[str], parts: Iterable[str], *, repo_family: str
) -> tuple[Ground, tuple[TraceLink, ...]]:
    """Return the links of the symbols in these files to a datasheet, and the ground with all proposals."""
    files = [tree.by_path[path] for path in paths]
    ground = Ground(index, tree, files, dropped_words(files, index, parts))
    symbols = [symbol for file in files for symbol in file.symbols]
    _propose(ground, symbols)
    return ground, make_links(ground, repo_family)


def make_links(ground: Ground, repo_family: str) -> tuple[TraceLink, ...]:
    """Return the links that the proposals on a ground give."""
    links: dict[str, TraceLink] = {}
    anchors: dict[Anchor, str] = {}
    for symbol in (symbol for file in ground.files for symbol in file.symbols):
        for link in _links(ground, symbol, repo_family, anchors):
            if link.link_id not in links or link.score > links[link.link_id].score:
                links[link.link_id] = link
    return tuple(links.values())


def _propose(ground: Ground, all_symbols: Sequence[Symbol]) -> None:
    results = result_types(all_symbols)
    symbols = [s for s in all_symbols if not _says_how_it_went(s, results)]
    definitions = [s for s in symbols if s.kind in VALUE_KINDS]
    functions = [s for s in symbols if s.kind == "function"]
    types = [s for s in symbols if s.kind == "struct" and s.form in TYPE_FORMS]
    members = [s for s in symbols if s.form == "member"]
    for symbol in definitions:
        name = ground.name(symbol)
        if not is_plumbing(symbol, name):
            ground.record(symbol, link_definition(ground, symbol) or link_section(ground, symbol, name))
    for symbol in definitions:
        if symbol.value is None and symbol_key(symbol) not in ground.found:
            ground.record(symbol, link_alias(ground, symbol))
    _propose_by_consensus(ground, definitions)
    members_of = _by_scope(members)
    _propose_by_offset(ground, members_of)
    known = _propose_functions(ground, functions)
    users = users_of_types(functions, types)
    for symbol in members:
        name = ground.name(symbol)
        if symbol.kind == "struct" and not is_plumbing(symbol, name):
            found = link_held(ground, symbol, known) or link_member(ground, symbol)
            ground.record(symbol, found or link_section(ground, symbol, name))
    for symbol in types:
        name = type_name(ground, symbol)
        if not is_plumbing(symbol, name) and not is_soft_plumbing(name):
            ground.record(symbol, [*link_type(ground, symbol, users), *link_section(ground, symbol, name)])
        inside = [member for tag in _tags(symbol) for member in members_of.get((symbol.path, tag), ())]
        ground.record(symbol, link_block(ground, inside))
        if symbol_key(symbol) not in ground.found:
            ground.record(symbol, link_limits(ground, inside))
    _propose_instances(ground, definitions)
    _propose_enumerators(ground, definitions, types)
    _propose_enums_by_members(ground, definitions, types)
    for symbol in symbols:
        name = ground.name(symbol)
        if symbol_key(symbol) not in ground.found and not is_plumbing(symbol, name):
            ground.record_weak(symbol, weak_proposals(ground, symbol, name))


def _says_how_it_went(symbol: Symbol, results: frozenset[tuple[str, str]]) -> bool:
    """Say whether a symbol is a type of results or one of its enumerators."""
    name = symbol.scope if symbol.form == "enumerator" else symbol.qualified_name if symbol.form in TYPE_FORMS else None
    return name is not None and (symbol.path, name.replace("::", ".")) in results


def _by_scope(members: Iterable[Symbol]) -> Structs:
    """Return members by the path and the scope that hold them."""
    structs: Structs = {}
    for symbol in members:
        structs.setdefault((symbol.path, symbol.scope), []).append(symbol)
    return structs


def _propose_by_offset(ground: Ground, structs: Structs) -> None:
    """Link the members of register structs to the block that their struct mirrors, in place of all others."""
    is_register = any(symbol.kind == "register" for inside in structs.values() for symbol in inside)
    blocks = blocks_of(ground.index) if is_register else []
    for inside in structs.values():
        found = link_struct(ground, blocks, inside)
        for symbol in inside:
            if matches := found.get(symbol_key(symbol)):
                ground.forget(symbol)
                ground.record(symbol, matches)


def _propose_instances(ground: Ground, definitions: Sequence[Symbol]) -> None:
    """Link pointers to a block (UART0, cast to UART_Type *) to what their base address and their type stand for."""
    for symbol in definitions:
        pointed = POINTED.search(symbol.declaration)
        if pointed is None or symbol_key(symbol) in ground.found:
            continue
        named = [match for reference in symbol.references for match in ground.by_name.get(reference, ())]
        bases = [match for match in named if match.method == "base address"]
        types = [match for match in ground.by_name.get(pointed[1], ()) if match.method == "register block"]
        ceiling = bases[0].raw - 0.01 if bases else 1.0
        found = [*bases, *(replace(match, raw=min(match.raw, ceiling)) for match in types)]
        ground.record(symbol, [replace(match, raw=match.raw - 0.02, method="instance") for match in found])


def _propose_by_consensus(ground: Ground, definitions: Sequence[Symbol]) -> None:
    """Link register definitions with names of their own by address alone, in files whose other ones agree in both."""
    by_path: dict[str, list[Symbol]] = defaultdict(list)
    for symbol in definitions:
        if symbol.kind == "register" and not is_plumbing(symbol, ground.name(symbol)):
            by_path[symbol.path].append(symbol)
    for symbols in by_path.values():
        found = [ground.found.get(symbol_key(symbol), []) for symbol in symbols]
        agreeing = sum(bool(matches) and matches[0].method == "address+name" for matches in found)
        others = [symbol for symbol, matches in zip(symbols, found, strict=True) if not matches]
        candidates = [(symbol, matches) for symbol in others if (matches := link_address(ground, symbol))]
        if agreeing >= MIN_CONSENSUS and agreeing >= 2 * len(candidates):
            for symbol, matches in candidates:
                ground.record(symbol, matches)


def _tags(symbol: Symbol) -> list[str]:
    """Return the names under which a type's members may stand: its own, and those its declaration mentions."""
    return list(dict.fromkeys([symbol.name, *IDENTIFIER.findall(symbol.declaration)]))


def _propose_functions(ground: Ground, functions: Sequence[Symbol]) -> Namesakes:
    """Link the functions with a body; a prototype stands for what its definition stands for. Return them by name."""
    bodies = {symbol.name: symbol for symbol in functions if symbol.form != "prototype"}
    for symbol in functions:
        name = ground.name(symbol)
        if symbol.form == "prototype" and symbol.name in bodies:
            continue
        if is_startup(name):
            ground.record(symbol, link_startup(ground, symbol, name))
        if is_plumbing(symbol, name):
            continue
        sections = link_section(ground, symbol, name)
        own = [] if is_bus_access(ground, symbol) else link_function(ground, symbol, bodies)
        ground.record(symbol, [*own, *sections, *link_handler(ground, symbol, name)])
    known = namesakes(ground, functions)
    for symbol in functions:
        if symbol_key(symbol) not in ground.found and symbol.form != "prototype":
            ground.record(symbol, link_conversion(ground, symbol, known))
    for symbol in functions:
        if symbol.form == "prototype" and symbol.name in bodies:
            found = ground.found.get(symbol_key(bodies[symbol.name]), ())
            ground.record(symbol, [replace(match, raw=match.raw - 0.01, method="prototype") for match in found])
    return known


def _propose_enums_by_members(ground: Ground, definitions: Sequence[Symbol], types: Sequence[Symbol]) -> None:
    """Link enums that nothing else links to the register that most of their enumerators are fields of."""
    inside: dict[tuple[str, str], list[Symbol]] = defaultdict(list)
    for symbol in definitions:
        if symbol.form == "enumerator" and symbol.scope is not None:
            inside[symbol.path, symbol.scope.replace("::", ".")].append(symbol)
    for symbol in types:
        if symbol_key(symbol) not in ground.found and not is_plumbing(symbol, type_name(ground, symbol)):
            members = inside.get((symbol.path, symbol.qualified_name.replace("::", ".")), [])
            ground.record(symbol, link_flags(ground, members))


def _propose_enumerators(ground: Ground, definitions: Sequence[Symbol], types: Sequence[Symbol]) -> None:
    """Add to enumerators what their enum stands for."""
    parents = {(symbol.path, symbol.qualified_name.replace("::", ".")): symbol for symbol in types}
    for symbol in definitions:
        if symbol.form != "enumerator" or symbol.scope is None or is_plumbing(symbol, ground.name(symbol)):
            continue
        parent = parents.get((symbol.path, symbol.scope.replace("::", ".")))
        if parent is not None:
            ground.record(symbol, link_enumerator(ground, symbol, ground.found.get(symbol_key(parent), ())))


def _links(ground: Ground, symbol: Symbol, repo_family: str, anchors: dict[Anchor, str]) -> list[TraceLink]:
    """Return the links of a symbol, best first; anchors keeps the ids of the anchors seen before."""
    found = ground.found.get(symbol_key(symbol), [])
    if not found:
        return []
    sheet = ground.index.sheet
    best = found[0].raw
    own_id = symbol_id(repo_family, symbol.path, symbol.kind, symbol.qualified_name)
    links: list[TraceLink] = []
    for match in found:
        score = probability(match.raw)
        if score < ACCEPT or match.raw < best - SPECIFIC_ANCHOR:
            continue
        target = anchors.get(match.anchor) or anchors.setdefault(match.anchor, anchor_id(sheet.family, match.anchor))
        link = link_id(own_id, target)
        links.append(
            TraceLink(
                link_id=link,
                revision=link_revision(link, symbol.revision, sheet.sha256, match.method),
                sheet_sha256=sheet.sha256,
                sheet_file=sheet.file,
                sheet_family=sheet.family,
                part=sheet.parts[0] if sheet.parts else "",
                anchor=match.anchor,
                anchor_id=target,
                symbol=symbol,
                symbol_id=own_id,
                grade=match.grade,
                score=score,
                method=match.method,
                evidence=match.evidence,
                rank=len(links) + 1,
            )
        )
    return links
