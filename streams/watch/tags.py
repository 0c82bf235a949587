"""Which of a repository's tags are told: the newest version is the head, and before it those since the last one."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass

from streams.errors import RepositoryError
from streams.watch.git import EMPTY_TREE
from streams.watch.remote import TAGS_PREFIX
from streams.watch.versions import Version, newest, version_of

NAMED_TAGS = 10
"""So many are named in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a look at the tags came to."""

    head: str
    to_tell: tuple[str, ...]
    """Tags in the order of their versions; the head is the last of them."""
    matching: Mapping[str, str]
    """tag -> commit of all that the glob names."""


def choose(tags: Mapping[str, str], glob: str, *, tip: str | None, tip_ref: str | None) -> Choice:
    """Return which tags to tell after the one told last (tip_ref, at commit tip). Raises RepositoryError: none fits.

    A tag older than the one told last is not told: it is a release of another line, and would set the tree back. The
    head is told whenever it is another tag or commit than before: newer, moved, or what is left after a deletion.
    """
    matching = {tag: commit for tag, commit in tags.items() if fnmatch.fnmatchcase(tag, glob)}
    if not matching:
        names = ", ".join(list(tags)[-NAMED_TAGS:]) or "none"
        raise RepositoryError(f"no tag matches {glob!r}; the repository's tags: {names}")
    head = newest(list(matching))
    if head is None:
        names = ", ".join(list(matching)[-NAMED_TAGS:])
        raise RepositoryError(f"no tag that matches {glob!r} has a version in its name: {names}")
    return Choice(head=head, to_tell=tuple(_steps(matching, head, tip, tip_ref)), matching=matching)


def _steps(matching: Mapping[str, str], head: str, tip: str | None, tip_ref: str | None) -> list[str]:
    last = version_of(head)
    assert last is not None
    if tip is None:
        return [head]
    before = version_of(tip_ref.removeprefix(TAGS_PREFIX)) if tip_ref and tip_ref.startswith(TAGS_PREFIX) else None
    if before is None and tip != EMPTY_TREE:
        return [head]  # a branch was followed until now
    between: list[Version] = []
    for version in map(version_of, matching):
        if version is None or version >= last or (version.is_prerelease and not last.is_prerelease):
            continue
        if before is None or version > before:
            between.append(version)
    return [*(version.tag for version in sorted(between)), head]
