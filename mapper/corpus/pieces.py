"""Cut a long file into pieces at its top-level symbols, the same way each time."""

from collections.abc import Iterable
from dataclasses import dataclass

from mapper.model import Symbol

MAX_PIECE_BYTES = 6_000  # some 2,000 tokens: what is read in a row comes from many files, not from one long table


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines start_line to end_line of a file, both 1-based and inclusive."""

    text: str
    start_line: int
    end_line: int


def cut(text: str, symbols: Iterable[Symbol], max_bytes: int = MAX_PIECE_BYTES) -> tuple[Piece, ...]:
    """Return a text's pieces in order, each at most max_bytes unless a single line is longer; joined they are the text.

    A piece ends at the last blank line between symbols that fits; if a symbol is longer than a piece, at the last blank
    line in it, else at the last line that fits.
    """
    lines = text.splitlines(keepends=True)
    if len(text.encode()) <= max_bytes:
        return (Piece(text, 1, max(len(lines), 1)),)
    inside = _lines_inside_symbols(symbols, len(lines))
    sizes = [len(line.encode()) for line in lines]
    pieces: list[Piece] = []
    start = 0
    while start < len(lines):
        end = _end_of_piece(lines, sizes, inside, start, max_bytes)
        pieces.append(Piece("".join(lines[start:end]), start + 1, end))
        start = end
    return tuple(pieces)


def _lines_inside_symbols(symbols: Iterable[Symbol], num_lines: int) -> list[bool]:
    """Return for each line (0-based) whether a symbol goes on from it to the next line."""
    inside = [False] * num_lines
    for symbol in symbols:
        for line in range(max(symbol.line - 1, 0), min(symbol.end_line - 1, num_lines)):
            inside[line] = True
    return inside


def _end_of_piece(lines: list[str], sizes: list[int], inside: list[bool], start: int, max_bytes: int) -> int:
    """Return the 0-based line after the piece that begins at start."""
    size, end = 0, start
    while end < len(lines) and (end == start or size + sizes[end] <= max_bytes):
        size += sizes[end]
        end += 1
    if end == len(lines):
        return end
    blank = [line for line in range(start, end) if not lines[line].strip() and line > start]
    between = [line for line in blank if not inside[line]]
    # A cut in the first quarter would make a crumb and leave the long symbol as long as before.
    worth = [line for line in between if 4 * sum(sizes[start:line]) >= size]
    chosen = worth or blank
    return chosen[-1] + 1 if chosen else end
