"""What must hold of a ledger: always, and once the stream is quiet."""

from collections import Counter
from functools import cache
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, func, select

from bench.memory_log import MemoryLog
from mapper.code import parse_file
from mapper.errors import SourceError
from mapper.ids import blob_id, commit_event_id, symbol_id
from mapper.model import LIVE_STATES
from streams import topics
from streams.agents.links import map_bodies
from streams.agents.symbols import is_wanted
from streams.audit import AuditReport, audit
from streams.ledger import dump, sheets, sources
from streams.ledger.engine import reading
from streams.ledger.schema import (
    commits,
    conflicts,
    datasheets,
    dead_letters,
    file_relevance,
    link_history,
    links,
    outbox,
    samples,
    symbols,
    tree_files,
)
from streams.ledger.sources import Repository
from streams.records import CommitRecord
from streams.watch.git import EMPTY_TREE
from tests.streams.history.git_double import Objects
from tests.streams.history.plant import Plant, seen

_LIVE = sorted(LIVE_STATES)


def check_always(plant: Plant) -> None:
    """Check what must hold after every step: no link is half changed, and an audit that says current is clean."""
    if not plant.is_changed():
        return
    with reading(plant.engine) as conn:
        check_histories(conn)
        assert conn.execute(select(func.count()).select_from(dead_letters)).scalar_one() == 0, _letters(conn)
    for found in audited(plant).repositories:
        assert not found.current or not found.num_differences, found


def check_histories(conn: Connection) -> None:
    """Check that every link's history is without gaps and ends in the state the link is in."""
    rows = conn.execute(
        select(link_history.c.link_id, link_history.c.seq, link_history.c.state).order_by(
            link_history.c.link_id, link_history.c.seq
        )
    ).all()
    told: dict[str, list[str]] = {}
    for row in rows:
        states = told.setdefault(row.link_id, [])
        states.append(row.state)
        assert row.seq == len(states), f"{row.link_id}: history has a gap before {row.seq}"
    now = dict(conn.execute(select(links.c.link_id, links.c.state)).all())
    assert {link: states[-1] for link, states in told.items()} == now


def audited(plant: Plant) -> AuditReport:
    """Return the product's own audit, mappings that were made before taken from memory."""
    with patch("streams.audit.map_bodies", _map_once):
        return audit(plant.engine)


_MAPPED: dict[Any, Any] = {}


def _map_once(files: list[bytes], sheet_bodies: list[bytes], repo_id: str, parts: tuple[str, ...]) -> Any:
    key = (tuple(files), tuple(sheet_bodies), repo_id, parts)
    if key not in _MAPPED:
        if len(_MAPPED) > 2000:
            _MAPPED.clear()
        _MAPPED[key] = map_bodies(files, sheet_bodies, repo_id, parts)
    return _MAPPED[key]


def check_quiet(plant: Plant, objects: Objects, scratch: Plant) -> None:
    """Check a ledger whose stream is quiet; scratch: the same sources as they are now, taken in at once."""
    with reading(plant.engine) as conn, reading(scratch.engine) as other:
        assert conn.execute(select(func.count()).select_from(outbox)).scalar_one() == 0
        known = sources.list_repositories(conn, sources.STATES)
        for repository in known:
            check_tree(conn, repository, objects)
            check_commits(conn, repository, plant.log)
        check_removed(conn)
        assert current(conn) == current(other)
        left, right = dump.dump(conn), dump.dump(other)
        assert left == right, "\n".join(["only in the ledger (-), only from scratch (+)",
                                         *dump.difference(left.splitlines(), right.splitlines())])  # fmt: skip
    untouched = {repository.repo_id for repository in known if repository.head is None}
    for found in (*audited(plant).repositories, *audited(scratch).repositories):
        assert found.current or found.repo_id in untouched, found
        assert not found.num_differences, found
    logged = Counter((topic.name, r.key, r.value) for topic in topics.TOPICS for r in plant.log.all_of(topic.name))
    missing = [row for row in seen(plant.engine) if not logged[row[0], row[1].encode(), row[2]]]
    assert not missing, missing


def current(conn: Connection) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return family, digest and parts of the current releases."""
    return {(sheet.family, sheet.sha256, sheet.parts) for sheet in sheets.list_sheets(conn)}


def check_tree(conn: Connection, repository: Repository, objects: Objects) -> None:
    """Check that tree and symbols are those of the head, and the head is what was last told."""
    if repository.tip not in (None, EMPTY_TREE):  # else nothing was told since it was added (again)
        assert repository.head == repository.tip, (repository.head, repository.tip)
    wanted = {path: data for path, data in objects.tree(repository.head).items() if is_wanted(repository, path)}
    here = tree_files.c.repo_id == repository.repo_id
    held = dict(conn.execute(select(tree_files.c.path, tree_files.c.blob_id).where(here)).all())
    assert held == {path: blob_id(data) for path, data in wanted.items()}
    query = select(symbols.c.symbol_id, symbols.c.revision, symbols.c.line).where(
        symbols.c.repo_id == repository.repo_id
    )
    expected = {
        symbol_id(repository.repo_id, path, symbol.kind, symbol.qualified_name): (symbol.revision, symbol.line)
        for path, data in wanted.items()
        for symbol in reversed(parsed(path, data))
    }
    assert {row.symbol_id: (row.revision, row.line) for row in conn.execute(query)} == expected


@cache
def parsed(path: str, data: bytes) -> tuple[Any, ...]:
    """Return the symbols of a file."""
    try:
        return parse_file(path, data).symbols
    except SourceError:
        return ()


def check_commits(conn: Connection, repository: Repository, log: MemoryLog) -> None:
    """Check that of the events told of a repository each is recorded once, and nothing else is."""
    told = [CommitRecord.decode(record.value).to_domain() for record in log.all_of(topics.COMMITS.name)]
    own = [event for event in told if event.repo_id == repository.repo_id]
    ids = {event.event_id for event in own}
    ids |= {commit_event_id(e.repo_id, earlier.commit, earlier.base) for e in own for earlier in e.earlier}
    held = list(conn.execute(select(commits.c.event_id).where(commits.c.repo_id == repository.repo_id)).scalars())
    assert len(held) == len(set(held))
    assert set(held) <= ids
    if repository.state == "removed":
        assert not held


def check_removed(conn: Connection) -> None:
    """Check that nothing of a removed repository or a withdrawn datasheet is live."""
    gone = [repository.repo_id for repository in sources.list_repositories(conn, ("removed",))]
    families = {family for family, _, _ in current(conn)}
    for table, live in ((links, links.c.state.in_(_LIVE)), (conflicts, conflicts.c.state == "open")):
        held = conn.execute(select(table.c.repo_id, table.c.sheet_family).where(live)).all()
        assert not [row for row in held if row.repo_id in gone or row.sheet_family not in families]
    assert not conn.execute(select(tree_files).where(tree_files.c.repo_id.in_(gone))).all()
    assert not conn.execute(select(file_relevance).where(file_relevance.c.repo_id.in_(gone))).all()
    kept = select(samples.c.path).where(samples.c.repo_id.in_(gone), samples.c.state != "retracted")
    assert not conn.execute(kept).all()
    withdrawn = [source.source_id for source in sources.list_sheet_sources(conn, ("removed",))]
    theirs = select(datasheets.c.file).where(datasheets.c.source_id.in_(withdrawn), datasheets.c.current.is_(True))
    assert not conn.execute(theirs).all()


def _letters(conn: Connection) -> list[Any]:
    return [tuple(row) for row in conn.execute(select(dead_letters))]


def statistics(plant: Plant) -> Counter[str]:
    """Return what happened to links and conflicts, by kind."""
    with reading(plant.engine) as conn:
        told: Counter[str] = Counter()
        for row in conn.execute(select(link_history.c.state, func.count()).group_by(link_history.c.state)):
            told[f"link {row[0]}"] += row[1]
        for state, number in conn.execute(select(conflicts.c.state, func.count()).group_by(conflicts.c.state)):
            told[f"conflict {state}"] += number
        told["live link at the end"] += len(dump.link_lines(conn))
    return told


def head_and_linked(conn: Connection, repo_id: str) -> tuple[str | None, str | None]:
    """Return the head of a repository and the head that its links are of."""
    repository = sources.get_repository(conn, repo_id)
    return repository.head, repository.linked_head
