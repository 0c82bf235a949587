"""Lines of code around a symbol, read from the repository's mirror at its head."""

from dataclasses import dataclass
from pathlib import Path

from mapper.model import Symbol
from streams.errors import StreamsError
from streams.ledger.sources import Repository
from streams.watch.git import GitMirror, mirror_folder

CONTEXT_LINES = 3
MAX_LINES = 60


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A numbered line; hit: it belongs to the symbol."""

    number: int
    text: str
    hit: bool


def code_lines(home: Path, repository: Repository, symbol: Symbol) -> list[CodeLine]:
    """Return the symbol's lines with some before and after; empty when the file is no longer at the head."""
    if repository.head is None:
        return []
    try:
        data = GitMirror(mirror_folder(home, repository.repo_id)).read_file(repository.head, symbol.path)
    except StreamsError:
        return []
    if data is None:
        return []
    lines = data.decode("utf-8", errors="replace").splitlines()
    first = max(1, symbol.line - CONTEXT_LINES)
    last = min(len(lines), symbol.end_line + CONTEXT_LINES, first + MAX_LINES)
    return [CodeLine(n, lines[n - 1], symbol.line <= n <= symbol.end_line) for n in range(first, last + 1)]
