"""The language model's part of `sheetstream map`: which tier is wanted, what it would cost, what it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mapper.linking.asking.questions import LanguageModel, Policy, Recorder
    from mapper.model import Mapping
    from streams.llm import ChatModel
    from streams.llm.tokens import TokenCounter

Llm = Annotated[
    bool | None,
    typer.Option(
        "--llm/--no-llm",
        help="Ask a language model about what the rules leave open; default: if llm_base_url and llm_model are set.",
    ),
]
LlmAll = Annotated[
    bool, typer.Option("--llm-all", help="Ask it on all three levels instead, for comparison: costs far more.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run-llm", help="Count the prompts and tokens that would be asked; send nothing.")
]
LlmBudget = Annotated[
    int | None, typer.Option("--llm-budget", min=0, help="Tokens of this run, instead of llm_max_tokens_per_run.")
]
LlmRequired = Annotated[
    bool, typer.Option("--llm-required", help="Exit with 4 if the server did not answer; default: a note and 0.")
]

NOT_SERVED = frozenset({"unreachable", "timeout", "server_error", "rate_limited"})


@dataclass(frozen=True, slots=True)
class Tier:
    """What a mapping asks whom, and how that ends."""

    policy: Policy
    model: LanguageModel | None = None
    chat: ChatModel | None = None
    dry_run: tuple[Recorder, TokenCounter] | None = None
    required: bool = False

    def report(self, mapping: Mapping) -> None:
        """Say what was asked and what it took; ends the command where the server refused, or was needed and absent."""
        from deploy.cli.output import EXIT_CONFIG, EXIT_UNREACHABLE, fail, note

        if self.dry_run is not None:
            _write_counts(*self.dry_run)
        elif self.chat is None:
            _note_undecided(mapping)
        else:
            note(f"language model {self.chat.name}: {self.chat.usage.line()}")
            unserved = sum(count for reason, count in self.chat.usage.unanswered if reason in NOT_SERVED)
            fault = self.chat.fault
            self.chat.close()
            if fault is not None and fault.reason == "misconfigured":
                fail(f"{fault}; written is what the rules say", EXIT_CONFIG)
            if unserved and self.required:
                fail(str(fault or "the language model did not answer everything (--llm-required)"), EXIT_UNREACHABLE)
            if fault is not None:
                note(f"{fault}; where it did not answer, what the rules say stands")


def choose_tier(*, llm: bool | None, everything: bool, dry_run: bool, budget: int | None, required: bool) -> Tier:
    """Return the tier that the options ask for; ends the command for options or settings that do not go together."""
    from deploy.cli.output import EXIT_CONFIG, fail
    from mapper.linking.asking.questions import Recorder
    from streams.config import StreamsSettings
    from streams.errors import ConfigError, LlmError

    if llm is False and (everything or dry_run or required or budget is not None):
        fail("--no-llm goes with none of --llm-all, --dry-run-llm, --llm-budget, --llm-required")
    if llm is False:
        return Tier("none")
    policy: Policy = "all" if everything else "undecided"
    try:
        settings = StreamsSettings()
        if dry_run:
            from streams.llm.tokens import counter

            recorder = Recorder()
            return Tier(policy, recorder, dry_run=(recorder, counter(settings.cache)))
        wanted = bool(llm or everything or required or budget is not None)
        if not wanted and not (settings.llm_base_url and settings.llm_model):
            return Tier(policy)
        from streams.llm import open_model

        chat = open_model(settings, run_tokens=budget)
    except (ConfigError, LlmError) as error:
        fail(str(error), EXIT_CONFIG)
    return Tier(policy, chat, chat=chat, required=required)


def _write_counts(recorder: Recorder, tokens: TokenCounter) -> None:
    """Write the table of a dry run on stdout."""
    from deploy.cli.output import table
    from streams.llm.tokens import count_tokens

    rows = count_tokens(recorder.questions, tokens)
    figures = [
        (row.num_prompts, row.num_items, row.prompt_tokens, row.completion_tokens, row.num_withheld) for row in rows
    ]
    total = ("all", *(sum(column) for column in zip(*figures, strict=True)))
    columns = ("level", "prompts", "items", "prompt tokens", "completion tokens at most", "withheld")
    table(
        "What a language model would be asked",
        columns,
        [*((row.level, *each) for row, each in zip(rows, figures, strict=True)), total],
    )


def _note_undecided(mapping: Mapping) -> None:
    """Say how much the rules were not sure about."""
    from deploy.cli.output import note
    from mapper.linking.asking.questions import UNDECIDED_RULE

    files = sum(any(each.rule == UNDECIDED_RULE for each in file.evidence) for file in mapping.files)
    symbols = {link.symbol_id for link in mapping.links if any(each.rule == UNDECIDED_RULE for each in link.evidence)}
    if files or symbols:
        note(f"undecided: {files} files, {len(symbols)} linked symbols; a language model can be asked (--llm)")
