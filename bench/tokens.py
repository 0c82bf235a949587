"""What a language model would cost: prompt tokens of four ways to map a tree, counted with a real tokenizer.

    python -m bench.tokens [SET...] [--trees DIR]... [--data DIR] [--cache DIR] [--json FILE]

direct: each section of each datasheet with each file. each file once: each datasheet with each file in turn. --llm-all:
a model on all three levels. undecided: only what the rules leave open, which is what `--llm` asks. The last two are the
prompts that would be sent, schema included. Only datasheets that have a file in the tree are asked about.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.mapper.sets import Case, Places, load_case, set_names
from bench.mapper.tokens import TokenCost, TokenCounts, present_sheets, token_cost
from bench.mapper.trees import ROOT, Parser
from mapper.linking import map_tree
from mapper.linking.questions import Policy, Recorder
from mapper.model import Datasheet, SourceFile
from streams.config import StreamsSettings
from streams.llm.tokens import TOKENIZER, LevelTokens, TokenCounter, count_tokens, counter


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """Prompt tokens of one tree and its datasheets."""

    others: TokenCost
    everything: tuple[LevelTokens, ...]
    undecided: tuple[LevelTokens, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Count the named sets, all with a tree at hand if none is named, and print a table; exit code 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.tokens", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", help="gold sets; default: all whose tree is at hand")
    parser.add_argument("--trees", type=Path, action="append", help="folder with one source tree a gold set")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SHEETSTREAM_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps what was read, parsed, counted")
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    options = parser.parse_args(arguments)
    places = Places(tuple(options.trees or [ROOT.parent / "trees"]), options.data, options.cache)
    prepared = StreamsSettings().cache
    tokens, counts = counter(prepared), TokenCounts(prepared / TOKENIZER)
    trees = Parser(options.cache)
    costs = []
    for name in options.sets or set_names(places):
        case = load_case(name, places)
        costs.append(model_cost(case, trees.parse(case.tree), tokens, counts))
        sys.stdout.write("\n".join(cost_lines(costs[-1])) + "\n")
        sys.stdout.flush()
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n")
    return 0


def model_cost(case: Case, files: Sequence[SourceFile], tokens: TokenCounter, counts: TokenCounts) -> ModelCost:
    """Return the figures of one set."""
    sheets = present_sheets(case)
    return ModelCost(
        others=token_cost(case, counts),
        everything=_asked(case, files, sheets, "all", tokens),
        undecided=_asked(case, files, sheets, "undecided", tokens),
    )


def _asked(
    case: Case, files: Sequence[SourceFile], sheets: Sequence[Datasheet], policy: Policy, tokens: TokenCounter
) -> tuple[LevelTokens, ...]:
    recorder = Recorder()
    map_tree(files, sheets, repo_family=case.tree.name, model=recorder, policy=policy)
    return count_tokens(recorder.questions, tokens)


def cost_lines(cost: ModelCost) -> list[str]:
    """Return the lines of one set."""
    others, ours, everything = cost.others, total(cost.undecided), total(cost.everything)
    return [
        f"{others.name}: {others.num_sheets} datasheets, {others.num_files} files",
        f"  direct          {others.direct.num_tokens:>16,}  {others.direct.num_prompts:,} prompts",
        f"  each file once  {others.each_file_once:>16,}",
        f"  --llm-all       {everything:>16,}  {_levels(cost.everything)}",
        f"  undecided       {ours:>16,}  {_levels(cost.undecided)}",
        f"  undecided is {_saved(ours, others.each_file_once)} below each file once, "
        f"{_saved(ours, everything)} below --llm-all",
    ]


def total(counts: Sequence[LevelTokens]) -> int:
    """Return the prompt tokens of all levels."""
    return sum(count.prompt_tokens for count in counts)


def _levels(counts: Sequence[LevelTokens]) -> str:
    return ", ".join(f"{c.level}: {c.num_prompts} prompts {c.prompt_tokens:,}" for c in counts if c.num_prompts)


def _saved(part: int, whole: int) -> str:
    return f"{1 - part / whole:.2%}" if whole else "-"


if __name__ == "__main__":
    sys.exit(main())
