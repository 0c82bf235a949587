"""`sheetstream gold`: labels made by reading: make them, check them, write those of the generated vendor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deploy.cli.gold_store import Store
    from mapper.gold import Candidate, GoldLabel

app = typer.Typer(
    no_args_is_help=True, help="Gold labels: make them by reading, and check them.", rich_markup_mode=None
)

REPO = typer.Argument(help="A git work tree, a bare repository or a plain folder.", metavar="REPO_DIR")


@app.command("label")
def label(
    repo_dir: Annotated[Path, REPO],
    pdfs: Annotated[list[Path], typer.Argument(help="Datasheets, as PDF files.", metavar="PDF...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The gold file to make or to go on with.")],
    reader: Annotated[str | None, typer.Option(help="Who reads; default: the user's name.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="How many symbols in all; default: all of them.")] = None,
    kinds: Annotated[str, typer.Option(help="Only these kinds, with commas between: register,function.")] = "",
    seed: Annotated[int, typer.Option(help="Another seed draws other symbols.")] = 0,
    rev: Annotated[str | None, typer.Option(help="A commit, tag or branch instead of the files as they are.")] = None,
    no_proposals: Annotated[
        bool, typer.Option("--no-proposals", help="Do not show what the mapper proposes: the reader searches alone.")
    ] = False,
    second_reader: Annotated[
        bool,
        typer.Option("--second-reader", help="Ask what one reader has labelled again, answers unseen, and merge."),
    ] = False,
) -> None:
    """Read symbols and datasheet passages and say what specifies what; every answer is saved at once.

    Symbols are drawn by kind, one in four without a proposed link. Each is shown with its code and with the places that
    the mapper proposes. One line is one answer (`?` lists them), so that answers can also come from a file. Run again,
    it goes on where it stopped. Two readings that agree count two readers; the others go to GOLD.disputed.jsonl.

    For example:

      sheetstream gold label ~/src/driver AB1234.pdf -o gold.jsonl --sample 60

      sheetstream gold label ~/src/driver AB1234.pdf -o gold.jsonl --second-reader --reader mira
    """
    from dataclasses import replace
    from importlib.metadata import version

    from deploy.cli.gold_session import Session
    from deploy.cli.inputs import read_datasheets, read_source, text_reader
    from deploy.cli.output import err, fail, note
    from mapper.gold import candidates_of, draw
    from mapper.linking import map_tree

    wanted = _kinds(kinds)
    who = reader or _user()
    store = _open_store(output, second_reader=second_reader)
    tree, files = read_source(repo_dir, rev)
    sheets = read_datasheets(pdfs)
    with err.status("linking"):
        mapping = map_tree(files, sheets, repo_family=repo_dir.resolve().name)

    candidates = candidates_of(mapping, files)
    if second_reader:
        drawn = _read_by_one(store, candidates, who)
    else:
        drawn = draw(candidates, seed=seed, sample=sample, kinds=wanted)
    if not drawn:
        fail(f"no symbol to ask about: {_why_none(second_reader, len(candidates), wanted, output)}", 1)
    done = store.answered()
    remaining = [candidate for candidate in drawn if candidate.key not in done]
    if no_proposals:
        remaining = [replace(candidate, links=()) for candidate in remaining]
    note(f"{len(drawn)} symbols, {len(drawn) - len(remaining)} of them answered before; reader {who}")
    session = Session(
        store=store,
        sheets={sheet.file: sheet for sheet in sheets},
        text_of=text_reader(tree),
        set_name=repo_dir.resolve().name,
        reader=who,
        tool=f"sheetstream {version('sheetstream')}",
    )
    is_complete = session.run(remaining, _read_line)
    note(f"answers: {session.num_answered}" + (f"; all {len(drawn)} symbols were asked" if is_complete else ""))
    if second_reader:
        _merge(store)
    note(f"labels: {len(store.gold.labels)}; left out as doubtful: {len(store.doubtful.labels)} -> {output}")


@app.command("check")
def check(
    gold: Annotated[Path, typer.Argument(help="Gold labels, as JSON lines.", metavar="GOLD")],
    repo_dir: Annotated[Path | None, REPO] = None,
    pdfs: Annotated[list[Path] | None, typer.Argument(help="The datasheets, as PDF files.", metavar="PDF...")] = None,
    rev: Annotated[str | None, typer.Option(help="A commit, tag or branch instead of the files as they are.")] = None,
) -> None:
    """Check gold lines: their form, and with tree and datasheets that symbols and pages exist. Exit code 1: findings.

    For example:

      sheetstream gold check gold.jsonl

      sheetstream gold check gold.jsonl ~/src/driver AB1234.pdf
    """
    import json

    from deploy.cli.inputs import read_datasheets, read_source
    from deploy.cli.output import EXIT_FINDINGS, EXIT_NOT_FOUND, emit_line, fail, note
    from mapper.gold import check_gold

    try:
        lines = gold.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        fail(f"{gold}: no such file", EXIT_NOT_FOUND)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{gold}: cannot be read as UTF-8 text ({error})")
    files = None if repo_dir is None else read_source(repo_dir, rev)[1]
    num_pages = {sheet.file: sheet.num_pages for sheet in read_datasheets(pdfs)} if pdfs else None
    rows: list[tuple[int, dict[str, object]]] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            problems.append((number, f"no JSON ({error.msg} at column {error.colno})"))
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            problems.append((number, f"a JSON object expected, got {type(row).__name__}"))
    problems += check_gold(rows, files=files, num_pages=num_pages)
    for number, problem in sorted(problems):
        emit_line(f"{gold}:{number}: {problem}")
    note(f"lines: {len(rows)}; problems: {len(problems)}")
    if problems:
        raise typer.Exit(EXIT_FINDINGS)


@app.command("generate")
def generate(
    folder: Annotated[Path, typer.Argument(help="Where to write; files of the same names are replaced.")],
    labels_only: Annotated[bool, typer.Option("--labels-only", help="Only the labels, straight into DIR.")] = False,
) -> None:
    """Write the generated vendor's source trees, datasheets and gold labels: a complete truth to measure on.

    For example:

      sheetstream gold generate /tmp/veldra

      sheetstream gold generate --labels-only tests/data/gold
    """
    import tempfile

    from deploy.cli.output import err, note
    from deploy.demo.gold import write_gold
    from deploy.demo.snapshot import write_snapshot
    from deploy.demo.vendor import build_vendor

    with tempfile.TemporaryDirectory() as scratch, err.status("writing"):
        vendor = build_vendor(Path(scratch))
        if labels_only:
            write_gold(folder, vendor.truth)
        else:
            write_snapshot(folder, vendor)
    note(f"{', '.join(vendor.truth.trees)} -> {folder}")


def _kinds(text: str) -> tuple[str, ...]:
    """Return the kinds named in an option; ends the command if one is unknown."""
    from typing import get_args

    from deploy.cli.output import fail
    from mapper.gold.labels import LabelKind

    named = tuple(piece.strip() for piece in text.split(",") if piece.strip())
    for kind in named:
        if kind not in get_args(LabelKind):
            fail(f"--kinds: {', '.join(get_args(LabelKind))} expected, got {kind}")
    return named


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user: a container with a number only
        return "unnamed"


def _open_store(output: Path, *, second_reader: bool) -> Store:
    from deploy.cli.gold_store import Store
    from deploy.cli.jsonlines import require_place
    from deploy.cli.output import EXIT_NOT_FOUND, fail
    from mapper.errors import FormatError

    require_place(output)
    if second_reader and not output.exists():
        fail(f"{output}: no such file; a second reader needs what the first one has labelled", EXIT_NOT_FOUND)
    try:
        return Store(output, second_reader=second_reader)
    except FormatError as error:
        fail(str(error))


def _read_by_one(store: Store, candidates: tuple[Candidate, ...], who: str) -> tuple[Candidate, ...]:
    """Return the candidates that one other reader has labelled, in the order of the gold file."""
    from deploy.cli.output import fail

    by_key = {candidate.key: candidate for candidate in candidates}
    single = [label for label in store.gold.labels if label.readers == 1]
    if any(label.reader == who for label in single):
        fail(f"--reader: another reader than the first expected, got {who}")
    return tuple(by_key[label.key] for label in single if label.key in by_key)


def _why_none(second_reader: bool, num_candidates: int, kinds: tuple[str, ...], output: Path) -> str:
    if second_reader:
        return f"no label of one reader in {output} is of this tree and these datasheets"
    if num_candidates:
        return f"none of {num_candidates} is of kind {', '.join(kinds)}"
    return "no file of the tree is about these datasheets"


def _merge(store: Store) -> None:
    """Merge the second reader's answers and name the symbols on which the two differ, on stdout."""
    from deploy.cli.output import note, table

    merge = store.merge_second()
    if merge.disputed:
        table(
            "The readers differ",
            ("symbol", "where", "first", "second"),
            [(one.name, f"{one.path}:{one.line}", _said(one), _said(other)) for one, other in merge.disputed],
        )
    note(f"agreed: {len(merge.merged)}; disputed: {len(merge.disputed)} -> {store.disputed.path}")


def _said(label: GoldLabel) -> str:
    return "NIL" if label.nil else "page " + ", ".join(dict.fromkeys(str(anchor.page) for anchor in label.anchors))


def _read_line(prompt: str) -> str:
    """Return a line from the terminal, with a prompt, or from a file or pipe, without one."""
    from deploy.cli.output import err

    return err.input(prompt, markup=False) if err.is_terminal else input()
