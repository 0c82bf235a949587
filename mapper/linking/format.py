"""Links and file relevances as JSON lines, and back to checked rows: what `map` writes and `score` reads."""

import json
from collections.abc import Iterator
from pathlib import Path

from mapper.errors import FormatError
from mapper.model import FileRelevance, TraceLink

VERSION = 1


def link_line(link: TraceLink) -> dict[str, object]:
    """Return a trace link as one JSON line's object."""
    anchor, symbol = link.anchor, link.symbol
    return {
        "version": VERSION,
        "level": "symbol",
        "link_id": link.link_id,
        "datasheet": {"part": link.part, "file": link.sheet_file, "sha256": link.sheet_sha256},
        "anchor": {
            "kind": anchor.kind,
            "title": anchor.title,
            "path": list(anchor.path),
            "page": anchor.page,
            "place": anchor.place,
            "address": None if anchor.address is None else hex(anchor.address),
            "register": anchor.register,
            "field": anchor.field,
        },
        "symbol": {
            "path": symbol.path,
            "kind": symbol.kind,
            "form": symbol.form,
            "name": symbol.name,
            "scope": symbol.scope,
            "line": symbol.line,
            "end_line": symbol.end_line,
        },
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
        "anchor": None,
        "path": relevance.path,
        "rank": relevance.rank,
        "score": relevance.score,
        "accepted": relevance.accepted,
        "evidence": [{"rule": e.rule, "detail": e.detail, "weight": e.weight} for e in relevance.evidence],
    }


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """Yield the objects of a JSON lines file. Raises FormatError with file and line where a line is no such object."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise FormatError(f"{path}:{number}: no JSON ({error.msg} at column {error.colno})") from error
        if not isinstance(row, dict):
            raise FormatError(f"{path}:{number}: a JSON object expected, got {type(row).__name__}")
        if row.get("level") not in {"file", "symbol"}:
            raise FormatError(f'{path}:{number}: level: "file" or "symbol" expected, got {row.get("level")!r}')
        yield row | {"_at": f"{path}:{number}"}
