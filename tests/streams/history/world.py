"""The vendor and the operator: remotes and datasheets that change, sources that are added, paused, removed."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from mapper.ids import content_id, repository_id
from streams.ledger import sources
from streams.ledger.engine import reading, writing
from streams.watch.git import EMPTY_TREE
from tests.streams.history.code import EDITS, FOLDERS, KINDS, PARTS, new_file
from tests.streams.history.git_double import Mirrors, Objects, Remote
from tests.streams.history.papers import Paper, first_release, pdf_of, revised
from tests.streams.history.plant import Plant

CHANGES = (*EDITS, *EDITS, "new", "new", "rename", "move", "copy", "delete", "folder")
GLOBS: tuple[tuple[str, ...], ...] = ((), ("src/*",), ("*.h",), ("drivers/*", "lib/*"))
PINNED: tuple[tuple[str, ...], ...] = ((), ("QX4110",), ("QX4120", "QX4110"))
BRANCHES = (None, "next")
FIRST_TIME = 1_700_000_000
REREADS = hasattr(sources, "force_repository")
"""Whether other globs or parts of a watched repository take effect; else it is removed and added again."""

Change = tuple[str, int, int]


class World:
    """All that a plant watches, and what its operator says to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = Objects()
        self.remotes = {"a": Remote(self.objects)}
        self.mirrors = Mirrors(self.objects)
        self.papers: dict[str, Paper] = {}
        self.published: dict[str, bytes] = {}
        self._clock = FIRST_TIME
        self._scratches = 0
        self.now = 1.0
        (folder / "sheets").mkdir()
        self.plant = Plant(folder / "home", self.mirrors)
        for name in ("a", "b"):
            self.mirrors.remotes[repo_id(name)] = self.remotes.setdefault("a", Remote(self.objects))

    # The vendor.

    def fork(self) -> None:
        """Make the second repository a copy of the first."""
        self.remotes["b"] = Remote(self.objects, dict(self.remotes["a"].branches))
        self.mirrors.remotes[repo_id("b")] = self.remotes["b"]

    def commit(self, remote: str, branch: str, changes: Sequence[Change], *, back: int = 0) -> None:
        """Commit changes to a branch; back: over the commit that lies so far behind, by force."""
        there = self.remotes[remote]
        tip = there.branches.get(branch) or there.branches.get("main")
        if tip is None:
            there.push(branch, dict(map(changed_first, changes)))
            return
        parent = self.behind(tip, back)
        tree = dict(self.objects.tree(parent))
        for change in changes:
            apply_change(tree, change)
        there.branches.setdefault(branch, tip)
        there.push(branch, tree, parent=parent)

    def reset(self, remote: str, branch: str, back: int) -> None:
        """Move a branch to an older commit, by force."""
        there = self.remotes[remote]
        if branch in there.branches:
            there.branches[branch] = self.behind(there.branches[branch], back)

    def revert(self, remote: str, branch: str, back: int) -> None:
        """Commit the tree of an older commit."""
        there = self.remotes[remote]
        if branch in there.branches:
            there.push(branch, self.objects.tree(self.behind(there.branches[branch], back)))

    def merge(self, remote: str) -> None:
        """Merge next into main: what next changed since they parted."""
        there = self.remotes[remote]
        ours, theirs = there.branches["main"], there.branches.get("next")
        if theirs is None or theirs in self.objects.ancestors(ours):
            return
        shared = self.objects.ancestors(ours)
        base = next((name for name in self.objects.first_parents(theirs) if name in shared), None)
        before, after, tree = self.objects.tree(base), self.objects.tree(theirs), dict(self.objects.tree(ours))
        for path in before.keys() | after.keys():
            if before.get(path) != after.get(path):
                tree.pop(path, None)
                tree |= {path: after[path]} if path in after else {}
        there.push("main", tree, merge=theirs)

    def behind(self, commit: str, back: int) -> str:
        """Return the commit so far behind another along first parents, or the first of all."""
        chain = self.objects.first_parents(commit)
        return chain[min(back, len(chain) - 1)]

    def revise(self, part: str, kind: str, pick: int) -> None:
        """Publish another release of a part's datasheet in its place."""
        self.papers[part] = revised(self.papers[part], kind, pick) if part in self.papers else first_release(part)
        self._write(part, pdf_of(self.papers[part]))

    def _write(self, part: str, data: bytes) -> None:
        self._clock += 60
        path = self.location(part)
        path.write_bytes(data)
        os.utime(path, (self._clock, self._clock))
        self.published[content_id("bytes", data.hex())] = data

    def location(self, part: str) -> Path:
        """Return where a part's datasheet is published."""
        return self.folder / "sheets" / f"{part.lower()}.pdf"

    # The operator.

    def add_repository(
        self, remote: str, *, globs: Sequence[str] = (), parts: Sequence[str] = (), branch: str | None = None,
        history: bool = False,
    ) -> None:  # fmt: skip
        """Watch a remote, or change how it is watched."""
        if branch is not None and branch not in self.remotes[remote].branches:
            branch = None
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            known = sources.lock_repository(conn, repo_id(remote))
            differs = known is not None and (known.parts, known.path_globs) != (tuple(parts), tuple(globs))
            if known is not None and known.state != "removed" and differs and not REREADS:
                sources.remove_repository(conn, known.repo_id, self.now)
            added = sources.add_repository(
                conn, url=url_of(remote), now=self.now, branch=branch, parts=parts, path_globs=globs
            )
            if history and added.tip is None:
                sources.record_tip(conn, added.repo_id, EMPTY_TREE)

    def set_repository(self, remote: str, state: str) -> None:
        """Pause, resume or remove a repository that is watched."""
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            known = sources.lock_repository(conn, repo_id(remote))
            if known is None or known.state == "removed":
                return
            if state == "removed":
                sources.remove_repository(conn, known.repo_id, self.now)
            else:
                sources.set_repository_state(conn, known.repo_id, state)

    def add_sheet(self, part: str) -> None:
        """Watch the place of a part's datasheet."""
        if part not in self.papers:
            self.revise(part, "same", 0)
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            sources.add_sheet_source(conn, location=str(self.location(part)), now=self.now)

    def set_sheet(self, part: str, state: str) -> None:
        """Pause, resume or remove the place of a datasheet that is watched."""
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            known = sources.find_sheet_source(conn, str(self.location(part)))
            if known is None or known.state == "removed":
                return
            if state == "removed":
                sources.remove_sheet_source(conn, known.source_id, self.now)
            else:
                sources.set_sheet_source_state(conn, known.source_id, state)

    def lose_caches(self) -> None:
        """Take away what may be made again."""
        shutil.rmtree(self.plant.settings.home / "cache", ignore_errors=True)

    # The watcher.

    def active(self) -> list[str]:
        """Return the ids of the sources that are looked at."""
        with reading(self.plant.engine) as conn:
            repositories = [r.repo_id for r in sources.list_repositories(conn, ("active",))]
            return [*repositories, *(s.source_id for s in sources.list_sheet_sources(conn, ("active",)))]

    def settle(self) -> None:
        """Look and deliver until nothing is new."""
        while True:
            news = sum(self.plant.poll(key) for key in self.active())
            self.plant.drain()
            if not news:
                return

    def from_scratch(self) -> Plant:
        """Return a plant that has taken in, at once, what this one watches now."""
        self._scratches += 1
        home = self.folder / f"scratch{self._scratches}"
        mirrors = Mirrors(self.objects)
        plant = Plant(home, mirrors)
        (home / "sheets").mkdir()
        with reading(self.plant.engine) as conn:
            repositories, sheets = sources.list_repositories(conn), sources.list_sheet_sources(conn)
        with writing(plant.engine) as conn:
            for known in repositories:
                if known.tip in (None, EMPTY_TREE):
                    continue
                mirrors.remotes[known.repo_id] = Remote(self.objects, {known.branch or "main": known.tip})
                sources.add_repository(
                    conn, url=known.url, now=1.0, branch=known.branch, parts=known.parts, path_globs=known.path_globs
                )  # fmt: skip
            for sheet in sheets:
                if sheet.sha256 is None:
                    continue
                path = home / "sheets" / Path(sheet.location).name
                path.write_bytes(self.plant_blob(sheet.sha256))
                os.utime(path, (FIRST_TIME, FIRST_TIME))
                sources.add_sheet_source(conn, location=str(path), now=1.0, parts=sheet.parts)
        with reading(plant.engine) as conn:
            keys = [s.source_id for s in sources.list_sheet_sources(conn)]
            keys += [r.repo_id for r in sources.list_repositories(conn)]
        for key in keys:
            plant.poll(key)
        plant.drain()
        return plant

    def plant_blob(self, sha256: str) -> bytes:
        """Return bytes that were told, by their digest."""
        from streams.blobs import BlobStore

        return BlobStore(self.plant.settings.home).get(sha256)

    def close(self) -> None:
        """Give everything back."""
        self.plant.close()
        shutil.rmtree(self.folder)


def url_of(remote: str) -> str:
    """Return a remote's address."""
    return f"https://vendor.example/{remote}.git"


def repo_id(remote: str) -> str:
    """Return a remote's id as a source."""
    return repository_id(url_of(remote))


def changed_first(change: Change) -> tuple[str, bytes]:
    """Return a new file, whatever the change says: what a first commit has."""
    _, pick, other = change
    path, text = new_file(sorted(KINDS)[pick % len(KINDS)], PARTS[other % 2], FOLDERS[other // 2 % len(FOLDERS)], pick)
    return path, text.encode()


def apply_change(tree: dict[str, bytes], change: Change) -> None:
    """Change a tree; what has nothing to work on adds a file."""
    kind, pick, other = change
    paths = sorted(tree)
    if kind == "new" or not paths:
        tree.update([changed_first(change)])
        return
    path = paths[pick % len(paths)]
    folder, _, name = path.rpartition("/")
    elsewhere = FOLDERS[other % len(FOLDERS)].format(part=PARTS[other % 2].lower())
    if kind in EDITS:
        tree[path] = EDITS[kind](tree[path].decode(), other).encode()
    elif kind == "delete":
        del tree[path]
    elif kind == "rename":
        stem, _, ending = name.rpartition(".")
        tree[f"{folder}/{stem}_{other % 3}.{ending}"] = tree.pop(path)
    elif kind == "move":
        tree[f"{elsewhere}/{name}"] = tree.pop(path)
    elif kind == "copy":
        tree[f"{elsewhere}/{name}"] = tree[path]
    elif kind == "folder":
        for other_path in paths:
            if other_path.startswith(f"{folder}/"):
                tree[f"{elsewhere}/{other_path.rpartition('/')[2]}"] = tree.pop(other_path)
