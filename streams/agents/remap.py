"""One repository mapped from where its last mapping stood: runs in another process, with its own view of the ledger.

What decisions were taken on is in the ledger, the tree's state in a cache. Only datasheets for which the tree answers
otherwise than it did are decided anew, and only what that changes comes back: work and memory follow the change.
"""

import functools
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from mapper.code import role_of
from mapper.ids import content_id
from mapper.linking.index.structure import ANSWER_ROLES
from mapper.linking.index.tree import TreeIndex
from mapper.linking.mapping import Decision, Grounds, renew
from mapper.model import Datasheet, SourceFile
from mapper.version import linker_version, mapping_version
from streams.agents.families import FamilyRemap, ended_family, remapped_family
from streams.errors import MovedError
from streams.ledger import decisions, links, sheets, sources, symbols
from streams.ledger.bodies import content_of, unpack
from streams.ledger.decisions import KeptDecision
from streams.ledger.engine import open_ledger, reading
from streams.ledger.pending import Pending, load_pending
from streams.ledger.sheets import Release
from streams.ledger.sources import Repository
from streams.treecache import TreeCache, digest_of

KEPT_FILES = 128
"""Parsed files held at a time while they are linked."""

Releases = Mapping[str, Release]
"""Family -> current release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemapRequest:
    """What to map: a repository and the releases as they were seen; travels to another process."""

    database_url: str
    caller: int
    """Id of the process that asks."""
    cache: Path | None
    repository: Repository
    releases: Releases


@dataclass(frozen=True, slots=True, kw_only=True)
class Remapped:
    """What a repository's mapping changes, and what it cost."""

    families: tuple[FamilyRemap, ...]
    taken: tuple[KeptDecision, ...]
    """Decisions that were taken anew, to be kept."""
    forgotten: tuple[str, ...]
    """sha256 of datasheets that are current no more."""
    tree: str
    """Digest of the tree's state for which all decisions hold now."""
    pending: Pending
    read_again: frozenset[str]
    """After an upgrade, the paths with links: text may read otherwise where no link says anything else."""
    num_kept: int
    num_aligned: int
    cpu_seconds: float
    process: int


def remap(request: RemapRequest) -> Remapped:
    """Return what the mapping of a repository changes. Raises MovedError when the ledger is past what was seen."""
    started = time.thread_time()
    with _ledger(request) as engine, reading(engine) as conn:
        is_same = sources.get_repository(conn, request.repository.repo_id) == request.repository
        if not is_same or sheets.current_releases(conn) != request.releases:
            raise MovedError(f"repository {request.repository.repo_id}: head or datasheets moved before it was mapped")
        return _Remapping(conn, request).run(started)


def decision_key(repository: Repository, release: Release) -> str:
    """Return the key of all that a decision depends on besides the tree; it begins with the linker's version."""
    read = [repository.parser, list(repository.parts), release.sha256, release.content]
    return f"{linker_version()}.{content_id('dec1', *read)}"


def is_upgrade(repository: Repository) -> bool:
    """Return whether the links that a repository has are of another version of the mapper."""
    return repository.linked is not None and repository.linked_by != mapping_version()


@contextmanager
def _ledger(request: RemapRequest) -> Iterator[Engine]:
    """Give the ledger: a process of the pool keeps its connection for the next mapping."""
    if os.getpid() != request.caller:
        yield _kept_ledger(request.database_url)
        return
    engine = open_ledger(request.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


@functools.lru_cache(maxsize=1)
def _kept_ledger(database_url: str) -> Engine:
    return open_ledger(database_url)


class _Remapping:
    """One run: what it reads is of one snapshot of the ledger."""

    def __init__(self, conn: Connection, request: RemapRequest) -> None:
        self._conn = conn
        self._repository = request.repository
        self._repo_id = request.repository.repo_id
        self._is_removed = request.repository.state == "removed"
        self._current = {} if self._is_removed else {r.sha256: (f, r) for f, r in request.releases.items()}
        self._cache = TreeCache(request.cache)
        self._load = functools.lru_cache(maxsize=KEPT_FILES)(self._parsed)
        self._sheet = functools.cache(self._read_sheet)
        self._stamps: dict[str, str] = {}

    def run(self, started: float) -> Remapped:
        if self._is_removed:
            self._cache.remove(self._repo_id)
        else:
            tree = symbols.parsed_tree(self._conn, self._repo_id)
            self._stamps = {path: stamp for path, stamp in tree.items() if role_of(path) in ANSWER_ROLES}
        digest = digest_of(self._stamps)
        before = decisions.load_decisions(self._conn, self._repo_id)
        known = self._valid(before)
        taken = self._taken(known, is_same_tree=self._repository.linked_tree == digest)
        families = self._families(before, known, taken)
        return Remapped(
            families=tuple(families),
            taken=tuple(self._kept(sha256, grounds) for sha256, grounds in sorted(taken.items())),
            forgotten=tuple(sorted(before.keys() - self._current.keys())),
            tree=digest,
            pending=load_pending(self._conn, self._repo_id),
            read_again=frozenset(links.live_paths(self._conn, self._repo_id) if is_upgrade(self._repository) else ()),
            num_kept=len(self._current) - len(taken),
            num_aligned=self._num_aligned(taken.values()),
            cpu_seconds=time.thread_time() - started,
            process=os.getpid(),
        )

    def _valid(self, before: Mapping[str, KeptDecision]) -> dict[str, KeptDecision]:
        """Return the decisions that depend on nothing but the tree for being right."""
        return {
            sha256: before[sha256]
            for sha256, (_, release) in self._current.items()
            if sha256 in before and before[sha256].key == decision_key(self._repository, release)
        }

    def _taken(self, known: Mapping[str, KeptDecision], *, is_same_tree: bool) -> dict[str, Grounds]:
        """Return the decisions that are other ones now; of a tree that is the same nothing known is asked again."""
        wanted = [sha256 for sha256 in self._current if sha256 not in known or not is_same_tree]
        if not wanted:
            return {}
        parser = self._repository.parser or ""
        state = self._cache.current(self._repo_id, self._stamps, self._parsed_files, parser=parser)
        before = {sha256: known[sha256].grounds for sha256 in wanted if sha256 in known}
        decided = renew(
            TreeIndex(state, self._load),
            {sha256: functools.partial(self._sheet, sha256) for sha256 in wanted},
            repo_family=self._repo_id,  # ids are of the repository: forks of one origin have links of their own
            pinned_parts=self._repository.parts,
            before=before,
        )
        return {sha256: grounds for sha256, grounds in decided if grounds is not before.get(sha256)}

    def _families(
        self, before: Mapping[str, KeptDecision], known: Mapping[str, KeptDecision], taken: Mapping[str, Grounds]
    ) -> list[FamilyRemap]:
        gone = {kept.sheet_family: sha256 for sha256, kept in before.items() if sha256 not in self._current}
        found = []
        for sha256, grounds in sorted(taken.items()):
            family, release = self._current[sha256]
            old_files = known[sha256].grounds.files if sha256 in known else None
            found.append(
                remapped_family(
                    self._conn,
                    self._repository,
                    family=family,
                    release=release,
                    before=gone.get(family) or (sha256 if sha256 in before else None),
                    files=grounds.files if grounds.files != old_files else None,
                    decision=grounds if isinstance(grounds, Decision) else None,
                    is_upgrade=is_upgrade(self._repository),
                    sheet=functools.partial(self._sheet, sha256),
                )
            )
        ended = gone.keys() - {family for family, _ in self._current.values()}
        if self._repository.linked_tree is None:  # mapped last by a version that kept no decisions, or never
            ended = links.families_of(self._conn, self._repo_id) - {family for family, _ in self._current.values()}
        return found + [ended_family(self._conn, self._repo_id, family) for family in sorted(ended)]

    def _kept(self, sha256: str, grounds: Grounds) -> KeptDecision:
        family, release = self._current[sha256]
        plain = grounds.grounds if isinstance(grounds, Decision) else grounds
        return KeptDecision.of(plain, sha256=sha256, family=family, key=decision_key(self._repository, release))

    def _num_aligned(self, taken: Iterable[Grounds]) -> int:
        decided = [decision for decision in taken if isinstance(decision, Decision)]
        paths = [file.path for decision in decided for file in decision.files if file.accepted]
        return sum(len(self._load(path).symbols) for path in paths)

    def _parsed(self, path: str) -> SourceFile:
        return symbols.load_head_files(self._conn, self._repo_id, [path])[path]

    def _parsed_files(self, paths: Sequence[str]) -> dict[str, SourceFile]:
        return symbols.load_head_files(self._conn, self._repo_id, paths)

    def _read_sheet(self, sha256: str) -> Datasheet:
        body = sheets.load_body(self._conn, sha256)
        assert content_of(body) == self._current[sha256][1].content, sha256
        return unpack(Datasheet, body)
