"""`sheetstream eval`: build a suite, score models on it, compare them."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.eval_errors import eval_errors
from deploy.cli.output import emit_json, emit_line, note, table
from deploy.cli.progress import progress

if TYPE_CHECKING:
    from eval.config import EvalSettings
    from eval.result import DomainRow, Result
    from eval.suite.items import Suite, SuiteSource

app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode=None, help="The benchmark: build, run and compare."
)

HOME = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME).")
SUITE = typer.Option(None, "--suite", help="Folder of the suite; HOME/suite when not given.")
JSON = typer.Option(False, "--json", help="Answer in JSON.")


@app.command()
def build(
    held_out: list[Path] = typer.Option([], "--held-out", help="Folder of a family the shards never hold; repeatable."),
    in_domain: list[Path] = typer.Option([], "--in-domain", help="Folder of a family that is trained on; repeatable."),
    generated: bool = typer.Option(
        False, "--generated", help="Also source code of all 13 domains that our own generator writes, held out."
    ),
    out: Path | None = typer.Option(None, "--out", "-o", help="Where the suite goes; HOME/suite when not given."),
    items: int | None = typer.Option(None, help="Items of a domain, over both slices."),
    seed: int = typer.Option(0, help="Another seed chooses other items."),
    version: str = typer.Option("1", help="Name of this suite in results."),
    licence: str = typer.Option("NOASSERTION", help="SPDX identifier of files that carry none."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Cut a suite from source folders. A folder's name is its family.

    For example:

      sheetstream eval build --generated

      sheetstream eval build --held-out ~/src/vendor-hal --in-domain ~/src/our-drivers --items 200
    """
    from tempfile import TemporaryDirectory

    with eval_errors(), TemporaryDirectory() as scratch:
        from eval.config import load_settings
        from eval.suite.build import build_suite

        settings = load_settings(home=home, items_per_domain=items, seed=seed)
        if generated:
            held_out = [*held_out, *_generated(Path(scratch))]
        suite = build_suite(
            _sources(held_out, in_domain, licence),
            out or settings.suite_dir,
            items_per_domain=settings.items_per_domain,
            seed=seed,
            version=version,
            max_items_per_file=settings.max_items_per_file,
            context_bytes=settings.context_bytes,
            reference_bytes=settings.reference_bytes,
        )
    counts = {domain: entry.num_items for domain, entry in suite.manifest.domains.items()}
    if as_json:
        emit_json({"suite": suite.version, "sha256": suite.sha256, "items": counts})
        return
    table(f"suite {suite.version} ({suite.sha256[:12]})", ("domain", "items"), counts.items())
    empty = [domain for domain, count in counts.items() if not count]
    if empty:
        note(f"no items of {', '.join(empty)}: the gate asks for all {len(counts)} domains")


@app.command()
def run(
    model: str = typer.Argument(help="A base model's name or folder, a checkpoint's name or folder, or `baselines`."),
    suite: Path | None = SUITE,
    home: Path | None = HOME,
    out: Path | None = typer.Option(None, "--out", "-o", help="Write the result to this folder, not HOME/results."),
    as_json: bool = JSON,
) -> None:
    """Score one model on the suite and keep the result. No gate, no release.

    For example:

      sheetstream eval run step-00000040

      sheetstream eval run smollm2-135m-instruct --suite ./suite --json
    """
    with eval_errors():
        from eval.config import load_settings
        from eval.result import RESULT_JSON, write_result
        from eval.suite.items import load_suite

        settings = load_settings(home=home, suite=suite)
        loaded = load_suite(settings.suite_dir)
        results = _score(model, loaded, settings)
        paths = [write_result(out or settings.results_dir, result) for result in results]
    if as_json:
        emit_json([RESULT_JSON.dump_python(result, mode="json") for result in results])
        return
    for result, path in zip(results, paths, strict=True):
        _show_scores(result)
        note(f"kept in {path}")


@app.command()
def watch(home: Path | None = HOME, suite: Path | None = SUITE) -> None:
    """Score each new checkpoint as it appears, decide and release, until Ctrl-C. `sheetstream up` does this too.

    For example:

      sheetstream eval watch

      sheetstream eval watch --suite ./suite
    """
    import logging
    import signal
    import threading

    from prometheus_client import CollectorRegistry

    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with eval_errors():
        from eval.config import load_settings
        from eval.watch import run as watch_checkpoints

        settings = load_settings(home=home, suite=suite)
        note(f"watching {settings.checkpoints_dir}; Ctrl-C ends")
        while not stop.is_set():
            watch_checkpoints(settings, registry=CollectorRegistry(), stop=stop, beat=lambda: None)


@app.command()
def compare(
    reference: str = typer.Argument("base", help="base, latest, released, a checkpoint's name, or a result file."),
    candidate: str = typer.Argument("latest", help="The same."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Put two stored results beside each other: measures, and bits per byte by domain with paired intervals.

    Ends with 1 where a domain is worse beyond its interval.

    For example:

      sheetstream eval compare

      sheetstream eval compare base step-00000040 --json
    """
    with eval_errors():
        from pydantic import TypeAdapter

        from eval.config import load_settings
        from eval.gate import Margins
        from eval.gate import compare as rows_of
        from eval.report import Comparison, compare_results, find_result

        settings = load_settings(home=home)
        before, after = find_result(settings, reference), find_result(settings, candidate)
        margins = Margins(resamples=settings.resamples, seed=settings.seed)
        comparison = compare_results(before, after, rows_of(before, after, margins=margins))
    if as_json:
        emit_json(TypeAdapter(Comparison).dump_python(comparison, mode="json"))
    else:
        _show_comparison(comparison)
        _show_rows(comparison.rows)
        if after.decision is not None:
            said = "released" if after.decision.released else "refused: " + "; ".join(after.decision.reasons)
            emit_line(f"gate: {said}")
    if any(row.verdict == "worse" for row in comparison.rows):
        raise typer.Exit(1)


def _generated(folder: Path) -> list[Path]:
    """Return folders of families that our generator writes below this one; together they cover every domain."""
    from deploy.demo.domains.held_out import write_held_out

    write_held_out(folder / "generated", seed=0)
    return sorted((folder / "generated").iterdir())


def _sources(held_out: list[Path], in_domain: list[Path], licence: str) -> "list[SuiteSource]":
    from eval.suite.items import SuiteSource

    folders = [(path, "held_out") for path in held_out] + [(path, "in_domain") for path in in_domain]
    return [
        SuiteSource(root=path, family=path.expanduser().resolve().name, slice=slice_, licence=licence)  # type: ignore[arg-type]
        for path, slice_ in folders
    ]


def _score(model: str, suite: "Suite", settings: "EvalSettings") -> "list[Result]":
    from eval.run import num_calls

    if model == "baselines":
        from eval.report import baseline_results

        return baseline_results(suite, settings)
    folder = next((path for path in (Path(model), settings.checkpoints_dir / model) if _is_checkpoint(path)), None)
    note(f"loading {model}")
    from eval.scorer import score_base, score_checkpoint

    with progress(f"scoring {model}", num_calls(suite, settings)) as advance:
        if folder is None:
            return [score_base(model, suite, settings, advance)]
        return [score_checkpoint(folder, suite, settings, advance)[0]]


def _is_checkpoint(path: Path) -> bool:
    return (path / "manifest.json").is_file()


def _show_scores(result: "Result") -> None:
    from eval.report import domain_scores, names, show

    table(
        f"{result.model.name} on suite {result.suite_version} ({result.seconds:.1f} s)",
        ("domain", "items", *names()),
        [(domain, count, *(show(score) for score in scores)) for domain, count, scores in domain_scores(result)],
    )


def _show_comparison(comparison: object) -> None:
    from eval.report import Comparison, show

    assert isinstance(comparison, Comparison)
    table(
        f"suite {comparison.suite_version}",
        ("measure", "mean", comparison.reference, comparison.candidate),
        [
            (before.measure.replace("_", " "), before.domain, show(before, interval=True), show(after, interval=True))
            for before, after in comparison.measures
        ],
    )


def _show_rows(rows: "tuple[DomainRow, ...]") -> None:
    table(
        "bits per byte by domain (lower is better)",
        ("domain", "slice", "items", "before", "after", "difference", "95 % interval", "verdict"),
        [
            (
                row.domain,
                row.slice,
                row.num_items,
                f"{row.reference:.3f}",
                f"{row.candidate:.3f}",
                f"{row.difference:+.3f}",
                f"{row.low:+.3f} to {row.high:+.3f}",
                row.verdict,
            )
            for row in rows
        ],
    )
