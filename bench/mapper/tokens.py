"""What asking a language model would take, in prompt tokens: four ways to map a tree, counted with a real tokenizer.

direct: every section of each datasheet with every file. each file once: each datasheet's prompts hold each file of the
tree, and nothing else. --llm-all: a model on all three levels, the published approach. undecided: only what the rules
leave open, which is what `--llm` asks. The last two are the prompts that would be sent, schema included. Exact copies
of a file count once, and only datasheets that have a file in the tree are asked about, so that the alternatives are not
made to look dearer than they are.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.mapper.sets import Case
from mapper.baselines import PROMPT, SECONDS_PER_TOKEN, DirectCost, direct_cost
from mapper.linking import map_tree
from mapper.linking.asking.questions import Policy, Question, Recorder
from mapper.model import Datasheet, SourceFile
from streams.llm.tokens import LevelTokens, TokenCounter, count_tokens


class TokenCounts:
    """Counts tokens of texts, each once a run; kept in a file if one is given."""

    def __init__(self, counter: TokenCounter, tokenizer_file: Path, kept: Path | None = None) -> None:
        """tokenizer_file: what the counter was made from; kept counts are those of this tokenizer alone."""
        self.counter = counter
        self._prefix = hashlib.sha256(tokenizer_file.read_bytes()).hexdigest()[:8]
        self._kept = kept
        self._counts: dict[str, int] = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}

    def count(self, texts: Iterable[str], *, keep: bool = True) -> list[int]:
        """Return the tokens of each text. keep False: what was counted is written with a later call."""
        keyed = [(f"{self._prefix}{hashlib.sha256(text.encode()).hexdigest()[:32]}", text) for text in texts]
        unknown = {key: text for key, text in keyed if key not in self._counts}
        self._counts |= dict(zip(unknown, self.counter.count_all(unknown.values()), strict=True))
        if keep and self._kept is not None:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_text(json.dumps(self._counts))
        return [self._counts[key] for key, _ in keyed]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCost:
    """The prompt tokens of one set, and our time on it without a model."""

    name: str
    num_sheets: int
    num_files: int
    each_file_once: int
    direct: DirectCost
    everything: tuple[LevelTokens, ...]
    undecided: tuple[LevelTokens, ...]
    own_seconds: float
    """Parsing and linking, one process."""

    @property
    def seconds(self) -> float:
        """Our time, the prompts of "undecided" read at the speed assumed of direct's."""
        return self.own_seconds + total(self.undecided) * SECONDS_PER_TOKEN


def token_cost(case: Case, files: Sequence[SourceFile], counts: TokenCounts, *, own_seconds: float) -> TokenCost:
    """Return what each way takes on one set."""
    texts = sorted({data.decode("latin-1") for data in case.tree.contents.values()})
    sheets = present_sheets(case)
    once, direct = alternatives(counts.count(texts), sheets, counts)
    return TokenCost(
        name=case.tree.name,
        num_sheets=len(sheets),
        num_files=len(texts),
        each_file_once=once,
        direct=direct,
        everything=count_tokens(asked(case.tree.name, files, sheets, "all"), counts.counter),
        undecided=count_tokens(asked(case.tree.name, files, sheets, "undecided"), counts.counter),
        own_seconds=own_seconds,
    )


def alternatives(files: Sequence[int], sheets: Sequence[Datasheet], counts: TokenCounts) -> tuple[int, DirectCost]:
    """Return the tokens of each file once and the cost of direct matching, from the tokens of each file."""
    (prompt,) = counts.count([PROMPT])
    directs = [direct_cost(counts.count(s.text for s in sheet.sections), files, prompt) for sheet in sheets]
    direct = DirectCost(
        num_prompts=sum(d.num_prompts for d in directs),
        num_tokens=sum(d.num_tokens for d in directs),
        seconds=sum(d.seconds for d in directs),
    )
    return len(sheets) * sum(files), direct


def asked(name: str, files: Sequence[SourceFile], sheets: Sequence[Datasheet], policy: Policy) -> list[Question]:
    """Return what a model would be asked."""
    recorder = Recorder()
    map_tree(files, sheets, repo_family=name, model=recorder, policy=policy)
    return recorder.questions


def present_sheets(case: Case) -> Sequence[Datasheet]:
    """Return the datasheets that have a file in the tree."""
    present = {row["file"] for row in case.gold if row["level"] == "file" and row.get("path")}
    return [sheet for sheet in case.sheets if sheet.file in present]


def total(counts: Iterable[LevelTokens]) -> int:
    """Return the prompt tokens of all levels."""
    return sum(count.prompt_tokens for count in counts)


def saved(part: float, whole: float) -> float | None:
    """Return by which share a part is below a whole, None without a whole."""
    return 1 - part / whole if whole else None


def token_lines(costs: Sequence[TokenCost]) -> Iterator[str]:
    """Yield the figures as lines, one a set."""
    if not costs:
        return
    yield (
        f"== prompt tokens; hours at {SECONDS_PER_TOKEN * 1e6:.0f} ms a thousand of them (assumed); ours: parsing, "
        "linking and the tokens of undecided"
    )
    yield (
        f"  {'set':18} {'PDFs':>4} {'files':>6} {'direct: prompts':>15} {'tokens':>16} {'hours':>8} "
        f"{'each file once':>14} {'--llm-all':>12} {'undecided':>10} {'prompts':>7} {'below once':>10} "
        f"{'below all':>9} {'ours: s':>8} {'below direct':>12}"
    )
    for cost in costs:
        ours, direct = total(cost.undecided), cost.direct
        yield (
            f"  {cost.name:18} {cost.num_sheets:4} {cost.num_files:6} {direct.num_prompts:15,} "
            f"{direct.num_tokens:16,} {direct.seconds / 3600:8.2f} {cost.each_file_once:14,} "
            f"{total(cost.everything):12,} {ours:10,} {sum(c.num_prompts for c in cost.undecided):7,} "
            f"{percent(saved(ours, cost.each_file_once)):>10} {percent(saved(ours, total(cost.everything))):>9} "
            f"{cost.seconds:8.1f} {percent(saved(cost.seconds, direct.seconds)):>12}"
        )


def percent(value: float | None) -> str:
    """Return a share as percent."""
    return "-" if value is None else f"{value:.2%}"


def costs_json(costs: Sequence[TokenCost]) -> Mapping[str, object]:
    """Return the figures of each set."""
    return {
        cost.name: {
            "num_sheets": cost.num_sheets,
            "num_files": cost.num_files,
            "each_file_once": cost.each_file_once,
            "direct": {
                "prompts": cost.direct.num_prompts,
                "tokens": cost.direct.num_tokens,
                "seconds": cost.direct.seconds,
            },
            "llm_all": total(cost.everything),
            "undecided": {level.level: [level.num_prompts, level.prompt_tokens] for level in cost.undecided},
            "seconds": cost.seconds,
        }
        for cost in costs
    }
