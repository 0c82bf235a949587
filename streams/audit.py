"""The audit: does the ledger equal what follows from its sources, made from scratch?

Of a repository: links, conflicts and relevant files are compared with a mapping of its tree and the current
datasheets; its symbols with its parsed files; its tree with the head's tree in the mirror (streams/audit_trees.py). A
shallow audit maps the parsed files that the ledger keeps, a deep one parses the mirror's bytes again.

All that the ledger says is read in one snapshot of it, so nothing can move in between. Links of an older head or
datasheet than today's are not wrong but not there yet: then the audit is not `current`, and their kinds are left out of
the mismatches.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from mapper.model import Mapping as TreeMapping
from mapper.version import parser_version
from streams.agents.links import Releases, map_bodies, snapshot_id
from streams.agents.symbols import OpenMirror
from streams.audit_trees import Tree, parse_again, read_tree, symbol_differences, tree_differences, unparsed_differences
from streams.ledger import dump, links, sheets, sources
from streams.ledger.audits import Audit
from streams.ledger.engine import reading
from streams.ledger.sources import Repository

MAX_DIFFERENCES = 100
LINK_KINDS = ("links", "conflicts", "relevance", "releases")
"""What a mapping makes: right only for the snapshot that was mapped."""
TREE_KINDS = ("symbols", "parsed", "tree")
"""What a commit makes: right whatever is linked."""
KINDS = (*LINK_KINDS, *TREE_KINDS)
_KIND_OF_LINE = {"link": "links", "conflict": "conflicts", "file": "relevance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryAudit:
    """One repository: digests of both sides, and what differs."""

    repo_id: str
    url: str
    depth: str
    snapshot: str
    links: int
    conflicts: int
    ledger_digest: str
    scratch_digest: str
    current: bool
    """False: the ledger's links are of an older snapshot; the links agent still has work to do."""
    mismatches: dict[str, int]
    """How many things are wrong, by kind: LINK_KINDS only if current, "tree" only where a mirror is at hand."""
    num_differences: int
    """All of them, also those that only say that there is work to do."""
    differences: tuple[str, ...]
    """"-": only in the ledger, "+": only from scratch; the first MAX_DIFFERENCES."""
    seconds: float
    unchecked: tuple[str, ...] = ()
    """What could not be looked at, and why."""

    @property
    def num_mismatches(self) -> int:
        return sum(self.mismatches.values())

    def note(self, at: float) -> Audit:
        """Return what the ledger notes of this audit."""
        return Audit(
            repo_id=self.repo_id,
            snapshot=self.snapshot,
            depth=self.depth,
            audited_at=at,
            seconds=self.seconds,
            mismatches=self.mismatches,
            num_differences=self.num_mismatches,
            differences=self.differences if self.num_mismatches else (),
            digest=self.ledger_digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found."""

    repositories: tuple[RepositoryAudit, ...]

    @property
    def num_differences(self) -> int:
        return sum(repository.num_differences for repository in self.repositories)

    @property
    def num_mismatches(self) -> int:
        return sum(repository.num_mismatches for repository in self.repositories)

    @property
    def is_clean(self) -> bool:
        return self.num_differences == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What the ledger says of a repository, all of one snapshot."""

    repository: Repository
    releases: Releases
    tree: Tree
    sheet_bodies: list[bytes] = field(repr=False)
    links: list[str]
    conflicts: list[str]
    relevance: list[str]
    old_releases: list[str]


def audit(
    engine: Engine,
    *,
    repo_id: str | None = None,
    deep: bool = False,
    open_mirror: OpenMirror | None = None,
) -> AuditReport:
    """Return the comparison for one repository or all, also those removed: these must have nothing left.

    Without open_mirror the tree is not compared with the mirror's, and deep needs it.
    """
    with reading(engine) as conn:
        found = sources.list_repositories(conn, sources.STATES)
    chosen = [repository for repository in found if repo_id in (None, repository.repo_id)]
    audits = [audit_repository(engine, repository.repo_id, deep=deep, open_mirror=open_mirror) for repository in chosen]
    return AuditReport(repositories=tuple(audits))


def audit_repository(
    engine: Engine,
    repo_id: str,
    *,
    deep: bool = False,
    open_mirror: OpenMirror | None = None,
) -> RepositoryAudit:
    """Return the comparison for one repository. The ledger is read in one go and let go of before anything is mapped.

    Raises SourceStateError for an unknown one, RepositoryError when deep and the mirror has not what it should.
    """
    started = time.monotonic()
    with reading(engine) as conn:
        held = _read(conn, repo_id)
    repository, bodies = held.repository, held.tree.bodies
    found: dict[str, list[str]] = {"symbols": symbol_differences(held.tree), "parsed": unparsed_differences(held.tree)}
    unchecked = []
    if deep and repository.head is not None and repository.parser != parser_version():
        unchecked.append("parsed: another version of the parser read it; this version's is yet to come")
    elif deep:
        assert open_mirror is not None
        bodies, found["parsed"] = parse_again(held.tree, repository, open_mirror(repo_id))
    if open_mirror is not None:
        differences, why = tree_differences(held.tree, repository, open_mirror(repo_id))
        if why:
            unchecked.append(why)
        else:
            found["tree"] = differences
    mapping = map_bodies(list(bodies.values()), held.sheet_bodies, repo_id, repository.parts)
    ledger = [*held.links, *held.conflicts, *held.relevance]
    scratch = _scratch_lines(repo_id, mapping)
    for line in dump.difference(ledger, scratch):
        found.setdefault(_kind(line), []).append(line)
    found["releases"] = held.old_releases
    snapshot = snapshot_id(repository, held.releases)
    current = repository.linked == snapshot
    looked_at = [kind for kind in KINDS if (kind in TREE_KINDS and kind in found) or (kind in LINK_KINDS and current)]
    differences = [line for kind in KINDS for line in found.get(kind, ())]
    return RepositoryAudit(
        repo_id=repo_id,
        url=repository.url,
        depth="deep" if deep else "shallow",
        snapshot=snapshot,
        links=len(held.links),
        conflicts=len(held.conflicts),
        ledger_digest=dump.digest("\n".join(sorted(ledger))),
        scratch_digest=dump.digest("\n".join(sorted(scratch))),
        current=current,
        mismatches={kind: _count(found.get(kind, ())) for kind in looked_at},
        num_differences=len(differences),
        differences=tuple(differences[:MAX_DIFFERENCES]),
        seconds=time.monotonic() - started,
        unchecked=tuple(unchecked),
    )


def _read(conn: Connection, repo_id: str) -> _Held:
    repository = sources.get_repository(conn, repo_id)
    current = sheets.current_ids(conn)
    old = [
        f"- live links of a datasheet that is not current: {sha256} ({number})"
        for sha256, number in links.count_by_release(conn, repo_id).items()
        if sha256 not in current
    ]
    return _Held(
        repository=repository,
        releases=sheets.current_releases(conn),
        tree=read_tree(conn, repository),
        sheet_bodies=list(sheets.current_bodies(conn).values()),
        links=dump.link_lines(conn, repo_id),
        conflicts=dump.conflict_lines(conn, repo_id),
        relevance=dump.relevance_lines(conn, repo_id),
        old_releases=old,
    )


def _scratch_lines(repo_id: str, mapping: TreeMapping) -> list[str]:
    return [
        *(dump.link_line(link) for link in mapping.links),
        *(dump.conflict_line(conflict) for conflict in mapping.conflicts),
        *(dump.relevance_line(repo_id, file) for file in mapping.files),
    ]


def _kind(line: str) -> str:
    return _KIND_OF_LINE[dump.subject(line)[0]]


def _count(lines: Sequence[str]) -> int:
    """Return how many things differ: what both sides have and say differently is two lines, and one thing."""
    return len({dump.subject(line) for line in lines})
