"""A mapping from scratch with what a language model said when the ledger's decisions were taken: nobody is asked."""

from collections.abc import Mapping

from mapper.linking.asking.said import KnownAnswers
from mapper.linking.index.tree import TreeIndex
from mapper.linking.mapping import Decision, Grounds, gathered, renew
from mapper.model import Datasheet, SourceFile
from mapper.model import Mapping as TreeMapping
from streams.ledger.bodies import unpack


def map_recorded(
    files: list[bytes], sheet_bodies: list[bytes], repo_id: str, parts: tuple[str, ...], grounds: Mapping[str, Grounds]
) -> TreeMapping:
    """Return the mapping of packed files and datasheets from scratch, with the answers in grounds (by sha256).

    Each datasheet is given its own answers: of two that ask the same, one may have had none. What is asked beyond them
    is undecided.
    """
    tree = TreeIndex.of(unpack(SourceFile, body) for body in files)
    decisions: list[Decision] = []
    nothing: dict[str, Decision] = {}
    for sheet in (unpack(Datasheet, body) for body in sheet_bodies):
        kept = grounds.get(sheet.sha256)
        model = KnownAnswers(kept.model, kept.said) if kept is not None and kept.model else None
        decided = renew(
            tree,
            {sheet.sha256: lambda sheet=sheet: sheet},  # type: ignore[misc]
            repo_family=repo_id,
            pinned_parts=parts,
            before=nothing,
            model=model,
            policy="none" if model is None else "undecided",
        )
        decisions += [decision for _, decision in decided]
    return gathered(decisions)


def model_of(grounds: Mapping[str, Grounds]) -> str:
    """Return the name of the model that a repository's decisions were taken with; empty: none, or there are none."""
    return next((kept.model for _, kept in sorted(grounds.items()) if kept.model), "")
