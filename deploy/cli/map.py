"""`sheetstream map` and `sheetstream score`: the mapper alone, offline, on one snapshot, and how good its links are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.map_llm import DryRun, Llm, LlmAll, LlmBudget, LlmRequired, choose_tier

if TYPE_CHECKING:
    from deploy.cli.mapping import MapRun
    from mapper.scoring import FileScore, Ratio, ScoreReport, SymbolScore

MAX_NAMED = 5
"""Skipped files named in the summary; the rest is counted."""


def map_command(
    repo_dir: Annotated[
        Path, typer.Argument(help="A git work tree, a bare repository or a plain folder.", metavar="REPO_DIR")
    ],
    pdfs: Annotated[list[Path], typer.Argument(help="Datasheets, as PDF files.", metavar="PDF...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the links, as JSON lines.")],
    rev: Annotated[
        str | None, typer.Option(help="A commit, tag or branch instead of the files as they are now.")
    ] = None,
    part: Annotated[list[str] | None, typer.Option(help="A part this tree implements; repeatable.")] = None,
    llm: Llm = None,
    llm_all: LlmAll = False,
    dry_run_llm: DryRun = False,
    llm_budget: LlmBudget = None,
    llm_required: LlmRequired = False,
    since: Annotated[
        Path | None,
        typer.Option(
            help="A file that keeps what this run learns, and that later runs start from: the same links, at the cost "
            "of what has changed. Written anew where something has.",
            metavar="STATE",
        ),
    ] = None,
) -> None:
    """Link one source tree with datasheets and write files and links as JSON lines.

    For example:

      sheetstream map ~/src/driver AB1234.pdf -o links.jsonl

      sheetstream map mirror.git AB1234.pdf --rev v2.1 --part AB1234 -o links.jsonl

      sheetstream map ~/src/linux *.pdf --since linux.state -o links.jsonl

      sheetstream map ~/src/driver AB1234.pdf -o links.jsonl --dry-run-llm
    """
    from deploy.cli.inputs import open_source
    from deploy.cli.jsonlines import require_place, write_lines
    from deploy.cli.mapping import MapJob, run_job
    from deploy.cli.output import EXIT_FINDINGS, fail, note
    from mapper.errors import StateError
    from mapper.linking.format import mapping_lines

    tier = choose_tier(llm=llm, everything=llm_all, dry_run=dry_run_llm, budget=llm_budget, required=llm_required)
    tree = open_source(repo_dir, rev)
    for file in (output, *([since] if since else [])):
        require_place(file)
    job = MapJob(tree=tree, pdfs=tuple(pdfs), parts=tuple(part or ()), state_file=since, tier=tier)
    try:
        run = run_job(job)
    except StateError as error:
        fail(str(error))
    if not run.sheets:
        fail("none of the datasheets could be read", EXIT_FINDINGS)
    skipped = list(run.skipped)
    for line in skipped[:MAX_NAMED]:
        note(f"skipped: {line}")
    if len(skipped) > MAX_NAMED:
        note(f"skipped: {len(skipped) - MAX_NAMED} more files")
    if len(skipped) == len(tree.paths):
        fail(f"{repo_dir}: none of its {len(skipped)} source files could be parsed")
    write_lines(output, mapping_lines(run.mapping))
    _summarise(run, len(tree.paths) - len(skipped), output)
    tier.report(run.mapping)
    if run.num_broken:
        raise typer.Exit(EXIT_FINDINGS)


def score_command(
    links: Annotated[Path, typer.Argument(help="What `sheetstream map` wrote.")],
    gold: Annotated[Path, typer.Argument(help="Gold labels, as JSON lines.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures.")] = False,
) -> None:
    """Measure links against gold labels; every figure comes with its denominator.

    For example:

      sheetstream score links.jsonl gold.jsonl

      sheetstream score links.jsonl gold.jsonl --json
    """
    from deploy.cli.jsonlines import read_lines
    from deploy.cli.output import EXIT_NOT_FOUND, emit_json, fail, table
    from mapper.errors import FormatError
    from mapper.scoring import report_object, score

    for file in (links, gold):
        if not file.exists():
            fail(f"{file}: no such file", EXIT_NOT_FOUND)
    try:
        report = score(read_lines(links), read_lines(gold))
    except FormatError as error:
        fail(str(error))
    if as_json:
        emit_json(report_object(report))
        return
    if report.files:
        table("Files per datasheet", _FILE_COLUMNS, [_file_row(score) for score in report.files])
        table("Files, all datasheets", ("figure", "value"), _file_totals(report))
    for title, scores in (
        ("Symbols, mechanically made labels", report.labelled),
        ("Symbols, labels made by reading", report.read),
    ):
        if scores:
            table(title, _SYMBOL_COLUMNS, [_symbol_row(score) for score in scores])
    table(
        "Links outside the labels", ("figure", "value"), [("links to symbols without a label", report.num_unlabelled)]
    )


def _summarise(run: MapRun, num_files: int, output: Path) -> None:
    from deploy.cli.output import note

    mapping = run.mapping
    for sheet in run.sheets:
        accepted = [f for f in mapping.files if f.sheet_sha256 == sheet.sha256 and f.accepted]
        links = [k for k in mapping.links if k.sheet_sha256 == sheet.sha256]
        symbols = {k.symbol_id for k in links}
        named = ", ".join(f.path for f in accepted[:3]) + (", ..." if len(accepted) > 3 else "")
        where = (
            f"{len(accepted)} files ({named}), {len(links)} links of {len(symbols)} symbols"
            if accepted
            else "no file is about it"
        )
        note(f"{sheet.file}: {where}")
    for conflict in mapping.conflicts:
        note(
            f"conflict: {conflict.symbol.path}:{conflict.symbol.line}: {conflict.detail} (page {conflict.anchor.page})"
        )
    made = f"{len(mapping.links)} links, {len(mapping.conflicts)} conflicts"
    note(f"{num_files} files, {len(run.sheets)} datasheets, {made} -> {output}")
    if run.cost:
        note(run.cost)


_FILE_COLUMNS = ("datasheet", "hit@1", "hit@3", "accepted", "right", "gold", "found")
_SYMBOL_COLUMNS = ("kind", "precision", "recall", "F1", "any anchor", "NIL left alone")


def _file_row(score: FileScore) -> tuple[object, ...]:
    if score.absent:
        return (score.file, "absent", "absent", score.num_accepted, 0, 0, 0)
    return (
        score.file,
        score.hit_at_1,
        score.hit_at_3,
        score.num_accepted,
        score.num_right,
        score.num_gold,
        score.num_found,
    )


def _file_totals(report: ScoreReport) -> list[tuple[str, str]]:
    return [
        ("hit@1", _share(report.hit_at_1)),
        ("hit@3", _share(report.hit_at_3)),
        ("absent parts left alone", _share(report.absent)),
        ("set precision", _share(report.set_precision)),
        ("set recall", _share(report.set_recall)),
        ("set F1", "-" if report.set_f1 is None else f"{report.set_f1:.3f}"),
    ]


def _symbol_row(score: SymbolScore) -> tuple[object, ...]:
    f1 = "-" if score.f1 is None else f"{score.f1:.3f}"
    return (score.kind, _share(score.precision), _share(score.recall), f1, _share(score.any_recall), _share(score.nil))


def _share(ratio: Ratio) -> str:
    return "-" if ratio.value is None else f"{ratio.value:.3f} ({ratio.hits}/{ratio.total})"
