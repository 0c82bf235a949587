"""A mapping as JSON lines, and back to checked rows: what `map` writes and `score` reads."""

import json
from collections.abc import Iterator

from mapper.errors import FormatError
from mapper.model import Anchor, Conflict, FileRelevance, Mapping, Symbol, TraceLink

VERSION = 1
LEVELS = ("file", "symbol", "conflict")


def mapping_lines(mapping: Mapping) -> Iterator[dict[str, object]]:
    """Yield the objects of all lines of a mapping: files, pages, links, conflicts, each in canonical order."""
    yield from (file_line(relevance) for relevance in (*mapping.files, *mapping.pages))
    yield from (link_line(link) for link in mapping.links)
    yield from (conflict_line(conflict) for conflict in mapping.conflicts)


def link_line(link: TraceLink) -> dict[str, object]:
    """Return a trace link as one JSON line's object."""
    return {
        "version": VERSION,
        "level": "symbol",
        "link_id": link.link_id,
        "datasheet": {"part": link.part, "file": link.sheet_file, "sha256": link.sheet_sha256},
        "anchor": _anchor_object(link.anchor),
        "symbol": _symbol_object(link.symbol),
        "grade": link.grade,
        "score": link.score,
        "rank": link.rank,
        "method": link.method,
        "evidence": [{"rule": e.rule, "detail": e.detail, "weight": e.weight, "page": e.page} for e in link.evidence],
    }


def file_line(relevance: FileRelevance) -> dict[str, object]:
    """Return a file relevance as one JSON line's object."""
    return {
        "version": VERSION,
        "level": "file",
        "datasheet": {"part": relevance.part, "file": relevance.sheet_file, "sha256": relevance.sheet_sha256},
        "anchor": None if relevance.anchor is None else _anchor_object(relevance.anchor),
        "path": relevance.path,
        "rank": relevance.rank,
        "score": relevance.score,
        "accepted": relevance.accepted,
        "evidence": [{"rule": e.rule, "detail": e.detail, "weight": e.weight} for e in relevance.evidence],
    }


def conflict_line(conflict: Conflict) -> dict[str, object]:
    """Return a conflict as one JSON line's object."""
    return {
        "version": VERSION,
        "level": "conflict",
        "conflict_id": conflict.conflict_id,
        "kind": conflict.kind,
        "datasheet": {"part": conflict.part, "file": conflict.sheet_file, "sha256": conflict.sheet_sha256},
        "anchor": _anchor_object(conflict.anchor),
        "symbol": _symbol_object(conflict.symbol),
        "code_value": conflict.code_value,
        "sheet_value": conflict.sheet_value,
        "detail": conflict.detail,
    }


def _anchor_object(anchor: Anchor) -> dict[str, object]:
    return {
        "kind": anchor.kind,
        "title": anchor.title,
        "path": list(anchor.path),
        "page": anchor.page,
        "place": anchor.place,
        "address": None if anchor.address is None else hex(anchor.address),
        "register": anchor.register,
        "field": anchor.field,
    }


def _symbol_object(symbol: Symbol) -> dict[str, object]:
    return {
        "path": symbol.path,
        "kind": symbol.kind,
        "form": symbol.form,
        "name": symbol.name,
        "scope": symbol.scope,
        "line": symbol.line,
        "end_line": symbol.end_line,
    }


def parse_lines(text: str, *, source: str) -> Iterator[dict[str, object]]:
    """Yield the objects of JSON lines. Raises FormatError with source and line where a line is no such object."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise FormatError(f"{source}:{number}: no JSON ({error.msg} at column {error.colno})") from error
        if not isinstance(row, dict):
            raise FormatError(f"{source}:{number}: a JSON object expected, got {type(row).__name__}")
        if row.get("level") not in LEVELS:
            raise FormatError(
                f"{source}:{number}: level: one of {', '.join(LEVELS)} expected, got {row.get('level')!r}"
            )
        yield row | {"_at": f"{source}:{number}"}
