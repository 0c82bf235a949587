"""What `sheetstream gold` reads: a source tree with its text, and datasheets; whatever is missing ends the command."""

from collections.abc import Callable
from pathlib import Path

from deploy.cli.output import EXIT_NOT_FOUND, fail, note
from deploy.cli.progress import progress
from deploy.cli.sourcetree import SourceTree, TreeError, open_tree, read_contents, text_of
from mapper.code import MAX_FILE_BYTES, parse_file
from mapper.errors import DatasheetError, SourceError
from mapper.model import Datasheet, SourceFile
from streams.sandbox import read_sheet


def read_source(repo_dir: Path, rev: str | None) -> tuple[SourceTree, list[SourceFile]]:
    """Return a snapshot and its parsed files; what was skipped is said on stderr."""
    if not repo_dir.exists():
        fail(f"{repo_dir}: no such folder", EXIT_NOT_FOUND)
    try:
        tree = open_tree(repo_dir, rev)
    except TreeError as error:
        fail(str(error))
    files: list[SourceFile] = []
    skipped: list[str] = []
    with progress("parsing", len(tree.paths)) as advance:
        for name, data in read_contents(tree, tree.paths):
            path = text_of(name)
            try:
                if data is None:
                    raise SourceError(f"{path}: larger than {MAX_FILE_BYTES} bytes, or unreadable", reason="too_large")
                files.append(parse_file(path, data))
            except SourceError as error:
                skipped.append(str(error))
            advance(1)
    if skipped:
        note(f"skipped: {skipped[0]}" + (f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""))
    return tree, files


def read_datasheets(pdfs: list[Path]) -> list[Datasheet]:
    """Return the datasheets; ends the command if one cannot be read, since labels on the others would be a half."""
    sheets: list[Datasheet] = []
    with progress("reading datasheets", len(pdfs)) as advance:
        for pdf in pdfs:
            try:
                sheets.append(read_sheet(pdf.read_bytes(), file=pdf.name))
            except FileNotFoundError:
                fail(f"{pdf}: no such file", EXIT_NOT_FOUND)
            except (OSError, DatasheetError) as error:
                fail(f"{pdf}: {error}")
            advance(1)
    return sheets


def text_reader(tree: SourceTree) -> Callable[[str], str]:
    """Return what gives a file's text by its path, "" if it cannot be read."""
    names = {text_of(name): name for name in tree.paths}

    def read(path: str) -> str:
        [(_, data)] = read_contents(tree, [names[path]])
        try:
            return (data or b"").decode()
        except UnicodeDecodeError:
            return (data or b"").decode("latin-1")

    return read
