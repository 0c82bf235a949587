"""The labels: gold sets as they lie in the data folder, with file labels where a set has none; datasheets as read."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from bench.mapper.trees import Tree, source_digest
from mapper.datasheet import read_datasheet
from mapper.errors import MapperError
from mapper.linking.parts import ACCEPT_NAME, grade_name, normalise
from mapper.model import Datasheet

READER_SOURCES = ("mapper/datasheet",)
_SHEET = TypeAdapter(Datasheet)

GoldRow = dict[str, object]


def gold_rows(data: Path, name: str) -> list[GoldRow]:
    """Return the labels of a set, made mechanically and by reading, with file labels added where it has none."""
    rows: list[GoldRow] = []
    for path in (data / "gold" / f"{name}.jsonl", data / "gold" / "read" / f"{name}.jsonl"):
        if path.exists():
            rows += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return with_file_labels(rows)


def with_file_labels(gold: list[GoldRow]) -> list[GoldRow]:
    """Return the labels with file labels added where a set has none: the files in which its symbol labels lie.

    Their headers and sources of one stem are support: right, but not required.
    """
    if any(row["level"] == "file" for row in gold):
        return gold
    labelled = sorted({(str(row["file"]), str(row["path"])) for row in gold})
    added: list[GoldRow] = []
    for sheet, path in labelled:
        added.append({"level": "file", "file": sheet, "path": path, "role": "primary"})
        stem = path.rpartition(".")[0]
        added += [
            {"level": "file", "file": sheet, "path": f"{stem}.{end}", "role": "support"}
            for end in ("c", "h", "cpp", "hpp")
        ]
    primary = {(row["file"], row["path"]) for row in added if row["role"] == "primary"}
    return gold + [row for row in added if row["role"] == "primary" or (row["file"], row["path"]) not in primary]


def below(folder: str, gold: Iterable[GoldRow]) -> Iterator[GoldRow]:
    """Yield the labels of a repository that lies below a folder of a joined tree."""
    for row in gold:
        yield {**row, "path": f"{folder}/{row['path']}"} if row.get("path") else row


def named_directories(tree: Tree, sheets: Iterable[Datasheet]) -> list[GoldRow]:
    """Return file labels from a tree whose directories or files are named after parts: what names a sheet's first part.

    They are support, right but not required: a name is a label here, so it must not count as something to be found.
    """
    rows: list[GoldRow] = []
    for sheet in sheets:
        parts = [normalise(part) for part in sheet.parts[:1]]
        for path in tree.contents:
            stem = path.rpartition(".")[0]
            words = {normalise(piece.split("_")[0]) for piece in stem.split("/")}
            if any(grade_name(word, part) >= ACCEPT_NAME for word in words for part in parts):
                rows.append({"level": "file", "file": sheet.file, "path": path, "role": "support"})
    return rows


def read_sheets(data: Path, files: Sequence[str], cache: Path | None) -> list[Datasheet]:
    """Return those of the datasheets that are at hand and can be read."""
    return [sheet for file in files if (sheet := read_sheet(data, file, cache)) is not None]


def read_sheet(data: Path, file: str, cache: Path | None) -> Datasheet | None:
    """Return a datasheet as read, None if it is not at hand or cannot be read."""
    path = data / "datasheets" / file
    if not path.exists():
        return None
    pdf = path.read_bytes()
    key = hashlib.sha256(source_digest(READER_SOURCES) + file.encode() + b"\0" + pdf).hexdigest()
    kept = cache / f"sheet-{key}.json" if cache is not None else None
    if kept is not None and kept.exists():
        return _SHEET.validate_json(kept.read_bytes())
    try:
        sheet = read_datasheet(pdf, file=file)
    except MapperError as error:
        sys.stderr.write(f"{error}\n")
        return None
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(_SHEET.dump_json(sheet))
    return sheet


def all_parts(data: Path) -> tuple[str, ...]:
    """Return the parts of all datasheets that the data names."""
    rows = [json.loads(line) for line in (data / "datasheets.jsonl").read_text(encoding="utf-8").splitlines() if line]
    return tuple(sorted({str(row["part"]) for row in rows}))
