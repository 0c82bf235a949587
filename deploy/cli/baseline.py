"""`sheetstream baseline`: what one would do without the mapper, in the same lines as `map`, for `score` to compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.cli.sourcetree import SourceTree
    from mapper.baselines import TextIndex
    from mapper.model import Datasheet, FileRelevance, Symbol

Name = Literal["tfidf", "bm25", "vsm", "lsi", "partnumber", "direct"]


def baseline(
    name: Annotated[Name, typer.Argument(help="tfidf, bm25, vsm, lsi, partnumber or direct.", metavar="NAME")],
    repo_dir: Annotated[
        Path, typer.Argument(help="A git work tree, a bare repository or a plain folder.", metavar="REPO_DIR")
    ],
    pdfs: Annotated[list[Path], typer.Argument(help="Datasheets, as PDF files.", metavar="PDF...")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write files and links, as JSON lines.")
    ] = None,
    rev: Annotated[
        str | None, typer.Option(help="A commit, tag or branch instead of the files as they are now.")
    ] = None,
    query: Annotated[
        Literal["whole", "page1"], typer.Option(help="The text that is looked for: the whole PDF or its first page.")
    ] = "whole",
    accept: Annotated[
        int, typer.Option(min=0, help="Files in the answer set: a ranking has no threshold of its own.")
    ] = 2,
    by_role: Annotated[bool, typer.Option("--by-role", help="Leave out tests, examples and documents.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Of direct: machine-readable figures.")] = False,
) -> None:
    """Rank files and choose pages by plain text retrieval, or count what asking about every pair would cost.

    tfidf, bm25, vsm and lsi compare texts; each symbol of the accepted files is linked to the page closest to its name.
    partnumber looks for the part numbers that the PDF names, order letters stripped. direct asks a language model
    about each section and each file: its prompts are counted, none is sent, so it writes no links.

    For example:

      sheetstream baseline tfidf ~/src/driver AB1234.pdf -o tfidf.jsonl

      sheetstream baseline bm25 mirror.git AB1234.pdf --query page1 --accept 1 -o bm25.jsonl

      sheetstream baseline direct ~/src/driver AB1234.pdf
    """
    from deploy.cli.inputs import open_source, read_pdfs
    from deploy.cli.jsonlines import require_place, write_lines
    from deploy.cli.output import EXIT_FINDINGS, fail, note

    tree = open_source(repo_dir, rev)
    if name != "direct" and output is None:
        fail(f"baseline {name} writes files and links: give -o FILE")
    if output is not None:
        require_place(output)
    sheets, num_broken = read_pdfs(pdfs, _read_sheet)
    if not sheets:
        fail("none of the datasheets could be read", EXIT_FINDINGS)
    if name == "direct":
        _count_direct(tree, sheets, as_json=as_json)
    elif output is not None:
        rows = list(_lines(name, tree, sheets, repo_dir.resolve().name, query, accept, by_role=by_role))
        write_lines(output, rows)
        note(f"{name}: {len(tree.paths)} files, {len(sheets)} datasheets, {len(rows)} lines -> {output}")
    if num_broken:
        raise typer.Exit(EXIT_FINDINGS)


def _read_sheet(pdf: Path) -> Datasheet:
    from streams.sandbox import read_sheet

    return read_sheet(pdf.read_bytes(), file=pdf.name)


def _lines(
    name: Name,
    tree: SourceTree,
    sheets: list[Datasheet],
    repo_family: str,
    query: Literal["whole", "page1"],
    accept: int,
    *,
    by_role: bool,
) -> Iterator[dict[str, object]]:
    """Yield files and links of a baseline as lines, datasheet by datasheet."""
    from deploy.cli.output import err
    from mapper.baselines import (
        LEXICAL,
        link_symbols_by_text,
        make_ranker,
        page_index,
        rank_files_by_part,
        rank_files_by_text,
    )
    from mapper.linking.format import file_line, link_line

    index = _index(tree)
    with err.status("weighing words"):
        ranker = make_ranker(name, index) if name in LEXICAL else None
    for sheet in sheets:
        if ranker is None:
            yield from map(file_line, rank_files_by_part(index, sheet, by_role=by_role, num_accepted=accept))
            continue
        found = rank_files_by_text(index, ranker, sheet, method=name, query=query, by_role=by_role, num_accepted=accept)
        yield from map(file_line, found)
        pages = make_ranker(name, page_index(sheet))
        symbols = _symbols(tree, found)
        yield from map(link_line, link_symbols_by_text(pages, sheet, symbols, method=name, repo_family=repo_family))


def _index(tree: SourceTree) -> TextIndex:
    from deploy.cli.progress import progress
    from deploy.cli.sourcetree import read_texts
    from mapper.baselines import TextIndex

    with progress("reading", len(tree.paths)) as advance:
        return TextIndex(read_texts(tree, advance))


def _symbols(tree: SourceTree, found: tuple[FileRelevance, ...]) -> list[Symbol]:
    """Return the symbols of the accepted files."""
    from contextlib import suppress

    from deploy.cli.treefacts import loader
    from mapper.errors import SourceError

    load = loader(tree)
    symbols: list[Symbol] = []
    for path in sorted(relevance.path for relevance in found if relevance.accepted):
        with suppress(SourceError):  # of a file that cannot be parsed no symbol is asked for
            symbols += load(path).symbols
    return symbols


def _count_direct(tree: SourceTree, sheets: list[Datasheet], *, as_json: bool) -> None:
    """Write what asking a language model about every section and every file would take."""
    from dataclasses import asdict

    from deploy.cli.output import emit_json, table
    from deploy.cli.progress import progress
    from deploy.cli.sourcetree import read_texts
    from mapper.baselines import PROMPT, SECONDS_PER_TOKEN, direct_cost

    count = _token_counter()
    with progress("counting tokens", len(tree.paths)) as advance:
        tokens = [count(text) for _, text in read_texts(tree, advance)]
    rows = [direct_cost([count(section.text) for section in s.sections], tokens, count(PROMPT)) for s in sheets]
    assumed = f"{SECONDS_PER_TOKEN * 1e6:.0f} ms a thousand prompt tokens"
    if as_json:
        emit_json(
            {
                "assumed": assumed,
                "datasheets": [{"file": s.file, **asdict(cost)} for s, cost in zip(sheets, rows, strict=True)],
            }
        )
        return
    table(
        f"Every section against every file, at {assumed}",
        ("datasheet", "prompts", "tokens", "seconds"),
        [
            (sheet.file, f"{cost.num_prompts:,}", f"{cost.num_tokens:,}", f"{cost.seconds:,.1f}")
            for sheet, cost in zip(sheets, rows, strict=True)
        ],
    )


def _token_counter() -> Callable[[str], int]:
    """Return what counts a text's tokens, as a mapping's prompts are counted."""
    from deploy.cli.output import EXIT_CONFIG, fail
    from deploy.local.config import load_settings
    from streams.errors import LlmError
    from streams.llm.tokens import counter

    try:
        return counter(load_settings().cache).count
    except LlmError as error:
        fail(str(error), EXIT_CONFIG)
