"""Links and labels as they stand in a file: JSON lines."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from deploy.cli.output import fail
from mapper.errors import FormatError
from mapper.linking.format import parse_lines


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """Yield the objects of a file of links or labels. Raises FormatError with file and line where one is not such."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    yield from parse_lines(text, source=str(path))


def require_place(file: Path) -> None:
    """Return if a file can stand here; ends the command otherwise, before anything is computed for it."""
    if not file.parent.is_dir():
        fail(f"{file}: the folder {file.parent} does not exist")
    if file.exists() and not file.is_file():
        fail(f"{file}: a file expected, this is none")


def write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write all lines and put the file in place at once."""
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    partial.replace(path)
