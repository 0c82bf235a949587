"""Git in memory: remotes with branches, and mirrors that answer as streams.watch.git.GitMirror does."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mapper.ids import blob_id
from streams.events import ChangedPath, EarlierCommit
from streams.watch.git import EMPTY_TREE, Commit

Tree = Mapping[str, bytes]
SIMILAR = 0.5


@dataclass(frozen=True, slots=True)
class Stored:
    """A commit with its whole tree."""

    commit: Commit
    tree: Tree


@dataclass
class Objects:
    """All commits and blobs of all remotes, as forks share them."""

    commits: dict[str, Stored] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    time: float = 1_700_000_000.0

    def commit(self, tree: Tree, parents: tuple[str, ...], summary: str = "change") -> str:
        """Add a commit and return its id."""
        self.time += 60.0
        self.blobs |= {blob_id(data): data for data in tree.values()}
        listing = sorted((path, blob_id(data)) for path, data in tree.items())
        name = hashlib.sha1(repr((listing, parents, self.time, summary)).encode()).hexdigest()
        self.commits[name] = Stored(Commit(commit_id=name, parents=parents, time=self.time, summary=summary), tree)
        return name

    def tree(self, commit: str | None) -> Tree:
        """Return path -> content; nothing for None and for the empty tree."""
        return {} if commit in (None, EMPTY_TREE) else self.commits[commit].tree

    def first_parents(self, commit: str) -> list[str]:
        """Return a commit and its ancestors along first parents, newest first."""
        chain = [commit]
        while parents := self.commits[chain[-1]].commit.parents:
            chain.append(parents[0])
        return chain

    def ancestors(self, commit: str) -> set[str]:
        """Return a commit and all that it descends from."""
        found, todo = set[str](), [commit]
        while todo:
            if (name := todo.pop()) not in found:
                found.add(name)
                todo += self.commits[name].commit.parents
        return found


@dataclass
class Remote:
    """A repository of a vendor: its branches, the first of them HEAD."""

    objects: Objects
    branches: dict[str, str] = field(default_factory=dict)

    def push(self, branch: str, tree: Tree, *, merge: str | None = None, parent: str | None = None) -> str:
        """Put a commit on a branch: on top of it, or (parent) instead of what it had after that."""
        before = parent or self.branches.get(branch)
        parents = tuple(name for name in (before, merge) if name)
        self.branches[branch] = self.objects.commit(dict(tree), parents)
        return self.branches[branch]

    def tip(self, branch: str | None) -> str:
        """Return the newest commit of a branch (None: HEAD)."""
        return self.branches[branch or next(iter(self.branches))]


class MirrorDouble:
    """A mirror of a remote; what it has once fetched it keeps."""

    def __init__(self, objects: Objects, remote: Remote | None = None) -> None:
        self._objects = objects
        self._remote = remote

    def fetch(self, address: object, branch: str | None = None) -> str:
        """Return the branch's newest commit."""
        assert self._remote is not None
        return self._remote.tip(branch)

    def history(self, old: str | None, new: str) -> list[Commit]:
        """Return the commits from old (not included) to new along first parents, oldest first."""
        if old == new:
            return []
        known = set() if old in (None, EMPTY_TREE) else self._objects.ancestors(old)
        chain = [new] if old is None else [name for name in self._objects.first_parents(new) if name not in known]
        return [self._objects.commits[name].commit for name in chain[::-1] or [new]]

    def count(self, old: str | None, new: str) -> int:
        """Return how many commits history() gives."""
        return len(self.history(old, new))

    def log(self, old: str, new: str) -> Iterator[EarlierCommit]:
        """Yield what history() gives, as a backfill records it."""
        base = None if old == EMPTY_TREE else old
        for commit in [] if old != EMPTY_TREE and new in self._objects.ancestors(old) else self.history(old, new):
            parent = commit.parents[0] if commit.parents else None
            yield EarlierCommit(
                commit=commit.commit_id,
                base=base,
                commit_time=commit.time,
                summary=commit.summary,
                num_changed=_num_changed(self._objects.tree(parent), self._objects.tree(commit.commit_id)),
            )
            base = commit.commit_id

    def commit(self, name: str) -> Commit:
        """Return a commit."""
        return self._objects.commits[name].commit

    def check(self, commit: str, globs: object) -> None:
        """Every tree is small enough."""

    def tree(self, commit: str) -> dict[str, str]:
        """Return the blob id of every file."""
        return {path: blob_id(data) for path, data in self._objects.tree(commit).items()}

    def changes(self, base: str | None, commit: str) -> list[ChangedPath]:
        """Return what differs between two commits, renames detected by equal or similar content."""
        old, new = self._objects.tree(base), self._objects.tree(commit)
        sources = _renames(old, new)
        gone = old.keys() - new.keys() - set(sources.values())
        found = [ChangedPath(status="D", path=path, blob_id=None) for path in gone]
        for path in new:
            if old.get(path) != new[path]:
                status = "R" if path in sources else "M" if path in old else "A"
                blob = blob_id(new[path])
                found.append(ChangedPath(status=status, path=path, blob_id=blob, old_path=sources.get(path)))
        return sorted(found, key=lambda change: change.path)

    def read_blobs(self, blob_ids: Iterable[str], *, max_bytes: int = 2_000_000) -> Iterator[tuple[str, bytes | None]]:
        """Yield each id with its content."""
        for name in blob_ids:
            data = self._objects.blobs[name]
            yield name, data if len(data) <= max_bytes else None


@dataclass
class Mirrors:
    """The mirrors of a data home; `remotes` by repository id."""

    objects: Objects
    remotes: dict[str, Remote] = field(default_factory=dict)

    def of_folder(self, folder: Path, limits: object = None) -> MirrorDouble:
        """Return the mirror in a folder, as the watcher opens it."""
        return MirrorDouble(self.objects, self.remotes[folder.name.removesuffix(".git")])

    def of_repository(self, repo_id: str) -> MirrorDouble:
        """Return a repository's mirror, as agents open it."""
        return MirrorDouble(self.objects)


def _num_changed(old: Tree, new: Tree) -> int:
    return sum(old.get(path) != new.get(path) for path in old.keys() | new.keys())


def _renames(old: Tree, new: Tree) -> dict[str, str]:
    """Return new path -> old path of renamed files: equal content first, then the most similar."""
    added, gone = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    pairs = [(_similarity(old[source], new[path]), _base(source) == _base(path), path, source)
             for path in added for source in gone]  # fmt: skip
    found: dict[str, str] = {}
    for alike, _, path, source in sorted(pairs, key=lambda pair: (-pair[0], not pair[1], pair[2], pair[3])):
        if alike >= SIMILAR and path not in found and source not in found.values():
            found[path] = source
    return found


def _similarity(left: bytes, right: bytes) -> float:
    """Return which share of the larger one's bytes lies in lines that both have."""
    if left == right:
        return 1.0 if left else 0.0
    ours, theirs = left.splitlines(keepends=True), right.splitlines(keepends=True)
    shared = sum(len(line) for line in set(ours) & set(theirs))
    return shared / max(len(left), len(right), 1)


def _base(path: str) -> str:
    return path.rpartition("/")[2]
