"""What asking a language model would take, in tokens: every file once, and every section against every file.

Counted with a real tokenizer, the small base model's, over whole files; exact copies of a file count once, and only
datasheets that have a file in the tree are asked about, so the alternatives are not made to look dearer than they are.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.mapper.sets import Case
from mapper.baselines import PROMPT, DirectCost, direct_cost
from mapper.model import Datasheet

TOKENIZER = Path("models", "smollm2-135m-instruct", "tokenizer.json")
BATCH = 64


@dataclass(frozen=True, slots=True)
class TokenCost:
    """The tokens of one set."""

    name: str
    num_sheets: int
    num_files: int
    each_file_once: int
    """Each datasheet's prompts hold each file of the tree once, and nothing else."""
    direct: DirectCost


class TokenCounts:
    """Counts tokens of contents, each content once a run; kept in a file if one is given."""

    def __init__(self, tokenizer_file: Path, kept: Path | None = None) -> None:
        """Raises FileNotFoundError when the tokenizer is not there."""
        from tokenizers import Tokenizer

        if not tokenizer_file.is_file():
            raise FileNotFoundError(f"{tokenizer_file}: no tokenizer; `sheetstream model prepare` puts it there")
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._prefix = hashlib.sha256(tokenizer_file.read_bytes()).hexdigest()[:8]
        self._kept = kept
        self._counts: dict[str, int] = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}

    def count(self, texts: Iterable[str]) -> list[int]:
        """Return the tokens of each text."""
        keyed = [(f"{self._prefix}{hashlib.sha256(text.encode()).hexdigest()[:32]}", text) for text in texts]
        unknown = list({key: text for key, text in keyed if key not in self._counts}.items())
        for start in range(0, len(unknown), BATCH):
            batch = unknown[start : start + BATCH]
            encoded = self._tokenizer.encode_batch_fast([text for _, text in batch], add_special_tokens=False)
            self._counts |= {key: len(each.ids) for (key, _), each in zip(batch, encoded, strict=True)}
        if unknown and self._kept is not None:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_text(json.dumps(self._counts))
        return [self._counts[key] for key, _ in keyed]


def token_cost(case: Case, counts: TokenCounts) -> TokenCost:
    """Return what the alternatives to a mapper take on one set."""
    sheets = present_sheets(case)
    texts = sorted({data.decode("latin-1") for data in case.tree.contents.values()})
    files = counts.count(texts)
    (prompt,) = counts.count([PROMPT])
    directs = [direct_cost(counts.count(s.text for s in sheet.sections), files, prompt) for sheet in sheets]
    return TokenCost(
        name=case.tree.name,
        num_sheets=len(sheets),
        num_files=len(files),
        each_file_once=len(sheets) * sum(files),
        direct=DirectCost(
            num_prompts=sum(d.num_prompts for d in directs),
            num_tokens=sum(d.num_tokens for d in directs),
            seconds=sum(d.seconds for d in directs),
        ),
    )


def present_sheets(case: Case) -> Sequence[Datasheet]:
    """Return the datasheets that have a file in the tree."""
    present = {row["file"] for row in case.gold if row["level"] == "file" and row.get("path")}
    return [sheet for sheet in case.sheets if sheet.file in present]


def token_lines(costs: Sequence[TokenCost]) -> list[str]:
    """Return the figures as lines, one a set, in millions of tokens."""
    lines = [
        "== tokens, in millions; direct: every section against every file, at 10 ms a thousand prompt tokens (assumed)",
        f"  {'set':18} {'PDFs':>6} {'files':>6} {'each file once':>14} "
        f"{'direct: prompts':>15} {'tokens':>10} {'hours':>7}",
    ]
    for cost in costs:
        direct = cost.direct
        lines.append(
            f"  {cost.name:18} {cost.num_sheets:6} {cost.num_files:6} {cost.each_file_once / 1e6:14.2f} "
            f"{direct.num_prompts:15,} {direct.num_tokens / 1e6:10.1f} {direct.seconds / 3600:7.2f}"
        )
    return lines
