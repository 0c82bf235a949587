"""What a decision asked of a tree, in a form that can be kept: each question as JSON with a digest of its answer."""

import json
from collections.abc import Mapping
from typing import Any

Question = tuple[Any, ...]
"""Name of a method of TreeIndex and its arguments: strings, numbers, tuples of them."""
Reads = dict[Question, str]
"""Questions with digests of their answers."""
Notes = tuple[tuple[str, str], ...]
"""Reads as they are kept."""


def notes_of(reads: Mapping[Question, str]) -> Notes:
    """Return what was read, to be kept."""
    return tuple((json.dumps(question, separators=(",", ":")), digest) for question, digest in reads.items())


def reads_of(notes: Notes) -> Reads:
    """Return the questions that were kept, in the order in which they were asked."""
    return {_tuples(json.loads(question)): digest for question, digest in notes}


def _tuples(value: Any) -> Any:
    return tuple([_tuples(item) if type(item) is list else item for item in value]) if type(value) is list else value
