"""What a language model would cost: prompt tokens of four ways to map a tree, counted with a real tokenizer.

    python -m bench.tokens [SET...] --trees DIR --data DIR [--cache DIR] [--json PATH]

pairwise: each section of each datasheet with each file. each file once: each datasheet, and with it each file in turn.
--llm-all: a model on all three levels. undecided: only what the rules leave open, which is what `--llm` asks. The last
two are the prompts that would be sent, schema included; the first two are texts alone, without any instruction.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.mapping import ROOT, gold_rows, load_sheet, load_tree
from mapper.linking import map_tree
from mapper.linking.questions import Policy, Question, Recorder
from mapper.model import Datasheet, SourceFile
from streams.config import StreamsSettings
from streams.llm.tokens import LevelTokens, TokenCounter, count_tokens, counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Prompt tokens of one tree and its datasheets."""

    name: str
    num_sheets: int
    num_files: int
    pairwise: int
    each_file_once: int
    everything: tuple[LevelTokens, ...]
    undecided: tuple[LevelTokens, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Count the named sets, all with a tree at hand if none is named, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.tokens", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--trees", type=Path, default=ROOT.parent / "trees")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps datasheets as read")
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    options = parser.parse_args(arguments)
    gold = sorted((options.data / "gold").glob("*.jsonl"))
    names = options.sets or [path.stem for path in gold if (options.trees / path.stem).is_dir()]
    tokens = counter(StreamsSettings().cache)
    measured = []
    for name in names:
        wanted = sorted({str(row["file"]) for row in gold_rows(options.data, name)})
        sheets = [sheet for file in wanted if (sheet := load_sheet(options.data, file, options.cache)) is not None]
        measured.append(measure(name, options.trees / name, sheets, tokens))
        sys.stdout.write("\n".join(table_rows(measured[-1])) + "\n")
        sys.stdout.flush()
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in measured], indent=2) + "\n")
    return 0


def measure(name: str, tree: Path, sheets: Sequence[Datasheet], tokens: TokenCounter) -> Tokens:
    """Return the figures of one tree; a file or section counts as the text it has."""
    files = list(load_tree(tree))
    texts = [(tree / file.path).read_text(encoding="utf-8", errors="replace") for file in files]
    of_files = tokens.count_all(texts)
    of_sections = [tokens.count_all(section.text for section in sheet.sections) for sheet in sheets]
    of_sheets = [sum(tokens.count_all(sheet.pages)) for sheet in sheets]
    num_sections = sum(len(each) for each in of_sections)
    return Tokens(
        name=name,
        num_sheets=len(sheets),
        num_files=len(files),
        pairwise=num_sections * sum(of_files) + len(files) * sum(sum(each) for each in of_sections),
        each_file_once=len(sheets) * sum(of_files) + sum(of_sheets),
        everything=count_tokens(asked(name, files, sheets, "all"), tokens),
        undecided=count_tokens(asked(name, files, sheets, "undecided"), tokens),
    )


def asked(name: str, files: Sequence[SourceFile], sheets: Sequence[Datasheet], policy: Policy) -> Sequence[Question]:
    """Return what a mapping would ask a model."""
    recorder = Recorder()
    map_tree(files, sheets, repo_family=name, model=recorder, policy=policy)
    return recorder.questions


def table_rows(measured: Tokens) -> list[str]:
    """Return the lines of one tree."""
    ours, everything = total(measured.undecided), total(measured.everything)
    rows = [
        f"{measured.name}: {measured.num_sheets} datasheets, {measured.num_files} files",
        f"  pairwise        {measured.pairwise:>16,}",
        f"  each file once  {measured.each_file_once:>16,}",
        f"  --llm-all       {everything:>16,}  {levels(measured.everything)}",
        f"  undecided       {ours:>16,}  {levels(measured.undecided)}",
    ]
    saved = [
        f"{share(ours, whole)} below {what}"
        for whole, what in ((measured.each_file_once, "each file once"), (everything, "--llm-all"))
    ]
    return [*rows, f"  saved: {', '.join(saved)}"]


def levels(counts: Sequence[LevelTokens]) -> str:
    """Return the prompts and tokens of each level that has any."""
    return ", ".join(f"{c.level}: {c.num_prompts} prompts {c.prompt_tokens:,}" for c in counts if c.num_prompts)


def total(counts: Sequence[LevelTokens]) -> int:
    """Return the prompt tokens of all levels."""
    return sum(count.prompt_tokens for count in counts)


def share(part: int, whole: int) -> str:
    """Return how much smaller a part is, in percent."""
    return f"{1 - part / whole:.2%}" if whole else "-"


if __name__ == "__main__":
    sys.exit(main())
