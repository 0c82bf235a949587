"""Score conflicts against gold made by reading, where a reader marked the symbols whose code and datasheet disagree.

A mark counts as reported when a conflict is about the marked symbol, or about one in the same file that stands for a
register the mark names: a wrong address is reported once, where it is defined, not in every function that uses it.
A conflict of a symbol that was read and not marked is refuted; of all others gold says nothing, a person must judge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mapper.figures import Ratio, number_of, object_of, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictScore:
    """Conflicts against marks."""

    reported: Ratio
    """Marked symbols with a conflict, of all marked ones. Not all marks are of a kind that conflicts have."""
    refuted: int
    """Conflicts of symbols that were read and found to agree."""
    confirmed: int
    """Conflicts that a mark speaks of."""
    unjudged: int
    """Conflicts of symbols that nobody read."""


def score_conflicts(rows: Iterable[Mapping[str, object]], gold: Iterable[Mapping[str, object]]) -> ConflictScore:
    """Return the figures of conflict lines against gold lines. Raises FormatError."""
    conflicts = [row for row in rows if row.get("level") == "conflict"]
    read = [row for row in gold if row.get("level") == "symbol" and row.get("source") == "read"]
    marks = [row for row in read if row.get("conflict")]
    confirming = [[at for at, conflict in enumerate(conflicts) if _speaks_of(mark, conflict)] for mark in marks]
    confirmed = {at for found in confirming for at in found}
    agreed = {_symbol(row, row) for row in read if not row.get("conflict")}
    refuted = sum(at not in confirmed and _own_symbol(row) in agreed for at, row in enumerate(conflicts))
    return ConflictScore(
        reported=Ratio(hits=sum(bool(found) for found in confirming), total=len(marks)),
        refuted=refuted,
        confirmed=len(confirmed),
        unjudged=len(conflicts) - refuted - len(confirmed),
    )


def _speaks_of(mark: Mapping[str, object], conflict: Mapping[str, object]) -> bool:
    """Say whether a conflict is about a marked symbol, or about a register of its file that the mark names."""
    sheet, path, name = _symbol(mark, mark)
    other_sheet, other_path, other_name = _own_symbol(conflict)
    if sheet != other_sheet or PurePosixPath(path).stem != PurePosixPath(other_path).stem:
        return False
    if name == other_name:
        return True
    anchor = object_of(conflict, "anchor")
    page, register = number_of(anchor, "page", conflict), anchor.get("register")
    anchors = mark.get("anchors")
    named: Sequence[object] = anchors if isinstance(anchors, list) else ()
    return any(
        isinstance(a, Mapping) and a.get("page") == page and register is not None and a.get("register") == register
        for a in named
    )


def _own_symbol(conflict: Mapping[str, object]) -> tuple[str, str, str]:
    return _symbol(object_of(conflict, "symbol"), conflict, text_of(object_of(conflict, "datasheet"), "file", conflict))


def _symbol(holder: Mapping[str, object], row: Mapping[str, object], sheet: str | None = None) -> tuple[str, str, str]:
    return (
        sheet if sheet is not None else text_of(holder, "file", row),
        text_of(holder, "path", row),
        text_of(holder, "name", row),
    )
