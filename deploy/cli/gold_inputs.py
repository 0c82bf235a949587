"""What `sheetstream gold` reads: a source tree with its text, and datasheets; whatever is missing ends the command."""

from collections.abc import Callable
from pathlib import Path

from deploy.cli.output import EXIT_NOT_FOUND, fail, note
from deploy.cli.progress import progress
from deploy.cli.sourcetree import SourceTree, TreeError, open_tree, read_tree
from mapper.errors import DatasheetError
from mapper.model import Datasheet, SourceFile
from streams.errors import RepositoryError
from streams.sandbox import read_sheet
from streams.watch.gitcommand import run_git


def read_source(repo_dir: Path, rev: str | None) -> tuple[SourceTree, list[SourceFile]]:
    """Return a snapshot and its parsed files; what was skipped is said on stderr."""
    if not repo_dir.exists():
        fail(f"{repo_dir}: no such folder", EXIT_NOT_FOUND)
    try:
        tree = open_tree(repo_dir, rev)
    except TreeError as error:
        fail(str(error))
    with progress("parsing", len(tree.paths)) as advance:
        files, skipped = read_tree(tree, advance)
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
    """Return what gives a file's text by its path, at the tree's commit."""

    def read(path: str) -> str:
        try:
            if tree.commit is not None and tree.git_folder is not None:
                data = run_git(["cat-file", "blob", f"{tree.commit}:{path}"], folder=tree.git_folder)
            else:
                data = (tree.root / path).read_bytes()
        except (OSError, RepositoryError):
            return ""
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")

    return read
