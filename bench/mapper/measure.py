"""Measure one set: the mapper and the baselines on the same files, datasheets and labels, names plain or hidden."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.mapper.gold import GoldRow
from bench.mapper.hidden import NameHider
from bench.mapper.misses import Miss, missed
from bench.mapper.sets import Case
from bench.mapper.trees import Tree
from mapper.baselines import (
    LEXICAL,
    TextIndex,
    link_symbols_by_text,
    make_ranker,
    page_index,
    rank_files_by_part,
    rank_files_by_text,
)
from mapper.baselines.answers import Query
from mapper.baselines.texts import MAX_TEXT_CHARS
from mapper.linking import map_tree
from mapper.linking.format import file_line, link_line, mapping_lines
from mapper.model import Datasheet, FileRelevance, SourceFile, Symbol
from mapper.scoring import ScoreReport, score

OURS = "ours"
QUERIES: tuple[Query, ...] = ("whole", "page1")
PART_NUMBER = "partnumber"
BY_ROLE = ", by role"
"""Ending of a method's name where tests, examples and documents were left out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one method on one set. seconds: reading PDFs and parsing not counted."""

    name: str
    hidden: bool
    method: str
    report: ScoreReport
    seconds: float
    num_files: int
    misses: tuple[Miss, ...] = ()
    """Of the mapper alone: the labelled symbols it missed."""


def measure_case(
    case: Case, files: Sequence[SourceFile], *, hidden: bool, baselines: bool = True
) -> Iterator[Measured]:
    """Yield the figures of the mapper, then of each baseline. files are those of the case's tree, parsed."""
    started = time.perf_counter()
    mapping = map_tree(files, case.sheets, repo_family=case.tree.name)
    seconds = time.perf_counter() - started
    lines = list(mapping_lines(mapping))
    report, misses = score(lines, case.gold), tuple(missed(case.tree.name, lines, case.gold))
    yield Measured(case.tree.name, hidden, OURS, report, seconds, len(files), misses)
    if baselines:
        yield from measure_baselines(case, hidden=hidden)


def measure_baselines(case: Case, *, hidden: bool, index: TextIndex | None = None) -> Iterator[Measured]:
    """Yield the figures of each baseline: lexical ones with two queries, then the part number as the only query."""
    started = time.perf_counter()
    if index is None:
        texts = ((path, data[:MAX_TEXT_CHARS].decode("latin-1")) for path, data in case.tree.contents.items())
        index = TextIndex(texts)
    reading = time.perf_counter() - started
    wanted = set_sizes(case.gold)
    case = replace(case, sheets=tuple(sheet for sheet in case.sheets if wanted[sheet.file]))  # they cannot refuse
    symbols = gold_symbols(case.gold)
    pages = {sheet.file: page_index(sheet) for sheet in case.sheets}
    for method in LEXICAL:
        started = time.perf_counter()
        ranker = make_ranker(method, index)
        links = [
            line
            for sheet in case.sheets
            for line in _page_choices(sheet, pages[sheet.file], symbols[sheet.file], method)
        ]
        for query, by_role in itertools.product(QUERIES, (False, True)):
            found = [
                rank_files_by_text(
                    index, ranker, sheet, method=method, query=query, by_role=by_role, num_accepted=wanted[sheet.file]
                )
                for sheet in case.sheets
            ]
            name = f"{method} {query}"
            yield _measured(case, hidden, name, found, links, by_role, reading + time.perf_counter() - started, index)
    for by_role in (False, True):
        started = time.perf_counter()
        found = [
            rank_files_by_part(index, sheet, by_role=by_role, num_accepted=wanted[sheet.file]) for sheet in case.sheets
        ]
        yield _measured(case, hidden, PART_NUMBER, found, [], by_role, reading + time.perf_counter() - started, index)


def hide(case: Case, parts: Sequence[str]) -> Case:
    """Return the case with names hidden in its tree and its labels: those of parts, of its datasheets, of its paths."""
    hider = NameHider([*parts, *(part for sheet in case.sheets for part in sheet.parts)], case.tree.contents)
    contents = {hider.path(path): hider.data(data) for path, data in case.tree.contents.items()}
    return replace(case, tree=Tree(case.tree.name, dict(sorted(contents.items()))), gold=tuple(hider.gold(case.gold)))


def set_sizes(gold: Sequence[GoldRow]) -> Counter[str]:
    """Return for each datasheet how many files its labels ask for: what rankings are told, having no threshold."""
    return Counter(
        str(row["file"])
        for row in gold
        if row["level"] == "file" and row.get("path") and str(row.get("role") or "primary") == "primary"
    )


def gold_symbols(gold: Sequence[GoldRow]) -> dict[str, list[Symbol]]:
    """Return by datasheet the symbols that labels speak about, each once."""
    found: dict[str, dict[tuple[object, ...], Symbol]] = {str(row["file"]): {} for row in gold}
    for row in gold:
        if row["level"] != "symbol":
            continue
        line, scope = row.get("line"), row.get("scope")
        symbol = Symbol(
            path=str(row["path"]),
            kind="macro",  # the labels' finer kinds are not the mapper's; nothing here looks at it
            name=str(row["name"]),
            line=line if isinstance(line, int) else 1,
            end_line=line if isinstance(line, int) else 1,
            scope=scope if isinstance(scope, str) else None,
        )
        found[str(row["file"])].setdefault((symbol.path, symbol.scope, symbol.name, symbol.line), symbol)
    return {file: list(symbols.values()) for file, symbols in found.items()}


def _page_choices(
    sheet: Datasheet, pages: TextIndex, symbols: Sequence[Symbol], method: str
) -> Iterator[dict[str, object]]:
    if symbols:
        found = link_symbols_by_text(make_ranker(method, pages), sheet, symbols, method=method, repo_family="")
        yield from map(link_line, found)


def _measured(
    case: Case,
    hidden: bool,
    method: str,
    found: Sequence[Sequence[FileRelevance]],
    links: Sequence[dict[str, object]],
    by_role: bool,
    seconds: float,
    index: TextIndex,
) -> Measured:
    lines = [*links, *(file_line(relevance) for ranked in found for relevance in ranked)]
    name = f"{method}{BY_ROLE}" if by_role else method
    return Measured(case.tree.name, hidden, name, score(lines, case.gold), seconds, len(index.names))
