"""Agent links: a changed tree or datasheet -> links, their history, conflicts and file relevance.

A repository is mapped against all current datasheets, at the cost of what changed (streams/agents/remap.py). What a
mapping is of (head, current releases, version of the linker) is its snapshot; the ledger notes the snapshot its links
are of, so changes that a later mapping has covered cost nothing.

A mapping is written only over the snapshot it was compared with. When the head or a datasheet moved while it was made,
it is right for its own snapshot, and the change that moved it is still to come: so of two racing changes the later one
sees both, an older mapping never replaces a newer one, and a repository that is always moving is linked nevertheless.
"""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from sqlalchemy import Connection, Engine

from mapper.ids import content_id
from mapper.linking import map_tree
from mapper.model import Datasheet, SourceFile
from mapper.model import Mapping as TreeMapping
from mapper.version import linker_version, mapping_version, parser_version, reader_version
from streams import topics
from streams.agents.delivery import Effect
from streams.agents.mapped import MappedFamily, MappedRepository, compare
from streams.agents.remap import Releases as Releases
from streams.agents.remap import RemapRequest, remap
from streams.agents.symbols import OpenMirror
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.events import LinkedChange, LinkEvent, MappingChange
from streams.ledger import conflicts, costs, decisions, links, pending, sheets, sources
from streams.ledger.bodies import unpack
from streams.ledger.costs import Cost
from streams.ledger.engine import reading, url_of
from streams.ledger.links import LinkTurn
from streams.ledger.outbox import Outgoing
from streams.ledger.sources import Repository
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.records import ChangeRecord, LinkedRecord, LinkRecord, path_batches

TREES = "trees"
"""Folder of HOME/cache with the states of trees."""


class LinksAgent:
    """Maps repositories whose tree or datasheets changed."""

    agent = "links"
    record = ChangeRecord

    def __init__(
        self,
        engine: Engine,
        metrics: StreamsMetrics,
        pool: Pool,
        open_mirror: OpenMirror,
        *,
        settings: StreamsSettings | None = None,
    ) -> None:
        """Settings say where the home is, with the cache of trees; without them each tree is read as a whole."""
        self._engine = engine
        self._metrics = metrics
        self._pool = pool
        self._open_mirror = open_mirror
        self._cache = settings.home / "cache" / TREES if settings is not None else None

    def prepare(self, event: MappingChange) -> list[MappedRepository]:
        """Return what mapping changes in every repository whose snapshot differs from the one its links are of."""
        with reading(self._engine) as conn:
            releases = sheets.current_releases(conn)
            repositories = _concerned(conn, event) if _is_ours(event) else []
        due = [repository for repository in repositories if _is_due(repository, releases)]
        return [self._map(event, repository, releases) for repository in due]

    def apply(self, conn: Connection, event: MappingChange, prepared: list[MappedRepository]) -> Effect:
        """Write what the mappings change. Raises MovedError when the links are of another snapshot than before."""
        now, counts = time.time(), list[Callable[[], None]]()
        paths: dict[str, set[str]] = defaultdict(set)
        records: list[Outgoing] = []
        if event.repo_id is not None:
            paths[event.repo_id].update(event.paths)
        for mapped in prepared:
            started = time.thread_time(), time.monotonic()
            before = mapped.repository
            repository = sources.lock_repository(conn, before.repo_id)
            if repository is None or _links_of(repository) != _links_of(before):
                raise MovedError(f"repository {before.repo_id}: changed by another while it was mapped")
            for family in mapped.families:
                _write_family(conn, mapped, family, now)
            work = mapped.remapped
            decisions.write_decisions(conn, repository.repo_id, work.taken, work.forgotten)
            pending.forget(conn, repository.repo_id, None if repository.head == before.head else work.pending.commits)
            sources.record_linked(
                conn,
                repository.repo_id,
                snapshot=mapped.snapshot,
                head=before.head,
                linked_by=mapped.linked_by,
                tree=work.tree,
            )
            turns = [turn for family in mapped.families for turn in family.turns]
            cost = _cost(event, mapped, len(turns), started, now)
            costs.record_cost(conn, cost, led_to=mapped.snapshot)
            records += [_link_record(repository.repo_id, turn) for turn in turns]
            paths[repository.repo_id].update(mapped.touched_paths())
            counts.append(_counter(self._metrics, cost, turns))
        records += [record for repo_id in sorted(paths) for record in _linked_records(repo_id, paths[repo_id], event)]
        return Effect(records=tuple(records), event_time=event.cause.time, count=partial(_call_all, counts))

    def _map(self, event: MappingChange, repository: Repository, releases: Releases) -> MappedRepository:
        cpu, wall = time.thread_time(), time.monotonic()
        request = RemapRequest(
            database_url=url_of(self._engine),
            caller=os.getpid(),
            cache=self._cache,
            repository=repository,
            releases=releases,
        )
        remapped = self._pool.call(remap, request)
        families = compare(event, repository, remapped, self._open_mirror)
        own = remapped.cpu_seconds if remapped.process != os.getpid() else 0.0
        return MappedRepository(
            repository=repository,
            snapshot=snapshot_id(repository, releases),
            linked_by=linked_by(repository, releases),
            remapped=remapped,
            families=families,
            cpu_seconds=time.thread_time() - cpu + own,
            wall_seconds=time.monotonic() - wall,
        )


def map_bodies(files: list[bytes], sheet_bodies: list[bytes], repo_id: str, parts: tuple[str, ...]) -> TreeMapping:
    """Return the mapping of packed files and datasheets from scratch: what the ledger's links must be equal to.

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
        return content_id("snap3", "removed")
    read = [repository.head, repository.parser, list(repository.parts), list(repository.path_globs)]
    current = [
        [family, release.sha256, list(release.parts), release.reader, release.content]
        for family, release in sorted(releases.items())
    ]
    return content_id("snap3", linker_version(), *read, current)


def linked_by(repository: Repository, releases: Releases) -> str:
    """Return this version if it has read all that the repository's links are made of, "" if another has some of it."""
    tree = repository.head is None or repository.parser == parser_version()
    is_ours = tree and all(release.reader == reader_version() for release in releases.values())
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


def _write_family(conn: Connection, mapped: MappedRepository, family: MappedFamily, now: float) -> None:
    repo_id, remapped = mapped.repository.repo_id, family.remapped
    if remapped.files is not None:
        links.replace_relevance(conn, repo_id, remapped.files, families=[remapped.family])
    if remapped.is_linked:
        links.write_turns(conn, repo_id, family.turns, now)
        links.write_links(conn, repo_id, family.rewritten)
        conflicts.replace_conflicts(
            conn, repo_id, remapped.conflicts, family.conflict_cause, families=[remapped.family], now=now
        )


def _cost(
    event: MappingChange, mapped: MappedRepository, num_turns: int, started: tuple[float, float], now: float
) -> Cost:
    work = mapped.remapped
    return Cost(
        agent=LinksAgent.agent,
        repo_id=mapped.repository.repo_id,
        cause_kind=event.cause.kind,
        cause_id=event.cause.id,
        symbols_aligned=work.num_aligned,
        decisions_kept=work.num_kept,
        decisions_taken=len(work.taken),
        links_changed=num_turns,
        cpu_seconds=mapped.cpu_seconds + time.thread_time() - started[0],
        wall_seconds=mapped.wall_seconds + time.monotonic() - started[1],
        recorded_at=now,
    )


def _call_all(counts: Iterable[Callable[[], None]]) -> None:
    for count in counts:
        count()


def _counter(metrics: StreamsMetrics, cost: Cost, turns: Collection[LinkTurn]) -> Callable[[], None]:
    states = Counter(turn.stored.state for turn in turns)

    def count() -> None:
        metrics.count_cost(cost)
        for state, number in states.items():
            metrics.link_changes.labels(state).inc(number)

    return count


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
