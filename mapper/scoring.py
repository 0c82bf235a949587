"""Score links against gold labels: files per datasheet, symbols per kind, every figure with its denominator.

Gold is of two sorts. Labels made mechanically are right but not complete: precision counts only links to symbols that
gold speaks about, links to others are counted apart. Labels made by reading are set-valued and know NIL: a link is
right when it points to any of the pages a reader accepted, and any link of a NIL symbol is wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from mapper.conflict_scores import ConflictScore, score_conflicts
from mapper.figures import Ratio, f1, number_of, object_of, pages_of, text_of
from mapper.page_scores import PageScore, score_pages
from mapper.reliability import Reliability, read_outcomes, reliability

__all__ = ["FileScore", "Ratio", "ScoreReport", "SymbolScore", "f1", "report_object", "score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileScore:
    """One datasheet's files. Datasheets that gold says have no file count as absent: right if nothing was accepted."""

    file: str
    absent: bool
    hit_at_1: bool
    hit_at_3: bool
    num_accepted: int
    num_right: int
    num_gold: int
    num_found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolScore:
    """One kind's symbols."""

    kind: str
    precision: Ratio
    """Top links on a right page, of all links' symbols that gold speaks about (NIL symbols count as wrong)."""
    recall: Ratio
    """Symbols with a right top link, of those that have a counterpart."""
    any_recall: Ratio
    """Symbols with a right link at any rank, of those that have a counterpart."""
    nil: Ratio
    """NIL symbols without a link, of all NIL symbols."""

    @property
    def f1(self) -> float | None:
        return f1(self.precision.value, self.recall.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport:
    """All figures of one comparison."""

    files: tuple[FileScore, ...]
    hit_at_1: Ratio
    hit_at_3: Ratio
    absent: Ratio
    """Datasheets without a file that got none."""
    set_precision: Ratio
    set_recall: Ratio
    labelled: tuple[SymbolScore, ...]
    """Against mechanically made labels, by kind; "all" last."""
    read: tuple[SymbolScore, ...]
    """Against labels made by reading, by kind; "all" last."""
    num_unlabelled: int
    """Links of symbols that gold says nothing about."""
    pages: PageScore
    """Page -> file, given the files accepted for the datasheet."""
    conflicts: ConflictScore
    reliability: Reliability
    """Scores against rightness, over the symbols labelled by reading."""

    @property
    def set_f1(self) -> float | None:
        return f1(self.set_precision.value, self.set_recall.value)


@dataclass(slots=True)
class _Linked:
    """The links of one symbol."""

    line: int
    scope: str | None
    pages: list[tuple[int, int]] = field(default_factory=list)  # (rank, page)


_SymbolKey = tuple[str, str, str]  # datasheet file, path, name


def score(links: Iterable[Mapping[str, object]], gold: Iterable[Mapping[str, object]]) -> ScoreReport:
    """Return the figures of links (lines of the exchange format) against gold lines. Raises FormatError.

    >>> from mapper import score
    >>> gold = [{"level": "file", "file": "ab1234.pdf", "path": "src/ab1234.h", "role": "primary"}]
    >>> found = {"level": "file", "datasheet": {"file": "ab1234.pdf"}, "path": "src/ab1234.h", "rank": 1}
    >>> report = score([found], gold)
    >>> report.hit_at_1
    Ratio(hits=1, total=1)
    """
    links, gold = list(links), list(gold)
    ranked, linked = _read_links(links)
    file_gold, symbol_gold, read_gold = _read_gold(gold)
    files = tuple(_score_file(sheet, file_gold[sheet], ranked.get(sheet, [])) for sheet in sorted(file_gold))
    present = [f for f in files if not f.absent]
    absent = [f for f in files if f.absent]
    known = {key[:3] for key in symbol_gold} | {_read_key(row) for row in read_gold}
    return ScoreReport(
        files=files,
        hit_at_1=Ratio(hits=sum(f.hit_at_1 for f in present), total=len(present)),
        hit_at_3=Ratio(hits=sum(f.hit_at_3 for f in present), total=len(present)),
        absent=Ratio(hits=sum(f.num_accepted == 0 for f in absent), total=len(absent)),
        set_precision=Ratio(hits=sum(f.num_right for f in files), total=sum(f.num_accepted for f in files)),
        set_recall=Ratio(hits=sum(f.num_found for f in present), total=sum(f.num_gold for f in present)),
        labelled=_score_labelled(symbol_gold, linked),
        read=_score_read(read_gold, linked),
        num_unlabelled=sum(len(found.pages) for key, group in linked.items() if key not in known for found in group),
        pages=score_pages(links, gold),
        conflicts=score_conflicts(links, gold),
        reliability=reliability(read_outcomes(links, gold)),
    )


def _read_links(
    links: Iterable[Mapping[str, object]],
) -> tuple[dict[str, list[tuple[int, str, bool]]], dict[_SymbolKey, list[_Linked]]]:
    """Return per datasheet its ranked files (rank, path, accepted), and per symbol its links."""
    ranked: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
    linked: dict[_SymbolKey, dict[int, _Linked]] = defaultdict(dict)
    for row in links:
        if row.get("level") == "conflict":
            continue
        sheet = text_of(object_of(row, "datasheet"), "file", row)
        if row.get("level") == "file":
            if row.get("anchor") is None:
                ranked[sheet].append(
                    (number_of(row, "rank", row), text_of(row, "path", row), bool(row.get("accepted", True)))
                )
            continue
        symbol, anchor = object_of(row, "symbol"), object_of(row, "anchor")
        line = number_of(symbol, "line", row)
        found = linked[sheet, text_of(symbol, "path", row), text_of(symbol, "name", row)].setdefault(
            line, _Linked(line, scope if isinstance(scope := symbol.get("scope"), str) else None)
        )
        found.pages.append(
            (number_of(row, "rank", row) if "rank" in row else len(found.pages) + 1, number_of(anchor, "page", row))
        )
    return ranked, {key: [group[line] for line in sorted(group)] for key, group in linked.items()}


_LabelKey = tuple[str, str, str, str]  # and the kind


def _read_gold(
    gold: Iterable[Mapping[str, object]],
) -> tuple[dict[str, list[tuple[str | None, str]]], dict[_LabelKey, set[int]], list[Mapping[str, object]]]:
    """Return file labels by datasheet, right pages of mechanically labelled symbols, and lines made by reading."""
    files: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
    symbols: dict[_LabelKey, set[int]] = defaultdict(set)
    read: list[Mapping[str, object]] = []
    for row in gold:
        sheet = text_of(row, "file", row)
        if row.get("level") == "file":
            path = row.get("path")
            files[sheet].append((path if isinstance(path, str) else None, str(row.get("role") or "primary")))
        elif row.get("source") == "read":
            read.append(row)
        elif isinstance(page := row.get("page"), int):
            symbols[sheet, text_of(row, "path", row), text_of(row, "name", row), text_of(row, "kind", row)].add(page)
    return files, symbols, read


def _score_file(
    sheet: str, labels: Sequence[tuple[str | None, str]], ranked: Sequence[tuple[int, str, bool]]
) -> FileScore:
    gold = {path for path, _ in labels if path is not None}
    primary = {path for path, role in labels if path is not None and role == "primary"}
    ordered = [path for _, path, _ in sorted(ranked)]
    accepted = {path for _, path, is_accepted in ranked if is_accepted}
    return FileScore(
        file=sheet,
        absent=not gold,
        hit_at_1=bool(gold & set(ordered[:1])),
        hit_at_3=bool(gold & set(ordered[:3])),
        num_accepted=len(accepted),
        num_right=len(accepted & gold),
        num_gold=len(primary),
        num_found=len(accepted & primary),
    )


def _score_labelled(
    gold: Mapping[_LabelKey, set[int]], linked: Mapping[_SymbolKey, Sequence[_Linked]]
) -> tuple[SymbolScore, ...]:
    rows: list[tuple[str, bool, bool, bool, bool]] = []
    for (sheet, path, name, kind), pages in sorted(gold.items()):
        found = next(iter(linked.get((sheet, path, name), ())), None)
        rows.append((kind, False, *_judge(found, pages)))
    return _by_kind(rows)


def _score_read(
    gold: Iterable[Mapping[str, object]], linked: Mapping[_SymbolKey, Sequence[_Linked]]
) -> tuple[SymbolScore, ...]:
    rows: list[tuple[str, bool, bool, bool, bool]] = []
    for row in gold:
        found = _meant(row, linked.get(_read_key(row), ()))
        rows.append((text_of(row, "kind", row), bool(row.get("nil")), *_judge(found, pages_of(row))))
    return _by_kind(rows)


def _meant(row: Mapping[str, object], group: Sequence[_Linked]) -> _Linked | None:
    """Return the symbol that a gold line means among those of one name in its file: by scope, else the nearest line."""
    scope, line = row.get("scope"), row.get("line")
    same = [found for found in group if scope is not None and found.scope == scope]
    if same or not isinstance(line, int):
        return next(iter(same or group), None)
    return min(group, key=lambda found: abs(found.line - line), default=None)


def _judge(found: _Linked | None, pages: set[int]) -> tuple[bool, bool, bool]:
    """Say whether a symbol has links, whether its top link is right, whether any is."""
    if found is None:
        return False, False, False
    ordered = [page for _, page in sorted(found.pages, key=lambda item: item[0])]
    return True, ordered[0] in pages, bool(pages & set(ordered))


def _by_kind(rows: Sequence[tuple[str, bool, bool, bool, bool]]) -> tuple[SymbolScore, ...]:
    """Return the scores of (kind, nil, has a link, top right, any right) rows, by kind, "all" last."""
    kinds = sorted({kind for kind, *_ in rows})
    return tuple(
        _kind_score(kind, [row for row in rows if kind in {row[0], "all"}]) for kind in [*kinds, "all"] if rows
    )


def _kind_score(kind: str, rows: Sequence[tuple[str, bool, bool, bool, bool]]) -> SymbolScore:
    real = [row for row in rows if not row[1]]
    nil = [row for row in rows if row[1]]
    top = sum(row[3] for row in real)
    return SymbolScore(
        kind=kind,
        precision=Ratio(hits=top, total=sum(row[2] for row in rows)),
        recall=Ratio(hits=top, total=len(real)),
        any_recall=Ratio(hits=sum(row[4] for row in real), total=len(real)),
        nil=Ratio(hits=sum(not row[2] for row in nil), total=len(nil)),
    )


def _read_key(row: Mapping[str, object]) -> _SymbolKey:
    return (text_of(row, "file", row), text_of(row, "path", row), text_of(row, "name", row))


def report_object(report: ScoreReport) -> dict[str, object]:
    """Return a report as built-in types for JSON: each share with hits, total and value."""
    return {
        "files": {
            "hit_at_1": _ratio_object(report.hit_at_1),
            "hit_at_3": _ratio_object(report.hit_at_3),
            "absent": _ratio_object(report.absent),
            "set_precision": _ratio_object(report.set_precision),
            "set_recall": _ratio_object(report.set_recall),
            "set_f1": report.set_f1,
            "datasheets": [asdict(entry) for entry in report.files],
        },
        "symbols": {
            "labelled": [_symbol_object(entry) for entry in report.labelled],
            "read": [_symbol_object(entry) for entry in report.read],
            "num_unlabelled": report.num_unlabelled,
        },
        "pages": {"hit_at_1": _ratio_object(report.pages.hit_at_1), "hit_at_3": _ratio_object(report.pages.hit_at_3)},
        "conflicts": {
            "reported": _ratio_object(report.conflicts.reported),
            "confirmed": report.conflicts.confirmed,
            "refuted": report.conflicts.refuted,
            "unjudged": report.conflicts.unjudged,
        },
        "reliability": {
            "calibration_error": report.reliability.calibration_error,
            "bins": [
                {"low": b.low, "high": b.high, "predicted": b.predicted, "observed": _ratio_object(b.observed)}
                for b in report.reliability.bins
            ],
        },
    }


def _symbol_object(entry: SymbolScore) -> dict[str, object]:
    return {
        "kind": entry.kind,
        "precision": _ratio_object(entry.precision),
        "recall": _ratio_object(entry.recall),
        "f1": entry.f1,
        "any_recall": _ratio_object(entry.any_recall),
        "nil": _ratio_object(entry.nil),
    }


def _ratio_object(ratio: Ratio) -> dict[str, object]:
    return {"hits": ratio.hits, "total": ratio.total, "value": ratio.value}
