"""A repository's new mapping beside its links in the ledger: which of them change, why, and what is rewritten."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from mapper.linking import OldLink, advance
from mapper.model import LIVE_STATES
from mapper.model import Mapping as TreeMapping
from streams.agents.causes import Causes
from streams.agents.families import FamilyRemap
from streams.agents.remap import Remapped
from streams.agents.symbols import OpenMirror
from streams.errors import RepositoryError
from streams.events import Cause, MappingChange
from streams.ledger.conflicts import Subject
from streams.ledger.links import LinkTurn, StoredLink
from streams.ledger.sources import Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedFamily:
    """What changes among the links to one datasheet family."""

    remapped: FamilyRemap
    turns: tuple[LinkTurn, ...]
    rewritten: tuple[StoredLink, ...]
    """Links whose state stays, but of which the mapping now says something else (score, evidence, line, release)."""
    conflict_cause: Callable[[Subject], Cause]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRepository:
    """A repository, the snapshot that was mapped, and what that means for the links it had."""

    repository: Repository
    snapshot: str
    linked_by: str
    remapped: Remapped
    families: tuple[MappedFamily, ...]
    cpu_seconds: float
    wall_seconds: float

    def touched_paths(self) -> Iterator[str]:
        """Yield the paths of links that were written, or may read otherwise after an upgrade."""
        yield from self.remapped.read_again
        for family in self.families:
            yield from (turn.stored.link.symbol.path for turn in family.turns)
            yield from (stored.link.symbol.path for stored in family.rewritten)


def compare(
    event: MappingChange, repository: Repository, remapped: Remapped, open_mirror: OpenMirror
) -> tuple[MappedFamily, ...]:
    """Return what a mapping changes, family by family."""
    causes = Causes(event, repository, remapped.pending)
    renames = _renames(repository, remapped, open_mirror)
    return tuple(_compared(repository, family, causes, renames) for family in remapped.families)


def _compared(repository: Repository, family: FamilyRemap, causes: Causes, renames: Mapping[str, str]) -> MappedFamily:
    before = {stored.link.link_id: stored for stored in family.old}
    changes = advance(
        [OldLink(link=stored.link, state=stored.state) for stored in family.old],
        TreeMapping(files=(), links=family.fresh, conflicts=()),
        renames=renames,
        present_symbols=family.present,
        absent_anchors=family.absent_anchors,
        sheet_changes=family.phrases,
        removed_source=repository.state == "removed" or (family.is_linked and family.release is None),
    )
    turns = []
    for change in changes:
        known = before.get(change.link_id)
        link = change.link or (known.link if known else None)
        assert link is not None
        moved_from = change.moved_from or (known.moved_from if known else None)
        stored = StoredLink(link=link, state=change.state, moved_from=moved_from)
        turns.append(LinkTurn(stored=stored, cause=causes.of_link(family, change, link), detail=change.detail))
    changed = {change.link_id for change in changes}
    rewritten = [
        StoredLink(link=link, state=before[link.link_id].state, moved_from=before[link.link_id].moved_from)
        for link in family.fresh
        if link.link_id not in changed
    ]
    return MappedFamily(
        remapped=family,
        turns=tuple(turns),
        rewritten=tuple(rewritten),
        conflict_cause=partial(causes.of_conflict, family),
    )


def _renames(repository: Repository, remapped: Remapped, open_mirror: OpenMirror) -> dict[str, str]:
    """Return old path -> new path since the last mapping: commit by commit as noted, else as git compares both ends.

    Git is asked only where a link's file is gone and no commit told where it went; it may not know either, as a mirror
    that was fetched anew does not reach back.
    """
    noted = dict(remapped.pending.renames)
    lost = {
        stored.link.symbol.path
        for family in remapped.families
        for stored in family.old
        if stored.state in LIVE_STATES and stored.link.symbol_id not in family.present
    }
    if repository.head is None or repository.linked_head in (None, repository.head) or lost <= noted.keys():
        return noted
    try:
        changes = open_mirror(repository.repo_id).changes(repository.linked_head, repository.head)
    except RepositoryError as error:
        logger.warning("renames unknown repo_id=%s error=%r", repository.repo_id, error)
        return noted
    seen = {change.old_path: change.path for change in changes if change.status == "R" and change.old_path}
    return seen | noted
