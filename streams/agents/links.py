"""Agent links: a changed tree or datasheet -> links, their history, conflicts and file relevance.

A repository is mapped against all current datasheets. What a mapping is of (head and current releases) is its snapshot;
the ledger notes the snapshot its links are of, so changes that a later mapping has covered cost nothing.

A mapping is written only over the snapshot it was compared with. When the head or a datasheet moved while it was made,
it is right for its own snapshot, and the change that moved it is still to come: so of two racing changes the later one
sees both, an older mapping never replaces a newer one, and a repository that is always moving is linked nevertheless.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from mapper.ids import content_id
from mapper.linking import LinkChange, OldLink, advance, map_tree
from mapper.model import Datasheet, SourceFile, TraceLink
from mapper.model import Mapping as TreeMapping
from mapper.version import linker_version, mapping_version, parser_version, reader_version
from streams import topics
from streams.agents.delivery import Effect
from streams.agents.symbols import OpenMirror
from streams.errors import MovedError, RepositoryError
from streams.events import Cause, LinkedChange, LinkEvent, MappingChange
from streams.ledger import conflicts, links, sheets, sources, symbols
from streams.ledger.bodies import unpack
from streams.ledger.engine import reading
from streams.ledger.links import LinkTurn, StoredLink
from streams.ledger.outbox import Outgoing
from streams.ledger.sources import Repository
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.records import ChangeRecord, LinkedRecord, LinkRecord, path_batches
from streams.upgrade import upgrade_cause

logger = logging.getLogger(__name__)

Releases = Mapping[str, tuple[str, tuple[str, ...], str]]
"""Family -> (sha256, parts, reader's version) of the current release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRepository:
    """A repository, the snapshot that was mapped, and what that means for the links it had."""

    repository: Repository
    releases: Releases
    snapshot: str
    mapping: TreeMapping
    stored: Mapping[str, StoredLink]
    changes: tuple[LinkChange, ...]

    @property
    def is_upgrade(self) -> bool:
        """Whether the links that the repository had are of another version of the mapper."""
        return self.repository.linked is not None and self.repository.linked_by != mapping_version()


class LinksAgent:
    """Maps repositories whose tree or datasheets changed."""

    agent = "links"
    record = ChangeRecord

    def __init__(self, engine: Engine, metrics: StreamsMetrics, pool: Pool, open_mirror: OpenMirror) -> None:
        self._engine = engine
        self._metrics = metrics
        self._pool = pool
        self._open_mirror = open_mirror

    def prepare(self, event: MappingChange) -> list[MappedRepository]:
        """Return the new mapping of every repository whose snapshot differs from the one its links are of."""
        with reading(self._engine) as conn:
            releases = sheets.current_releases(conn)
            repositories = _concerned(conn, event) if _is_ours(event) else []
        due = [repository for repository in repositories if _is_due(repository, releases)]
        return [self._map(repository, releases) for repository in due]

    def apply(self, conn: Connection, event: MappingChange, prepared: list[MappedRepository]) -> Effect:
        """Write what the mappings change. Raises MovedError when the links are of another snapshot than before."""
        now, counted = time.time(), Counter[str]()
        paths: dict[str, set[str]] = defaultdict(set)
        records: list[Outgoing] = []
        if event.repo_id is not None:
            paths[event.repo_id].update(event.paths)
        for mapped in prepared:
            before = mapped.repository
            repository = sources.lock_repository(conn, before.repo_id)
            if repository is None or _links_of(repository) != _links_of(before):
                raise MovedError(f"repository {before.repo_id}: changed by another while it was mapped")
            turns = _turns(event, mapped)
            counted.update(turn.stored.state for turn in turns)
            links.write_turns(conn, repository.repo_id, turns, now)
            rewritten = _rewritten(mapped)
            links.write_links(conn, repository.repo_id, rewritten)
            links.replace_relevance(conn, repository.repo_id, mapped.mapping.files)
            conflicts.replace_conflicts(conn, repository.repo_id, mapped.mapping.conflicts, _cause(event, mapped))
            by = linked_by(before, mapped.releases)
            sources.record_linked(conn, repository.repo_id, snapshot=mapped.snapshot, head=before.head, linked_by=by)
            records += [_link_record(repository.repo_id, turn) for turn in turns]
            paths[repository.repo_id].update(_touched_paths(mapped, [*(turn.stored for turn in turns), *rewritten]))
        records += [record for repo_id in sorted(paths) for record in _linked_records(repo_id, paths[repo_id], event)]
        return Effect(records=tuple(records), event_time=event.cause.time, count=lambda: self._count(counted))

    def _map(self, repository: Repository, releases: Releases) -> MappedRepository:
        with reading(self._engine) as conn:
            moved = sources.get_repository(conn, repository.repo_id) != repository
            if moved or sheets.current_releases(conn) != releases:
                raise MovedError(f"repository {repository.repo_id}: head or datasheets moved before it was mapped")
            trees = symbols.tree_bodies(conn, repository.repo_id)
            bodies = list(sheets.current_bodies(conn).values())
            stored = {s.link.link_id: s for s in links.load_links(conn, repo_id=repository.repo_id, states=None)}
            present = symbols.symbol_ids(conn, repository.repo_id)
        mapping = (
            self._pool.call(map_bodies, trees, bodies, repository.repo_id, repository.parts)
            if trees and bodies
            else TreeMapping(files=(), links=(), conflicts=())
        )
        removed = repository.state == "removed"
        renames = self._renames(repository)
        changes: list[LinkChange] = []
        for family, (old, new) in _by_family(stored.values(), mapping).items():
            gone = removed or family not in releases
            changes += advance(old, new, renames=renames, present_symbols=present, removed_source=gone)
        return MappedRepository(
            repository=repository,
            releases=releases,
            snapshot=snapshot_id(repository, releases),
            mapping=mapping,
            stored=stored,
            changes=tuple(changes),
        )

    def _renames(self, repository: Repository) -> dict[str, str]:
        """Return old path -> new path since the last mapping; none when the mirror does not reach back that far."""
        if repository.head is None or repository.linked_head in (None, repository.head):
            return {}
        try:
            changes = self._open_mirror(repository.repo_id).changes(repository.linked_head, repository.head)
        except RepositoryError as error:
            logger.warning("renames unknown repo_id=%s error=%r", repository.repo_id, error)
            return {}
        return {change.old_path: change.path for change in changes if change.status == "R" and change.old_path}

    def _count(self, counted: Mapping[str, int]) -> None:
        for state, number in counted.items():
            self._metrics.link_changes.labels(state).inc(number)


def map_bodies(files: list[bytes], sheet_bodies: list[bytes], repo_id: str, parts: tuple[str, ...]) -> TreeMapping:
    """Return the mapping of packed files and datasheets.

    Ids are of the repository, not of its family: forks of one origin have links of their own.
    """
    return map_tree(
        [unpack(SourceFile, body) for body in files],
        [unpack(Datasheet, body) for body in sheet_bodies],
        repo_family=repo_id,
        pinned_parts=parts,
    )


def snapshot_id(repository: Repository, releases: Releases) -> str:
    """Return the id of all that a mapping of the repository depends on."""
    if repository.state == "removed":
        return content_id("snap1", "removed")
    read = [repository.head, repository.parser, list(repository.parts), list(repository.path_globs)]
    current = [[family, sha256, list(parts), reader] for family, (sha256, parts, reader) in sorted(releases.items())]
    return content_id("snap2", linker_version(), *read, current)


def linked_by(repository: Repository, releases: Releases) -> str:
    """Return this version if it has read all that the repository's links are made of, "" if another has some of it."""
    tree = repository.head is None or repository.parser == parser_version()
    is_ours = tree and all(reader == reader_version() for _, _, reader in releases.values())
    return mapping_version() if is_ours or repository.state == "removed" else ""


def _is_ours(event: MappingChange) -> bool:
    """Return whether an event is no upgrade to another version: that is left to workers of it."""
    return event.cause.kind != "upgrade" or event.cause.id in (parser_version(), mapping_version())


def _is_due(repository: Repository, releases: Releases) -> bool:
    by = linked_by(repository, releases)
    return repository.linked != snapshot_id(repository, releases) or (by != "" and repository.linked_by != by)


def _links_of(repository: Repository) -> tuple[str | None, str | None, str]:
    return repository.linked, repository.linked_by, repository.state


def _concerned(conn: Connection, event: MappingChange) -> list[Repository]:
    if event.repo_id is None:
        return sources.list_repositories(conn)
    repository = sources.find_repository(conn, event.repo_id)
    return [repository] if repository else []


def _by_family(stored: Iterable[StoredLink], mapping: TreeMapping) -> dict[str, tuple[list[OldLink], TreeMapping]]:
    old: dict[str, list[OldLink]] = defaultdict(list)
    new: dict[str, list[TraceLink]] = defaultdict(list)
    for item in stored:
        old[item.link.sheet_family].append(_old_link(item))
    for link in mapping.links:
        new[link.sheet_family].append(link)
    return {
        family: (old[family], TreeMapping(files=(), links=tuple(new[family]), conflicts=()))
        for family in sorted({*old, *new})
    }


def _old_link(stored: StoredLink) -> OldLink:
    link = stored.link
    return OldLink(
        link_id=link.link_id,
        symbol_id=link.symbol_id,
        anchor_id=link.anchor_id,
        revision=link.revision,
        state=stored.state,
        path=link.symbol.path,
        name=link.symbol.qualified_name,
        kind=link.symbol.kind,
        page=link.anchor.page,
        symbol_revision=link.symbol.revision,
    )


def _turns(event: MappingChange, mapped: MappedRepository) -> list[LinkTurn]:
    turns = []
    for change in mapped.changes:
        before = mapped.stored.get(change.link_id)
        link = change.link or (before.link if before else None)
        assert link is not None
        moved_from = change.moved_from or (before.moved_from if before else None)
        stored = StoredLink(link=link, state=change.state, moved_from=moved_from)
        same_sheet = before is not None and mapped.releases.get(link.sheet_family, ("",))[0] == before.link.sheet_sha256
        cause = _cause(event, mapped, same_sheet=same_sheet, path=link.symbol.path)
        turns.append(LinkTurn(stored=stored, cause=cause, detail=change.detail))
    return turns


def _cause(
    event: MappingChange, mapped: MappedRepository, *, same_sheet: bool = False, path: str | None = None
) -> Cause:
    """Return what a change is due to: the event, or the upgrade or commit that was mapped on its occasion."""
    repository = mapped.repository
    head = repository.head
    if repository.state == "removed" or head is None or event.cause.kind == "removal":
        return event.cause
    if event.cause.kind == "upgrade" and repository.linked_head == head:
        return event.cause
    if event.cause.kind == "datasheet" and not (same_sheet and (mapped.is_upgrade or repository.linked_head != head)):
        return event.cause
    is_elsewhere = path is not None and path not in event.paths
    if mapped.is_upgrade and (repository.linked_head == head or is_elsewhere):
        return upgrade_cause(mapping_version(), repository.head_time or event.cause.time, "linked again")
    if event.cause.id == head:
        return event.cause
    return Cause(kind="commit", id=head, time=repository.head_time or event.cause.time)


def _rewritten(mapped: MappedRepository) -> list[StoredLink]:
    """Return the links whose state stays, but of which the mapping now says something else (score, evidence, line)."""
    changed = {change.link_id for change in mapped.changes}
    found = []
    for link in mapped.mapping.links:
        before = mapped.stored.get(link.link_id)
        if link.link_id not in changed and before is not None and before.link != link:
            found.append(StoredLink(link=link, state=before.state, moved_from=before.moved_from))
    return found


def _touched_paths(mapped: MappedRepository, written: Iterable[StoredLink]) -> set[str]:
    before = {stored.link.link_id: stored.link.symbol.path for stored in mapped.stored.values()}
    paths = {stored.link.symbol.path for stored in written}
    if mapped.is_upgrade:  # a datasheet's text may read otherwise where no link says anything else
        paths |= {link.symbol.path for link in mapped.mapping.links}
    return paths | {before[stored.link.link_id] for stored in written if stored.link.link_id in before}


def _link_record(repo_id: str, turn: LinkTurn) -> Outgoing:
    link = turn.stored.link
    event = LinkEvent(
        link_id=link.link_id,
        revision=link.revision,
        state=turn.stored.state,
        repo_id=repo_id,
        sheet_family=link.sheet_family,
        part=link.part,
        path=link.symbol.path,
        symbol=link.symbol.qualified_name,
        anchor=link.anchor.title,
        page=link.anchor.page,
        score=link.score,
        cause=turn.cause,
    )
    return Outgoing(topic=topics.LINKS.name, key=link.link_id, value=LinkRecord.from_domain(event).encode())


def _linked_records(repo_id: str, paths: Iterable[str], event: MappingChange) -> Iterator[Outgoing]:
    batches = list(path_batches(paths))
    if not batches and event.cause.kind == "removal":
        batches = [()]  # a removed repository has no paths left, but samples to take back
    for batch in batches:
        change = LinkedChange(repo_id=repo_id, paths=batch, cause=event.cause)
        yield Outgoing(topic=topics.LINKED.name, key=repo_id, value=LinkedRecord.from_domain(change).encode())
