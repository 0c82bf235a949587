"""The figures as text, totals first, and as one JSON object. Every share stands with its denominator."""

import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

from bench.mapper.measure import BY_ROLE, OURS, PART_NUMBER, QUERIES, Measured
from bench.mapper.sets import in_groups
from bench.mapper.trees import ROOT
from mapper.baselines import LEXICAL
from mapper.reliability import merged
from mapper.scoring import Ratio, ScoreReport, SymbolScore, f1, report_object

LIBRARIES = ("numpy", "scipy", "scikit-learn", "bm25s", "tree-sitter", "pypdfium2")
FILE_HEAD = (
    f"  {'method':12} {'hit@1':>14} {'by role':>14} {'hit@3':>14} {'set P':>14} {'set R':>14} {'F1':>6} {'exact':>14} "
    f"{'absent refused':>14}"
)
SYMBOL_HEAD = f"  {'labels':8} {'kind':14} {'P':>14} {'R':>14} {'F1':>6} {'any link R':>14} {'NIL alone':>14}"
SET_HEAD = (
    f"  {'set':18} {'names':6} {'files':>6} {'hit@1':>11} {'hit@3':>11} {'set F1':>6} {'absent':>11} {'read P':>13} "
    f"{'read R':>13} {'labelled R':>15} {'seconds':>7}   best ranking, part number: hit@1"
)
NOTES = (
    "by role: hit@1 with tests, examples and documents left out. absent refused: datasheets without",
    "a file that got none. Rankings have no threshold: each was told the size of its answer set, so it can't refuse.",
    "They read the first 65,536 characters of a file. seconds: linking alone. read: labels made by reading, with NIL;",
    "labelled: made mechanically, so their precision is only over symbols that they speak about.",
)


def report_lines(measured: Sequence[Measured], *, details: bool = False) -> Iterator[str]:
    """Yield the totals of each group of sets, names plain and hidden, then a line a set, or all its figures."""
    names = list(dict.fromkeys(m.name for m in measured))
    for title, belongs in in_groups(names):
        for hidden in (False, True):
            chosen = [m for m in measured if m.hidden == hidden and belongs(m.name)]
            if chosen:
                sets = list(dict.fromkeys(m.name for m in chosen))
                yield f"== {title}, names {_mode(hidden)}: {', '.join(sets)}"
                yield from _tables(chosen)
                yield ""
    yield "== set by set"
    yield SET_HEAD
    for name in names:
        for hidden in (False, True):
            chosen = [m for m in measured if m.hidden == hidden and m.name == name]
            if chosen:
                yield _set_line(chosen)
                if details:
                    yield from _tables(chosen)
    yield ""
    yield from NOTES


def _set_line(measured: Sequence[Measured]) -> str:
    """Return the figures of one set on one line: ours, and hit@1 of the best ranking and of the part number."""
    first = measured[0]
    rankings = [m for m in measured if m.method != OURS and not m.method.startswith(PART_NUMBER)]
    best = max(rankings, key=lambda m: m.report.hit_at_1.hits, default=None)
    others = ["-" if best is None else f"{best.method} {best.report.hit_at_1.hits}"]
    others += [str(m.report.hit_at_1.hits) for m in measured if m.method == f"{PART_NUMBER}{BY_ROLE}"]
    report = first.report if first.method == OURS else None
    labelled = _kinds([report], "labelled").get("all", []) if report else []
    read = _kinds([report], "read").get("all", []) if report else []
    cells = [
        f"{share(report.hit_at_1) if report else '-':>11}",
        f"{share(report.hit_at_3) if report else '-':>11}",
        f"{_value(report.set_f1 if report else None):>6}",
        f"{share(report.absent) if report else '-':>11}",
        f"{share(add(e.precision for e in read)):>13}",
        f"{share(add(e.recall for e in read)):>13}",
        f"{share(add(e.recall for e in labelled)):>15}",
        f"{first.seconds:7.1f}",
    ]
    return f"  {first.name:18} {_mode(first.hidden):6} {first.num_files:6} {' '.join(cells)}   {', '.join(others)}"


def report_json(measured: Iterable[Measured]) -> dict[str, object]:
    """Return all figures with what they were measured on."""
    figures: dict[str, dict[str, object]] = defaultdict(dict)
    for m in measured:
        figures[f"{m.name}, names {_mode(m.hidden)}"][m.method] = {
            **report_object(m.report),
            "seconds": round(m.seconds, 3),
            "num_files": m.num_files,
        }
    return {"environment": environment(), "sets": dict(figures)}


def environment() -> dict[str, object]:
    """Return commit, machine and versions."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    dirty = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip() or None,
        "uncommitted_changes": bool(dirty.stdout.strip()),
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _tables(measured: Sequence[Measured]) -> Iterator[str]:
    """Yield the lines about files for every method, and about symbols for ours by kind and for each ranking."""
    reports: dict[str, list[ScoreReport]] = defaultdict(list)
    for m in measured:
        reports[m.method].append(m.report)
    yield FILE_HEAD
    for method, group in reports.items():
        if not method.endswith(BY_ROLE):
            yield _file_line(method, group, reports.get(f"{method}{BY_ROLE}", []))
    yield SYMBOL_HEAD
    for source in ("labelled", "read"):
        for kind, entries in _kinds(reports.get(OURS, []), source).items():
            yield _symbol_line(source, kind, entries)
        for method in LEXICAL:  # pages are chosen by the symbol's name, whatever finds the file
            found = _kinds(reports.get(f"{method} {QUERIES[0]}", []), source).get("all")
            if found:
                yield _symbol_line(source, f"all, {method}", found)
    yield from _other_lines(reports.get(OURS, []))


def _other_lines(reports: Sequence[ScoreReport]) -> Iterator[str]:
    """Yield the lines about pages, conflicts and reliability, ours only."""
    if not reports:
        return
    first, three = add(r.pages.hit_at_1 for r in reports), add(r.pages.hit_at_3 for r in reports)
    yield f"  page -> file, given the datasheet's files: hit@1 {share(first)}, hit@3 {share(three)}"
    conflicts = [r.conflicts for r in reports]
    yield (
        f"  conflicts: readers' marks reported {share(add(c.reported for c in conflicts))}, "
        f"refuted by a reader {sum(c.refuted for c in conflicts)}, not judged {sum(c.unjudged for c in conflicts)}"
    )
    diagram = merged(r.reliability for r in reports)
    told = [(b.predicted, b.observed) for b in diagram.bins if b.predicted is not None]
    bins = ", ".join(f"{predicted:.2f} -> {share(observed)}" for predicted, observed in told)
    yield f"  calibration error {_value(diagram.calibration_error)}; predicted -> observed: {bins or '-'}"


def _kinds(reports: Sequence[ScoreReport], source: str) -> dict[str, list[SymbolScore]]:
    kinds: dict[str, list[SymbolScore]] = defaultdict(list)
    for report in reports:
        for entry in report.labelled if source == "labelled" else report.read:
            kinds[entry.kind].append(entry)
    return dict(sorted(kinds.items(), key=lambda item: (item[0] == "all", item[0])))


def _file_line(method: str, reports: Sequence[ScoreReport], by_role: Sequence[ScoreReport]) -> str:
    precision, recall = add(r.set_precision for r in reports), add(r.set_recall for r in reports)
    present = [f for r in reports for f in r.files if not f.absent]
    exact = Ratio(
        hits=sum(f.num_accepted == f.num_right and f.num_found == f.num_gold for f in present), total=len(present)
    )
    absent = share(add(r.absent for r in reports)) if method == OURS else "-"
    return (
        f"  {method:12} {share(add(r.hit_at_1 for r in reports)):>14} {share(add(r.hit_at_1 for r in by_role)):>14} "
        f"{share(add(r.hit_at_3 for r in reports)):>14} {share(precision):>14} {share(recall):>14} "
        f"{_value(f1(precision.value, recall.value)):>6} {share(exact):>14} {absent:>14}"
    )


def _symbol_line(source: str, kind: str, entries: Sequence[SymbolScore]) -> str:
    precision, recall = add(e.precision for e in entries), add(e.recall for e in entries)
    return (
        f"  {source:8} {kind:14} {share(precision):>14} {share(recall):>14} "
        f"{_value(f1(precision.value, recall.value)):>6} {share(add(e.any_recall for e in entries)):>14} "
        f"{share(add(e.nil for e in entries)):>14}"
    )


def add(ratios: Iterable[Ratio]) -> Ratio:
    """Return the sum of shares: hits over denominators."""
    kept = list(ratios)
    return Ratio(hits=sum(r.hits for r in kept), total=sum(r.total for r in kept))


def share(ratio: Ratio) -> str:
    """Return a share with its denominator."""
    return "-" if ratio.value is None else f"{ratio.value:.3f} {ratio.hits}/{ratio.total}"


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _mode(hidden: bool) -> str:
    return "hidden" if hidden else "plain"
