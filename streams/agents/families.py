"""What deciding anew about one datasheet changes among the links that a repository has to its family."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from mapper.linking.differences import sheet_phrases
from mapper.linking.mapping import Decision
from mapper.model import LIVE_STATES, Conflict, Datasheet, FileRelevance, SymbolNow, TraceLink
from streams.ledger import links, sheets, symbols
from streams.ledger.links import StoredLink
from streams.ledger.sheets import Release
from streams.ledger.sources import Repository
from streams.ledger.symbols import Commit

MAX_REVISIONS = 100
"""Releases between two mappings whose changes are told one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRemap:
    """A datasheet family of which something was decided anew, or that has no current release any more."""

    family: str
    release: Release | None
    before: str | None
    """sha256 of the release that its links were of; None: it was never decided about."""
    files: tuple[FileRelevance, ...] | None
    """None: as they were."""
    is_linked: bool
    """Whether its links were decided anew; else what follows is empty."""
    is_upgrade: bool = False
    """Whether they were decided anew since another version of the mapper had decided."""
    old: tuple[StoredLink, ...] = ()
    """Stored links, but for those that are live and equal to what was decided."""
    fresh: tuple[TraceLink, ...] = ()
    """What was decided, but for what is stored and live already."""
    conflicts: tuple[Conflict, ...] = ()
    present: Mapping[str, SymbolNow] = field(default_factory=dict)
    """Of links that are derived no more, the symbols that exist."""
    absent_anchors: frozenset[str] = frozenset()
    """Of links that are derived no more, the places that the datasheet has no more."""
    phrases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What the release changed, in words, by place."""
    commits: Mapping[str, Commit] = field(default_factory=dict)
    """Symbol id -> its last commit, where none waits to be linked since nothing ever was."""
    removed_source: str | None = None
    """The source whose removal ended the family."""


def remapped_family(
    conn: Connection,
    repository: Repository,
    *,
    family: str,
    release: Release,
    before: str | None,
    files: tuple[FileRelevance, ...] | None,
    decision: Decision | None,
    is_upgrade: bool,
    sheet: Callable[[], Datasheet],
) -> FamilyRemap:
    """Return what a decision changes; decision None: only the files were decided anew, and the links stay."""
    if decision is None:
        return FamilyRemap(family=family, release=release, before=before, files=files, is_linked=False)
    decided = {link.link_id: link for link in decision.links}
    old, same = links.differing_links(conn, repository.repo_id, family, decided)
    fresh = tuple(link for key, link in decided.items() if key not in same)
    dying = [stored.link for stored in old if stored.state in LIVE_STATES and stored.link.link_id not in decided]
    if before is None and old:  # linked by a version that kept no decisions
        before = old[0].link.sheet_sha256
    is_first = not repository.was_linked
    return FamilyRemap(
        family=family,
        release=release,
        before=before,
        files=files,
        is_linked=True,
        is_upgrade=is_upgrade,
        old=tuple(old),
        fresh=fresh,
        conflicts=decision.conflicts,
        present=symbols.symbols_now(conn, {link.symbol_id for link in dying}),
        absent_anchors=_absent_anchors(dying, sheet) if dying and before != release.sha256 else frozenset(),
        phrases=_phrases(conn, family, before, release.sha256),
        commits=symbols.last_commits(conn, repository.repo_id, {link.symbol_id for link in fresh}) if is_first else {},
    )


def ended_family(conn: Connection, repo_id: str, family: str) -> FamilyRemap:
    """Return what it means that a repository, or the last release of a family, was removed."""
    old, _ = links.differing_links(conn, repo_id, family, {})
    before = old[0].link.sheet_sha256 if old else None
    return FamilyRemap(
        family=family,
        release=None,
        before=before,
        files=(),
        is_linked=True,
        old=tuple(old),
        removed_source=sheets.removed_source(conn, before) if before is not None else None,
    )


def _absent_anchors(dying: Collection[TraceLink], sheet: Callable[[], Datasheet]) -> frozenset[str]:
    """Return the ids of the links' places that a datasheet does not have: a register, field or section by its name."""
    content = sheet()
    fields = {(register.name, field.name) for register in content.registers for field in register.fields}
    registers = {register.name for register in content.registers}
    sections = {section.path for section in content.sections}
    absent = set()
    for link in dying:
        anchor = link.anchor
        if anchor.register is not None:
            is_there = (anchor.register, anchor.field) in fields if anchor.field else anchor.register in registers
        else:
            is_there = anchor.kind != "section" or anchor.path in sections
        if not is_there:
            absent.add(link.anchor_id)
    return frozenset(absent)


def _phrases(conn: Connection, family: str, before: str | None, now: str) -> dict[str, list[str]]:
    """Return what differs between two releases, through those in between; nothing where that was not compared."""
    if before is None or before == now:
        return {}
    told: list[tuple[str, str, str | None, str | None]] = []
    for _ in range(MAX_REVISIONS):
        rows = sheets.changes_from(conn, family, before)
        if not rows:
            return {}
        told += [(row.anchor, row.what, row.old_value, row.new_value) for row in rows]
        before = rows[0].new_sha256
        if before == now:
            return sheet_phrases(told)
    return {}
