"""How good the mapper is: python -m bench.mapping [SET...] [--trees DIR]... [--data DIR] [--cache DIR] [--json FILE]

For every gold set whose source tree is at hand, and for the generated vendor: files and symbols against labels, with
names plain and hidden, beside what plain text retrieval answers; prompts and tokens of four ways to ask a language
model; the kernel's tree through the command itself, with its time and memory (--linux, or the set linux-6.1); cost per
commit of a mirror (--commits). Last, the targets beside what was measured. Trees are folders named as the gold sets.
Datasheets as read and trees as parsed are kept in --cache by content and version of the reader's and parser's code.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.generated import write_generated
from bench.mapper.commits import CommitCosts, commit_lines, commits_json, measure_commits
from bench.mapper.gold import all_parts, gold_rows, read_sheets
from bench.mapper.kernel import NoKernelError, kernel_folder, measure_kernel, run_ours
from bench.mapper.kernel_run import TreeRun, run_lines, runs_json
from bench.mapper.markdown import markdown_lines
from bench.mapper.measure import Measured, hide, measure_case
from bench.mapper.misses import miss_lines
from bench.mapper.report import report_json, report_lines
from bench.mapper.sets import GENERATED, KERNEL, Case, Places, load_case, set_names
from bench.mapper.targets import Target, target_lines, targets, targets_json
from bench.mapper.tokens import TokenCost, TokenCounts, costs_json, token_cost, token_lines
from bench.mapper.trees import ROOT, Parser, read_folder
from deploy.local.config import load_settings
from mapper.datasheet import read_datasheet
from streams.errors import LlmError
from streams.llm.tokens import TOKENIZER, counter


@dataclass(slots=True)
class Found:
    """All that was measured."""

    measured: list[Measured] = field(default_factory=list)
    costs: list[TokenCost] = field(default_factory=list)
    runs: list[TreeRun] = field(default_factory=list)
    commits: CommitCosts | None = None

    def targets(self) -> list[Target]:
        return targets(self.measured, self.costs, self.runs, self.commits)

    def lines(self, *, details: bool) -> list[str]:
        """Return all tables, the targets last."""
        parts = (
            report_lines(self.measured, details=details) if self.measured else (),
            token_lines(self.costs),
            run_lines(self.runs),
            commit_lines(self.commits),
            miss_lines([miss for each in self.measured if not each.hidden for miss in each.misses]),
            target_lines(self.targets()),
        )
        tables = [table for part in parts if (table := list(part))]
        return [line for table in tables for line in (*table, "")][:-1]

    def figures(self) -> dict[str, object]:
        """Return all figures for the JSON."""
        return {
            **report_json(self.measured),
            "tokens": costs_json(self.costs),
            "kernel": runs_json(self.runs),
            "commits": commits_json(self.commits),
            "targets": targets_json(self.targets()),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named sets, all if none is named, and print the tables; with --json write all figures too."""
    options = _options(arguments)
    places = Places(tuple(options.trees or [ROOT.parent / "trees"]), options.data, options.cache)
    names = [name for name in options.sets if name != KERNEL] if options.sets else set_names(places)
    if not options.sets and not names:
        sys.stderr.write(f"no gold set in {places.data} has a tree at hand: the generated vendor alone\n")
    found = Found()
    modes = (False,) if options.plain else (False, True)
    tree_parser = Parser(options.cache)
    counts = None if options.no_tokens else _token_counts(places)
    for case in _cases(names, places, generated=not options.sets):
        _measure(found, case, places, tree_parser, modes, counts, baselines=not options.ours)
    if options.linux is not False or KERNEL in options.sets:
        given = options.linux or None
        _kernel(found, given, places, modes, counts, baselines=not options.ours)
    if options.commits is not None:
        name, _, mirror = options.commits.partition("=")
        files = sorted({str(row["file"]) for row in gold_rows(places.data, name)})
        sheets = read_sheets(places.data, files, places.cache)
        found.commits = measure_commits(Path(mirror), sheets, counts, say=sys.stderr.write)
    sys.stdout.write("\n".join(found.lines(details=options.details)) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(found.figures(), indent=2) + "\n")
    if options.markdown is not None:
        lines = markdown_lines(found.targets(), found.lines(details=False))
        options.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mapping", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", help="gold sets; default: all whose tree is at hand")
    parser.add_argument(
        "--trees", type=Path, action="append", help="folder with one source tree a gold set; repeatable"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument(
        "--cache", type=Path, default=None, help="folder that keeps datasheets as read, trees as parsed, tokens counted"
    )
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    parser.add_argument("--markdown", type=Path, default=None, help="file for the targets and tables as a document")
    parser.add_argument("--plain", action="store_true", help="names as they are only")
    parser.add_argument("--ours", action="store_true", help="the mapper only, no baselines")
    parser.add_argument("--no-tokens", action="store_true", help="no prompts, no tokens")
    parser.add_argument("--details", action="store_true", help="all figures of each set, not one line")
    parser.add_argument(
        "--linux", type=Path, nargs="?", const=None, default=False, help="the kernel's tree too: its folder or tar"
    )
    parser.add_argument(
        "--commits", metavar="SET=MIRROR", help="cost per commit of a git mirror, with the datasheets of a gold set"
    )
    return parser.parse_args(arguments)


def _token_counts(places: Places) -> TokenCounts | None:
    """Return what counts tokens, None without the tokenizer, which is said."""
    prepared = load_settings().cache
    try:
        tokens = counter(prepared)
    except LlmError as error:
        sys.stderr.write(f"{error}; no tokens are counted\n")
        return None
    return TokenCounts(tokens, prepared / TOKENIZER, places.cache / "tokens.json" if places.cache else None)


def _kernel(
    found: Found,
    given: Path | None,
    places: Places,
    modes: Sequence[bool],
    counts: TokenCounts | None,
    *,
    baselines: bool,
) -> None:
    """Measure the kernel's tree; without one, say how to get it."""
    try:
        folder = kernel_folder(given, places)
    except NoKernelError as error:
        sys.stderr.write(f"{error}\n")
        return
    for hidden in modes:
        started = time.perf_counter()
        measured, run, costs = run_ours(folder, places, counts, hidden=hidden)
        found.measured.append(measured)
        found.runs.append(run)
        found.costs += costs
        _say(KERNEL, hidden, time.perf_counter() - started)
        if baselines:
            others = measure_kernel(folder, places, hidden=hidden)
            found.measured += others.measured
            sys.stderr.write(f"{KERNEL}, baselines: {others.seconds:.0f} s, peak {others.peak_mib:.0f} MiB\n")


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
            yield Case(read_folder(tree, f"{GENERATED}{name}"), sheets, tuple(vendor.truth.gold_lines(name)))


def _measure(
    found: Found,
    case: Case,
    places: Places,
    parser: Parser,
    modes: Sequence[bool],
    counts: TokenCounts | None,
    *,
    baselines: bool,
) -> None:
    if not case.sheets:
        sys.stderr.write(f"{case.tree.name}: none of its datasheets is at hand\n")
        return
    parts = all_parts(places.data)
    for hidden in modes:
        started = time.perf_counter()
        mode = hide(case, parts) if hidden else case
        files = parser.parse(mode.tree)
        measured = list(measure_case(mode, files, hidden=hidden, baselines=baselines))
        found.measured += measured
        if counts is not None and not hidden:
            own = parser.seconds + measured[0].seconds
            found.costs.append(token_cost(case, files, counts, own_seconds=own))
        _say(case.tree.name, hidden, time.perf_counter() - started)


def _say(name: str, hidden: bool, seconds: float) -> None:
    sys.stderr.write(f"{name}, names {'hidden' if hidden else 'plain'}: {seconds:.1f} s\n")


if __name__ == "__main__":
    sys.exit(main())
