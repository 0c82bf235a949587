"""The true cause of each change: the commit that changed the symbol, the release that changed the place, or else.

Several commits and a release may be mapped at once, on the occasion of an event that is about one of them alone.
"""

from dataclasses import dataclass

from mapper.linking.lifecycle import LinkChange
from mapper.model import TraceLink
from mapper.version import mapping_version
from streams.agents.families import FamilyRemap
from streams.events import Cause, MappingChange
from streams.ledger.conflicts import Subject
from streams.ledger.pending import Pending
from streams.ledger.sources import Repository
from streams.ledger.symbols import Commit
from streams.upgrade import upgrade_cause


@dataclass(frozen=True, slots=True)
class Causes:
    """The causes of what one mapping of a repository changes."""

    event: MappingChange
    repository: Repository
    pending: Pending

    def of_link(self, family: FamilyRemap, change: LinkChange, link: TraceLink) -> Cause:
        """Return why a link changed; link is the fresh one, or of one that is derived no more the old one."""
        if family.release is None or change.end == "source":
            return self._removal(family)
        if change.end == "symbol":
            commit = self.pending.symbols.get(link.symbol_id) or self.pending.paths.get(link.symbol.path)
            return self._upgrade() if commit is None and family.is_upgrade else self._commit(commit)
        if change.end == "anchor":
            is_read_again = family.is_upgrade and family.before == family.release.sha256
            return self._upgrade() if is_read_again else self._release(family)
        return self._of_either(family, link.symbol_id, link.symbol.path)

    def of_conflict(self, family: FamilyRemap, subject: Subject) -> Cause:
        """Return why a conflict was opened or resolved."""
        if family.release is None:
            return self._removal(family)
        return self._of_either(family, subject.symbol_id, subject.path)

    def _of_either(self, family: FamilyRemap, symbol_id: str, path: str) -> Cause:
        """Return the cause of what is not about one end alone: what changed of symbol, release, mapper, file, tree."""
        assert family.release is not None
        is_first = not self.repository.was_linked
        if family.before is None and not is_first:
            return self._release(family)
        commit = self.pending.symbols.get(symbol_id) or family.commits.get(symbol_id)
        if commit is not None:
            return self._commit(commit)
        if family.before not in (None, family.release.sha256):
            return self._release(family)
        if family.is_upgrade:
            return self._upgrade()
        return self._commit(self.pending.paths.get(path) or self.pending.newest)

    def _commit(self, commit: Commit | None) -> Cause:
        """Return a commit as cause; without one the head, if it was not linked yet, else the event."""
        cause, repository = self.event.cause, self.repository
        if commit is None and (repository.head is None or repository.linked_head == repository.head):
            return cause
        known = commit or Commit(repository.head or "", repository.head_time or cause.time)
        if cause.kind == "commit" and cause.id == known.commit_id:
            return cause
        return Cause(kind="commit", id=known.commit_id, time=known.time)

    def _release(self, family: FamilyRemap) -> Cause:
        cause, release = self.event.cause, family.release
        assert release is not None
        if cause.kind == "datasheet" and cause.id == release.sha256:
            return cause
        detail = f"revision {release.revision or 'unknown'}"
        return Cause(kind="datasheet", id=release.sha256, time=release.released_at, detail=detail)

    def _upgrade(self) -> Cause:
        cause = self.event.cause
        moment = self.repository.head_time or cause.time
        return cause if cause.kind == "upgrade" else upgrade_cause(mapping_version(), moment, "linked again")

    def _removal(self, family: FamilyRemap) -> Cause:
        cause = self.event.cause
        if cause.kind == "removal" and (self.event.repo_id is not None or self.event.sheet_family == family.family):
            return cause
        if self.repository.state == "removed":
            return Cause(kind="removal", id=self.repository.repo_id, time=cause.time)
        if family.removed_source is not None:
            return Cause(kind="removal", id=family.removed_source, time=cause.time)
        return cause
