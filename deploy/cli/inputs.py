"""What commands read: a source tree with its text, and datasheets; what cannot be had is said, or ends the command."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from deploy.cli.output import EXIT_NOT_FOUND, fail, note
from deploy.cli.progress import progress
from deploy.cli.sourcetree import SourceTree, TreeError, open_tree, read_contents, read_tree, text_of
from mapper.errors import DatasheetError
from mapper.model import Datasheet, SourceFile
from streams.sandbox import read_sheet

MAX_READERS = 4
"""Datasheets read at a time, each in a child process of its own."""
T = TypeVar("T")


def open_source(repo_dir: Path, rev: str | None) -> SourceTree:
    """Return a snapshot of a work tree, a bare repository or a folder; ends the command if there is none."""
    if not repo_dir.exists():
        fail(f"{repo_dir}: no such folder", EXIT_NOT_FOUND)
    try:
        return open_tree(repo_dir, rev)
    except TreeError as error:
        fail(str(error))


def read_source(repo_dir: Path, rev: str | None) -> tuple[SourceTree, list[SourceFile]]:
    """Return a snapshot and its parsed files; what was skipped is said on stderr."""
    tree = open_source(repo_dir, rev)
    with progress("parsing", len(tree.paths)) as advance:
        files, skipped = read_tree(tree, advance)
    if skipped:
        note(f"skipped: {skipped[0]}" + (f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""))
    return tree, files


def read_pdfs(pdfs: Sequence[Path], read: Callable[[Path], T]) -> tuple[list[T], int]:
    """Return what `read` gives for each PDF, several at a time, and how many it refused; each is named on stderr."""
    found: list[T] = []
    pool = ThreadPoolExecutor(min(MAX_READERS, os.cpu_count() or 1))
    try:
        readings = [(pdf, pool.submit(read, pdf)) for pdf in pdfs]
        with progress("reading datasheets", len(pdfs)) as advance:
            for pdf, reading in readings:
                try:
                    found.append(reading.result())
                except OSError as error:
                    note(f"{pdf}: cannot be read ({error.strerror}); left out")
                except DatasheetError as error:
                    note(f"{error} [{error.reason}]; left out")
                advance(1)
    finally:
        pool.shutdown(cancel_futures=True)  # what Ctrl-C leaves unread is not begun
    return found, len(pdfs) - len(found)


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
