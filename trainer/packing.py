"""Rows of equal length from documents of any length, joined by the separator: no padding, nothing dropped."""

from collections.abc import Iterable, Sequence


class Packer:
    """A queue of tokens: documents go in whole, rows of seq_len come out; what does not fill a row is carried over."""

    def __init__(self, *, seq_len: int, separator: int, carry: Sequence[int] = ()) -> None:
        self.seq_len = seq_len
        self._separator = separator
        self._tokens = list(carry)
        self._start = 0

    @property
    def num_rows(self) -> int:
        """Whole rows that can be taken now."""
        return (len(self._tokens) - self._start) // self.seq_len

    @property
    def carry(self) -> list[int]:
        """The tokens not yet taken, oldest first."""
        return self._tokens[self._start :]

    def add(self, document: Iterable[int]) -> None:
        """Append a document and the separator that ends it."""
        self._tokens.extend(document)
        self._tokens.append(self._separator)

    def take(self, num_rows: int) -> list[list[int]]:
        """Return the next rows; at least that many must be there."""
        assert num_rows <= self.num_rows
        starts = range(self._start, self._start + num_rows * self.seq_len, self.seq_len)
        rows = [self._tokens[start : start + self.seq_len] for start in starts]
        self._start += num_rows * self.seq_len
        if self._start > len(self._tokens) // 2:  # forget what was taken, seldom enough to cost nothing
            del self._tokens[: self._start]
            self._start = 0
        return rows
