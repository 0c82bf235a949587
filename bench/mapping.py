"""How good the mapper is: python -m bench.mapping [SET...] [--trees DIR]... [--data DIR] [--cache DIR] [--json FILE]

For every gold set whose source tree is at hand, and for the generated vendor: files and symbols against labels, with
names plain and hidden, beside what plain text retrieval answers. Trees are folders named as the gold sets. Datasheets
as read and trees as parsed are kept in --cache by content and version of the reader's and the parser's code.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.generated import write_generated
from bench.mapper.gold import all_parts
from bench.mapper.kernel import NoKernelError, kernel_folder, measure_kernel
from bench.mapper.measure import Measured, hide, measure_case
from bench.mapper.report import report_json, report_lines
from bench.mapper.sets import KERNEL, Case, Places, load_case, set_names
from bench.mapper.tokens import TOKENIZER, TokenCost, TokenCounts, token_cost, token_lines
from bench.mapper.trees import ROOT, Parser, read_folder
from deploy.local.config import load_settings
from mapper.datasheet import read_datasheet


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named sets, all if none is named, and print the tables; with --json write all figures too."""
    parser = argparse.ArgumentParser(prog="python -m bench.mapping", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", help="gold sets; default: all whose tree is at hand")
    parser.add_argument(
        "--trees", type=Path, action="append", help="folder with one source tree a gold set; repeatable"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument(
        "--cache", type=Path, default=None, help="folder that keeps datasheets as read, trees as parsed"
    )
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    parser.add_argument("--plain", action="store_true", help="names as they are only")
    parser.add_argument("--ours", action="store_true", help="the mapper only, no baselines")
    parser.add_argument("--details", action="store_true", help="all figures of each set, not one line")
    parser.add_argument(
        "--linux", type=Path, nargs="?", const=None, default=False, help="the kernel's tree too: its folder or tar"
    )
    options = parser.parse_args(arguments)
    places = Places(tuple(options.trees or [ROOT.parent / "trees"]), options.data, options.cache)
    names = options.sets or set_names(places)
    if not names:
        sys.stderr.write(f"no gold set in {places.data} has a tree at hand: the generated vendor alone\n")
    measured: list[Measured] = []
    modes = (False,) if options.plain else (False, True)
    tree_parser, counts = Parser(options.cache), _token_counts(places)
    costs: list[TokenCost] = []
    for case in _cases(names, places, generated=not options.sets):
        if counts is not None:
            costs.append(token_cost(case, counts))
        measured += _measure(case, places, tree_parser, modes, baselines=not options.ours)
    if options.linux is not False:
        measured += _kernel(options.linux, places, modes)
    lines = [*report_lines(measured, details=options.details), "", *token_lines(costs)]
    sys.stdout.write("\n".join(lines) + "\n")
    if options.json is not None:
        figures = {**report_json(measured), "tokens": {cost.name: asdict(cost) for cost in costs}}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _token_counts(places: Places) -> TokenCounts | None:
    """Return what counts tokens, None without the tokenizer, which is said."""
    try:
        return TokenCounts(load_settings().cache / TOKENIZER, places.cache / "tokens.json" if places.cache else None)
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}; no tokens are counted\n")
        return None


def _kernel(given: Path | None, places: Places, modes: Sequence[bool]) -> Iterator[Measured]:
    """Yield the figures on the kernel's tree; without one, say how to get it."""
    try:
        folder = kernel_folder(given, places)
    except NoKernelError as error:
        sys.stderr.write(f"{error}\n")
        return
    for hidden in modes:
        run = measure_kernel(folder, places, hidden=hidden)
        said = f"{run.seconds:.0f} s, peak {run.peak_mib:.0f} MiB"
        sys.stderr.write(f"{KERNEL}, names {'hidden' if hidden else 'plain'}: {said}\n")
        yield from run.measured


def _cases(names: Sequence[str], places: Places, *, generated: bool) -> Iterator[Case]:
    """Yield the sets one after another, so that one tree at a time is in memory, then the generated vendor's trees."""
    for name in names:
        yield load_case(name, places)
    if generated:
        yield from _generated()


def _generated() -> Iterator[Case]:
    """Yield each repository of the generated vendor, whose labels are complete."""
    with tempfile.TemporaryDirectory() as scratch:
        vendor, trees = write_generated(Path(scratch))
        pdfs = [sheet.revisions[-1] for sheet in vendor.sheets]
        sheets = tuple(read_datasheet(pdf.read_bytes(), file=pdf.name) for pdf in pdfs)
        for name, tree in trees.items():
            yield Case(read_folder(tree, f"generated {name}"), sheets, tuple(vendor.truth.gold_lines(name)))


def _measure(
    case: Case, places: Places, parser: Parser, modes: Sequence[bool], *, baselines: bool
) -> Iterator[Measured]:
    if not case.sheets:
        sys.stderr.write(f"{case.tree.name}: none of its datasheets is at hand\n")
        return
    parts = all_parts(places.data)
    for hidden in modes:
        started = time.perf_counter()
        yield from measure_case(hide(case, parts) if hidden else case, parser, hidden=hidden, baselines=baselines)
        spent = time.perf_counter() - started
        sys.stderr.write(f"{case.tree.name}, names {'hidden' if hidden else 'plain'}: {spent:.1f} s\n")


if __name__ == "__main__":
    sys.exit(main())
