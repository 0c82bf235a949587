"""What a commit put into the ledger against what it should have: tree, parsed files, symbols.

A difference is a line: "-" what only the ledger has, "+" what it should have; a thing that both have and say
differently is two lines.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from mapper.model import SourceFile
from streams.agents.one_file import parse_one
from streams.agents.parsing import Mirror
from streams.agents.symbols import is_wanted
from streams.errors import RepositoryError
from streams.ledger import dump, samples, symbols
from streams.ledger.bodies import pack, unpack
from streams.ledger.sources import Repository

NO_LIMIT = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A repository's head as the ledger has it."""

    repo_id: str
    blobs: Mapping[str, str]
    """path -> blob id."""
    bodies: dict[str, bytes] = field(repr=False)
    """path -> packed SourceFile, in path order."""
    left_out: frozenset[str]
    """Paths that were refused, with a reason."""
    symbols: Mapping[str, tuple[object, ...]] = field(repr=False)
    """symbol id -> what its row says."""


def read_tree(conn: Connection, repository: Repository) -> Tree:
    """Return a repository's head; of one that was removed there must be nothing."""
    repo_id = repository.repo_id
    return Tree(
        repo_id=repo_id,
        blobs=symbols.read_tree(conn, repo_id),
        bodies=symbols.tree_bodies_by_path(conn, repo_id) if repository.state != "removed" else {},
        left_out=frozenset(samples.dropped_paths(conn, "symbols", repo_id)),
        symbols=symbols.symbol_facts(conn, repo_id),
    )


def symbol_differences(tree: Tree) -> list[str]:
    """Return how the ledger's symbols differ from those of its parsed files."""
    files = (unpack(SourceFile, body) for body in tree.bodies.values())
    right = {key: facts for file in files for key, facts in symbols.facts_of(tree.repo_id, file).items()}
    return _differences("symbol", tree.symbols, right)


def unparsed_differences(tree: Tree) -> list[str]:
    """Return the files that were neither parsed nor refused."""
    missing = tree.blobs.keys() - tree.bodies.keys() - tree.left_out
    return _differences("parsed", {}, {path: (tree.blobs[path],) for path in missing})


def tree_differences(tree: Tree, repository: Repository, mirror: Mirror) -> tuple[list[str], str]:
    """Return how the ledger's tree differs from the head's in the mirror; and why it could not be compared, else ""."""
    right: dict[str, str] = {}
    if repository.head is not None:
        try:
            right = {path: blob for path, blob in mirror.tree(repository.head).items() if is_wanted(repository, path)}
        except RepositoryError as error:
            return [], f"tree: {error}"
    return _differences("tree", {p: (b,) for p, b in tree.blobs.items()}, {p: (b,) for p, b in right.items()}), ""


def parse_again(tree: Tree, repository: Repository, mirror: Mirror) -> tuple[dict[str, bytes], list[str]]:
    """Return path -> packed SourceFile parsed from the mirror's bytes, and how the ledger's parsed files differ.

    What was refused stays refused: limits on size may have been others then.

    Raises RepositoryError when the mirror has not the head, or not one of its blobs.
    """
    if repository.head is None:
        return {}, _differences("parsed", {path: (tree.blobs.get(path),) for path in tree.bodies}, {})
    wanted = {path: blob for path, blob in mirror.tree(repository.head).items() if is_wanted(repository, path)}
    bodies: dict[str, bytes] = {}
    for path, data in _contents(mirror, {p: blob for p, blob in wanted.items() if p not in tree.left_out}):
        parsed = parse_one(path, data)
        if isinstance(parsed, SourceFile):
            bodies[path] = pack(parsed)
    return bodies, _differences("parsed", _digests(tree.bodies), _digests(bodies))


def _contents(mirror: Mirror, files: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    paths = sorted(files)
    read = mirror.read_blobs([files[path] for path in paths], max_bytes=NO_LIMIT)
    for path, (_, data) in zip(paths, read, strict=True):
        if data is not None:
            yield path, data


def _digests(bodies: Mapping[str, bytes]) -> dict[str, tuple[object, ...]]:
    """Return path -> a digest of the file's value: packed bytes may differ where values do not."""
    return {path: (dump.digest(unpack(SourceFile, body).__repr__()),) for path, body in bodies.items()}


def _differences(
    kind: str, ledger: Mapping[str, tuple[object, ...]], right: Mapping[str, tuple[object, ...]]
) -> list[str]:
    lines = []
    for key in sorted(ledger.keys() | right.keys()):
        if ledger.get(key) != right.get(key):
            for sign, side in (("-", ledger), ("+", right)):
                if key in side:
                    lines.append(f"{sign} {json.dumps([kind, key, *side[key]], ensure_ascii=False)}")
    return lines
