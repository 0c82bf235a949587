"""Sorted look-up arrays: which files hold a key, updated by what a change removes and adds.

Keys are 64-bit hashes, files are positions in the tree's sorted paths. Rows are ordered by key, then file, so that two
ways to one content give the same arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Files = npt.NDArray[np.int32]
Extra = npt.NDArray[np.int64]

GONE = -1
BULK_SHARE = 16
"""If more than one row in so many is new, all rows are sorted anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Rows (key, file, extra). extra: what a file says under a key; an empty array where it says nothing more."""

    keys: Keys
    files: Files
    extra: Extra

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.int64))

    def span(self, key: int) -> slice:
        """Return where the rows of a key stand."""
        wanted = np.uint64(key)
        first, last = np.searchsorted(self.keys, wanted, "left"), np.searchsorted(self.keys, wanted, "right")
        return slice(int(first), int(last))

    def holders(self, key: int) -> Files:
        """Return the files that hold a key, in order."""
        return self.files[self.span(key)]

    def all_holders(self, keys: Sequence[int]) -> list[Files]:
        """Return for each key the files that hold it, in order."""
        wanted = np.array(keys, dtype=np.uint64)
        first, last = np.searchsorted(self.keys, wanted, "left"), np.searchsorted(self.keys, wanted, "right")
        return [self.files[start:end] for start, end in zip(first.tolist(), last.tolist(), strict=True)]

    def updated(self, places: Files, added: Sequence[tuple[int, Keys, Extra | None]]) -> "Postings":
        """Return the rows with each file at its new place (GONE: left out), and those of added (file, keys, extra)."""
        moved = places[self.files]
        stays = moved != GONE
        has_all = bool(stays.all())
        keys = self.keys if has_all else self.keys[stays]
        files = moved if has_all else moved[stays]
        extra = self.extra if has_all or not len(self.extra) else self.extra[stays]
        if not added:
            return Postings(keys, files, extra)
        new_keys = np.concatenate([held for _, held, _ in added])
        new_files = np.concatenate([np.full(len(held), file, np.int32) for file, held, _ in added])
        extras = [said for _, _, said in added if said is not None]
        new_extra = np.concatenate(extras) if extras else np.empty(0, np.int64)
        order = np.lexsort((new_extra, new_files, new_keys) if len(new_extra) else (new_files, new_keys))
        new = Postings(new_keys[order], new_files[order], new_extra[order] if len(new_extra) else new_extra)
        return _merged(Postings(keys, files, extra), new)


def _merged(old: Postings, new: Postings) -> Postings:
    """Return the rows of both, in order. Both are in order themselves."""
    if not len(old.keys):
        return new
    if len(new.keys) * BULK_SHARE > len(old.keys):
        keys, files = np.concatenate([old.keys, new.keys]), np.concatenate([old.files, new.files])
        follows = len(new.files) == 0 or int(old.files.max()) < int(new.files.min())
        order = np.argsort(keys, kind="stable") if follows else np.lexsort((files, keys))
        extra = np.concatenate([old.extra, new.extra])
        return Postings(keys[order], files[order], extra[order] if len(extra) else extra)
    at = np.searchsorted(old.keys, new.keys, "left")
    after = np.searchsorted(old.keys, new.keys, "right")
    for row in np.flatnonzero(at < after):
        at[row] += np.searchsorted(old.files[at[row] : after[row]], new.files[row])
    return Postings(
        np.insert(old.keys, at, new.keys),
        np.insert(old.files, at, new.files),
        np.insert(old.extra, at, new.extra) if len(old.extra) or len(new.extra) else old.extra,
    )
