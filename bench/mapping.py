"""How good the mapper is on real repositories: python -m bench.mapping [--trees DIR] [--data DIR] [SET...]

For every gold set whose source tree is at hand, and for the generated vendor: files (hit@1, hit@3, set precision,
recall, F1, absent parts refused) and symbols per kind, against labels made mechanically and labels made by reading.
Trees are folders named as the gold sets; datasheets are read once and kept in --cache, if given, by content and version
of the reader's code.
"""

import argparse
import hashlib
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from bench.generated import write_generated
from mapper.code import is_relevant_path, parse_file
from mapper.datasheet import read_datasheet
from mapper.errors import MapperError, SourceError
from mapper.linking import map_tree
from mapper.linking.format import mapping_lines
from mapper.model import Datasheet, SourceFile
from mapper.scoring import Ratio, ScoreReport, report_object, score

ROOT = Path(__file__).resolve().parents[1]
SHEET = TypeAdapter(Datasheet)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named sets, all if none is named, and print a table; with --json write all figures too."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.mapping", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("sets", nargs="*", help="gold sets; default: all whose tree is at hand")
    parser.add_argument(
        "--trees", type=Path, default=ROOT.parent / "trees", help="folder with one source tree a gold set"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps datasheets as read")
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    options = parser.parse_args(arguments)
    names = options.sets or sorted(
        p.stem for p in (options.data / "gold").glob("*.jsonl") if (options.trees / p.stem).is_dir()
    )
    if not names:
        sys.stderr.write(f"no gold set in {options.data} has a tree in {options.trees}: the generated vendor alone\n")
    measured = itertools.chain(
        ((name, *measure(name, options.trees / name, options.data, options.cache)) for name in names),
        () if options.sets else measure_generated(),
    )
    reports: dict[str, ScoreReport] = {}
    seconds: dict[str, float] = {}
    for name, report, spent in measured:
        reports[name], seconds[name] = report, spent
        sys.stdout.write("\n".join(table_rows(name, report, spent)) + "\n")
        sys.stdout.flush()
    sys.stdout.write("\n".join(total_rows(reports.values())) + "\n")
    if options.json is not None:
        figures = {
            name: {**report_object(report), "seconds": round(seconds[name], 2)} for name, report in reports.items()
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def measure(name: str, tree: Path, data: Path, cache: Path | None) -> tuple[ScoreReport, float]:
    """Return the figures of one gold set and the seconds that linking took, parsing and PDF reading not counted."""
    gold = with_file_labels(list(gold_rows(data, name)))
    wanted = sorted({str(row["file"]) for row in gold})
    sheets = [sheet for file in wanted if (sheet := load_sheet(data, file, cache)) is not None]
    read = {sheet.file for sheet in sheets}
    return link_and_score(name, tree, sheets, [row for row in gold if row["file"] in read])


def link_and_score(
    name: str, tree: Path, sheets: Sequence[Datasheet], gold: Sequence[dict[str, object]]
) -> tuple[ScoreReport, float]:
    """Return the figures of a tree against labels, and the seconds that linking alone took."""
    files = list(load_tree(tree))
    started = time.perf_counter()
    mapping = map_tree(files, sheets, repo_family=name)
    seconds = time.perf_counter() - started
    return score(mapping_lines(mapping), gold), seconds


def measure_generated() -> Iterator[tuple[str, ScoreReport, float]]:
    """Yield name, figures and seconds of each repository of the generated vendor, whose labels are complete."""
    with tempfile.TemporaryDirectory() as scratch:
        vendor, trees = write_generated(Path(scratch))
        pdfs = [sheet.revisions[-1] for sheet in vendor.sheets]
        sheets = [read_datasheet(pdf.read_bytes(), file=pdf.name) for pdf in pdfs]
        for name, tree in trees.items():
            yield name, *link_and_score(name, tree, sheets, vendor.truth.gold_lines(name))


def gold_rows(data: Path, name: str) -> Iterable[dict[str, object]]:
    """Yield the labels of a set: those made mechanically, then those made by reading."""
    for path in (data / "gold" / f"{name}.jsonl", data / "gold" / "read" / f"{name}.jsonl"):
        if path.exists():
            yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def with_file_labels(gold: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the labels with file labels added where a set has none: the files in which its symbol labels lie.

    Their headers and sources of one stem are support: right, but not required.
    """
    if any(row["level"] == "file" for row in gold):
        return gold
    labelled = sorted({(str(row["file"]), str(row["path"])) for row in gold})
    added: list[dict[str, object]] = []
    for sheet, path in labelled:
        added.append({"level": "file", "file": sheet, "path": path, "role": "primary"})
        stem = path.rpartition(".")[0]
        added += [
            {"level": "file", "file": sheet, "path": f"{stem}.{end}", "role": "support"}
            for end in ("c", "h", "cpp", "hpp")
        ]
    primary = {(row["file"], row["path"]) for row in added if row["role"] == "primary"}
    return gold + [row for row in added if row["role"] == "primary" or (row["file"], row["path"]) not in primary]


def load_tree(tree: Path) -> Iterable[SourceFile]:
    """Yield the parsed source files of a folder."""
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and not path.is_symlink() and is_relevant_path(name):
            try:
                yield parse_file(name, path.read_bytes())
            except SourceError as error:
                sys.stderr.write(f"{error}\n")


def load_sheet(data: Path, file: str, cache: Path | None) -> Datasheet | None:
    """Return a datasheet as read, None if it is not at hand or cannot be read."""
    path = data / "datasheets" / file
    if not path.exists():
        return None
    pdf = path.read_bytes()
    kept = cache / f"{hashlib.sha256(pdf + reader_version()).hexdigest()}.json" if cache is not None else None
    if kept is not None and kept.exists():
        return SHEET.validate_json(kept.read_bytes())
    try:
        sheet = read_datasheet(pdf, file=file)
    except MapperError as error:
        sys.stderr.write(f"{error}\n")
        return None
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(SHEET.dump_json(sheet))
    return sheet


def reader_version() -> bytes:
    """Return a digest of the PDF reader's source, so that a kept datasheet is never older than its reader."""
    sources = sorted((ROOT / "mapper" / "datasheet").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).digest()


def table_rows(name: str, report: ScoreReport, seconds: float) -> list[str]:
    """Return the lines of one set."""
    f1 = "-" if report.set_f1 is None else f"{report.set_f1:.3f}"
    rows = [
        f"{name}: linked in {seconds:.2f} s",
        f"  files    hit@1 {share(report.hit_at_1)}  hit@3 {share(report.hit_at_3)}  "
        f"set P {share(report.set_precision)} R {share(report.set_recall)} F1 {f1}  "
        f"absent refused {share(report.absent)}",
    ]
    for source, scores in (("labelled", report.labelled), ("read", report.read)):
        for entry in scores:
            value = "-" if entry.f1 is None else f"{entry.f1:.3f}"
            rows.append(
                f"  {source:8} {entry.kind:14} P {share(entry.precision)}  R {share(entry.recall)}  F1 {value}  "
                f"any anchor {share(entry.any_recall)}  NIL {share(entry.nil)}"
            )
    return rows


def total_rows(reports: Iterable[ScoreReport]) -> list[str]:
    """Return the lines over all sets, micro-averaged."""
    kept = list(reports)
    rows = [
        f"all: hit@1 {share(add(r.hit_at_1 for r in kept))}  hit@3 {share(add(r.hit_at_3 for r in kept))}  "
        f"absent refused {share(add(r.absent for r in kept))}"
    ]
    for source, groups in (("labelled", [r.labelled for r in kept]), ("read", [r.read for r in kept])):
        totals = [entry for group in groups for entry in group if entry.kind == "all"]
        rows.append(
            f"all: {source:8} P {share(add(t.precision for t in totals))}  R {share(add(t.recall for t in totals))}  "
            f"any anchor {share(add(t.any_recall for t in totals))}  NIL {share(add(t.nil for t in totals))}"
        )
    return rows


def add(ratios: Iterable[Ratio]) -> Ratio:
    """Return the sum of shares: hits over denominators."""
    kept = list(ratios)
    return Ratio(hits=sum(r.hits for r in kept), total=sum(r.total for r in kept))


def share(ratio: Ratio) -> str:
    """Return a share with its denominator."""
    return f"{'-':>5} (0)" if ratio.value is None else f"{ratio.value:.3f} ({ratio.hits}/{ratio.total})"


if __name__ == "__main__":
    sys.exit(main())
