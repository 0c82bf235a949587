"""Fit the curve from raw scores to probabilities, and show how reliable it is: python -m bench.calibration [SET...]

The symbols labelled by reading decide what is right, best proposals below the accept threshold included. The curve is
fitted on the sets that the rules were tuned on and shown on the others, so that its error is not that of its own data;
--all fits on all sets, for the knots in mapper/linking/confidence.py.
"""

import argparse
import os
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.mapper.gold import GoldRow
from bench.mapper.report import share
from bench.mapper.sets import Case, Places, group_of, load_case, set_names
from bench.mapper.trees import ROOT, Parser
from mapper.figures import pages_of
from mapper.linking.alignment.matches import Ground, Match, symbol_key
from mapper.linking.alignment.symbols import link_symbols
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.confidence import KNOTS, probability
from mapper.linking.index.tree import TreeIndex
from mapper.linking.relevance.files import rank_files, sheet_parts
from mapper.reliability import Outcome, Reliability, fit_curve, reliability


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the fitted knots, and the reliability of the fitted and of the present curve on the sets left out."""
    parser = argparse.ArgumentParser(prog="python -m bench.calibration", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", help="gold sets; default: all whose tree is at hand")
    parser.add_argument("--all", action="store_true", help="fit on all sets and show the curve on the same ones")
    parser.add_argument("--trees", type=Path, action="append", help="folder with one source tree a gold set")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps datasheets and trees as read")
    options = parser.parse_args(arguments)
    places = Places(tuple(options.trees or [ROOT.parent / "trees"]), options.data, options.cache)
    names = options.sets or [name for name in set_names(places) if group_of(name) != "joined"]
    if not names:
        sys.stderr.write(f"no gold set of {places.data} has a tree at hand: nothing to fit on\n")
        return 1
    tree_parser = Parser(options.cache)
    outcomes = {name: raw_outcomes(load_case(name, places), tree_parser) for name in names}
    fitted_on = {name for name in names if options.all or group_of(name) == "tuned on"}
    knots = fit_curve(outcome for name in names if name in fitted_on for outcome in outcomes[name])
    shown = [o for name in names if options.all or name not in fitted_on for o in outcomes[name]]
    sys.stdout.write(f"fitted on {', '.join(name for name in names if name in fitted_on)}\n")
    sys.stdout.write("KNOTS = (" + ", ".join(f"({raw}, {right})" for raw, right in knots) + ")\n")
    for title, curve in (("fitted", knots), ("in force", tuple(KNOTS))):
        diagram = reliability((through(curve, raw), right) for raw, right in shown)
        sys.stdout.write("\n".join(diagram_rows(title, diagram)) + "\n")
    return 0


def raw_outcomes(case: Case, parser: Parser) -> list[Outcome]:
    """Return raw score and rightness of the best proposal of each symbol labelled by reading that has one."""
    by_sheet: dict[str, list[GoldRow]] = defaultdict(list)
    for row in case.gold:
        if row.get("source") == "read":
            by_sheet[str(row["file"])].append(row)
    tree = TreeIndex.of(parser.parse(case.tree)) if by_sheet else None
    outcomes: list[Outcome] = []
    for sheet in case.sheets:
        if tree is None or sheet.file not in by_sheet:
            continue
        index = SheetIndex(sheet)
        paths = sorted(r.path for r in rank_files(tree, index) if r.accepted)
        ground, _ = link_symbols(tree, index, paths, sheet_parts(sheet), repo_family=case.tree.name)
        outcomes += _outcomes(ground, by_sheet[sheet.file])
    return outcomes


def _outcomes(ground: Ground, rows: Iterable[GoldRow]) -> Iterable[Outcome]:
    symbols = {(file.path, symbol.name): symbol for file in ground.files for symbol in file.symbols}
    exact = {(file.path, s.name, s.line): s for file in ground.files for s in file.symbols}
    for row in rows:
        line = row["line"] if isinstance(row["line"], int) else 0
        named = (str(row["path"]), str(row["name"]))
        symbol = exact.get((*named, line)) or symbols.get(named)
        found: Sequence[Match] = ground.found.get(symbol_key(symbol), []) if symbol is not None else []
        if found:
            yield found[0].raw, found[0].anchor.page in pages_of(row)


def through(curve: Sequence[tuple[float, float]], raw: float) -> float:
    """Return what a curve gives for a raw score; the curve in force through the function that links use."""
    if tuple(curve) == tuple(KNOTS):
        return probability(raw)
    raw = min(max(raw, 0.0), 1.0)
    right = min(max(bisect_right([knot for knot, _ in curve], raw), 1), len(curve) - 1)
    (x0, y0), (x1, y1) = curve[right - 1], curve[right]
    return y0 + (y1 - y0) * (raw - x0) / (x1 - x0) if x1 > x0 else y1


def diagram_rows(title: str, diagram: Reliability) -> list[str]:
    """Return the lines of a reliability diagram: predicted and observed share of each bin."""
    error = "-" if diagram.calibration_error is None else f"{diagram.calibration_error:.3f}"
    rows = [f"{title}: {diagram.num_outcomes} symbols, expected calibration error {error}"]
    for entry in diagram.bins:
        if entry.predicted is not None:
            span = f"{entry.low:.1f} to {entry.high:.1f}"
            rows.append(f"  {span}  predicted {entry.predicted:.3f}  observed {share(entry.observed)}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
