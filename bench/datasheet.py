"""Score the datasheet reader: registers, headings, identity, revisions, speed; camelot's lattice reader beside it.

Run as `python -m bench.datasheet [--data DIR] [--json FILE]`. The tables of both readers go through the same
interpreter, so the numbers compare how tables are found. Times are CPU seconds of this process.
"""

import argparse
import json
import logging
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import sheet_defines, sheet_headings, sheet_identity, sheet_revisions, sheet_speed
from bench.sheet_defines import defined_registers, score_defines
from bench.sheet_headings import MIN_ENTRIES, HeadingScore, score_headings
from bench.sheet_speed import read_with_camelot
from mapper.datasheet import read_datasheet
from mapper.datasheet.page.pages import open_document
from mapper.datasheet.register.notation import address, fold, reset_value
from mapper.errors import DatasheetError
from mapper.model import Datasheet, Register

DEFAULT_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SAMPLE = 6  # datasheets for what is too slow to do on all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class TableScore:
    """How one reader did on one hand-read table."""

    part: str
    reader: str
    num_registers: int
    registers_found: int
    registers_predicted: int
    num_fields: int
    fields_found: int
    num_resets: int
    resets_right: int
    num_pages: int
    cpu_seconds: float
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()


def score_table(
    gold: dict[str, Any], registers: Sequence[Register], *, reader: str, cpu_seconds: float, num_pages: int
) -> TableScore:
    """Return the score of the registers that a reader found on the pages of a hand-read table."""
    pages = set(gold["pages"])
    wanted = {(fold(item["name"]), _gold_address(item["address"])): item for item in gold["registers"]}
    here = [r for r in registers if r.page in pages or pages & set(r.overview_pages)]
    found = {(fold(register.name), register.address): register for register in here}
    hits = wanted.keys() & found.keys()
    fields = {(*key, fold(f["name"]), f["hi"], f["lo"]) for key, item in wanted.items() for f in item["fields"]}
    read = {(*key, fold(f.name), f.high, f.low) for key, register in found.items() for f in register.fields}
    resets = {key: _gold_reset(item["reset"]) for key, item in wanted.items() if item["reset"]}
    known = {key: value for key, value in resets.items() if value is not None}
    return TableScore(
        part=gold["part"],
        reader=reader,
        num_registers=len(wanted),
        registers_found=len(hits),
        registers_predicted=len(found),
        num_fields=len(fields),
        fields_found=len(fields & read),
        num_resets=len(known),
        resets_right=sum(key in found and found[key].reset == value for key, value in known.items()),
        num_pages=num_pages,
        cpu_seconds=round(cpu_seconds, 3),
        missing=tuple(sorted(map(str, [*(wanted.keys() - found.keys()), *(fields - read)]))),
        surplus=tuple(sorted(map(str, found.keys() - wanted.keys()))),
    )


def read_with_first(pdf: bytes, file: str) -> tuple[tuple[Register, ...], int]:
    """Return the registers of a datasheet read as the product reads it, and its number of pages."""
    sheet = read_datasheet(pdf, file=file)
    return sheet.registers, sheet.num_pages


def run(data: Path, *, with_peer: bool = True) -> list[TableScore]:
    """Return the scores of the reader, and of its peer, on every hand-read table."""
    scores: list[TableScore] = []
    for path in sorted((data / "gold" / "registers").glob("*.json")):
        gold = json.loads(path.read_text("utf-8"))
        pdf = (data / "datasheets" / gold["file"]).read_bytes()
        start = time.process_time()
        registers, num_pages = read_with_first(pdf, gold["file"])
        spent = time.process_time() - start
        scores.append(score_table(gold, registers, reader="sheetstream", cpu_seconds=spent, num_pages=num_pages))
        if not with_peer:
            continue
        start = time.process_time()
        try:
            registers = read_with_camelot(pdf, gold["file"], gold["pages"])
        except DatasheetError:
            registers = ()
        spent = time.process_time() - start
        scores.append(
            score_table(
                gold, registers, reader="camelot lattice vector", cpu_seconds=spent, num_pages=len(gold["pages"])
            )
        )
    return scores


def total(scores: Iterable[TableScore]) -> dict[str, float]:
    """Return recall, precision and speed over some scores."""
    rows = list(scores)
    hits = sum(row.registers_found for row in rows)
    return {
        "register_recall": _share(hits, sum(row.num_registers for row in rows)),
        "register_precision": _share(hits, sum(row.registers_predicted for row in rows)),
        "field_recall": _share(sum(row.fields_found for row in rows), sum(row.num_fields for row in rows)),
        "reset_share": _share(sum(row.resets_right for row in rows), sum(row.num_resets for row in rows)),
        "pages_per_second": _share(sum(row.num_pages for row in rows), sum(row.cpu_seconds for row in rows)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All datasheets of the data, read once."""

    sheets: dict[str, Datasheet]
    headings: tuple[HeadingScore, ...]
    cpu_seconds: float
    """For reading all of them, headings, registers, parameters and the second reader included."""


def read_library(folder: Path) -> Library:
    """Read every datasheet in a folder; those that cannot be read are left out."""
    sheets: dict[str, Datasheet] = {}
    scores: list[HeadingScore | None] = []
    spent = 0.0
    for path in sorted(folder.glob("*.pdf")):
        pdf = path.read_bytes()
        start = time.process_time()
        try:
            sheets[path.name] = read_datasheet(pdf, file=path.name)
        except DatasheetError:
            continue
        spent += time.process_time() - start
        with open_document(pdf, path.name) as document:
            outline = document.outline()
            if len(outline) >= MIN_ENTRIES:
                scores.append(score_headings(path.name, tuple(document.pages()), outline))
    found = tuple(score for score in scores if score is not None)
    return Library(sheets=sheets, headings=found, cpu_seconds=spent)


def library_report(library: Library, data: Path) -> Iterator[str]:
    """Yield the lines about all datasheets: defines, headings, identity, revisions, filter, speed."""
    pages = sum(sheet.num_pages for sheet in library.sheets.values())
    yield f"speed: {pages} pages in {library.cpu_seconds:.1f} s = {pages / library.cpu_seconds:.1f} pages/s"
    wanted = defined_registers(data / "gold")
    yield from sheet_defines.report(
        [score_defines(library.sheets[file], pairs) for file, pairs in wanted.items() if file in library.sheets]
    )
    yield from sheet_headings.report(library.headings)
    yield from sheet_identity.report(sheet_identity.scores_of(library.sheets, data))
    files = [(name, (data / "datasheets" / name).read_bytes()) for name in library.sheets]
    sample = files[:: max(len(files) // SAMPLE, 1)][:SAMPLE]
    families: dict[str, list[Datasheet]] = {}
    for sheet in library.sheets.values():
        families.setdefault(sheet.family, []).append(sheet)
    most = max(families.values(), key=len)
    yield from sheet_revisions.report(sheet_revisions.score_saved(sample), sheet_revisions.score_revisions(most))
    yield from sheet_speed.report_filter([sheet_speed.score_filter(name, pdf) for name, pdf in sample])
    open_files = [(name, pdf) for name, pdf in sample if not library.sheets[name].copy_restricted]
    ours, peer = sheet_speed.compare_cpu(open_files)
    yield (
        f"all pages of {len(open_files)} files: {ours:.1f} s for everything we read, camelot lattice vector"
        f" {peer:.1f} s for its tables alone = {peer / ours:.1f} times as much"
    )


def main() -> None:
    """Print a line for each table and reader, the totals, then what is measured on all datasheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", DEFAULT_DATA)))
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    parser.add_argument("--verbose", action="store_true", help="name what is missing and what is too much")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    scores = run(arguments.data)
    for row in scores:
        print(
            f"{row.part:10} {row.reader:24} registers {row.registers_found}/{row.num_registers}"
            f" of {row.registers_predicted} read, fields {row.fields_found}/{row.num_fields},"
            f" resets {row.resets_right}/{row.num_resets}, {row.num_pages} pages in {row.cpu_seconds:.2f} s"
        )
        if arguments.verbose and row.reader == "sheetstream":
            print("   missing", *row.missing, "\n   surplus", *row.surplus)
    totals = {reader: total(row for row in scores if row.reader == reader) for reader in {row.reader for row in scores}}
    for reader, values in sorted(totals.items()):
        print(reader, " ".join(f"{name}={value:.3f}" for name, value in values.items()))
    lines = []
    for line in library_report(read_library(arguments.data / "datasheets"), arguments.data):
        print(line, flush=True)
        lines.append(line)
    if arguments.json:
        report = {"machine": platform.processor() or platform.machine(), "python": platform.python_version(),
                  "commit": _commit(), "totals": totals, "tables": [asdict(row) for row in scores],
                  "datasheets": lines}  # fmt: skip
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def _gold_address(text: str) -> int | None:
    return address(text, 16)


def _gold_reset(text: str) -> int | None:
    return reset_value(text, 16 if len(text) == 4 else None)


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _commit() -> str | None:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    main()
