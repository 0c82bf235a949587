"""What was left out of the corpus, and why, in closed words."""

from dataclasses import dataclass
from typing import Literal, get_args

DropReason = Literal[
    "document",
    "generated",
    "empty",
    "encoding",
    "licence_unknown",
    "licence_refused",
    "private_key",
]
"""document: no source code; generated: written by a program; empty: hardly any code; encoding: control characters, so
no text; licence_unknown: no licence found, or terms that are not recognised; licence_refused: a licence that is not on
the list; private_key: the file holds one, so all of it stays out."""

DROP_REASONS: tuple[str, ...] = get_args(DropReason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A file, or a part of one, that became no sample."""

    reason: DropReason
    path: str
    detail: str
