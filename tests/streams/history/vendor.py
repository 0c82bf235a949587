"""The vendor's side: remotes with branches that are committed to, merged, rewritten."""

from collections.abc import Sequence

from tests.streams.history.code import EDITS, FOLDERS, KINDS, PARTS, new_file
from tests.streams.history.git_double import Objects, Remote

CHANGES = (*EDITS, *EDITS, "new", "new", "rename", "move", "copy", "delete", "folder")

Change = tuple[str, int, int]
"""What is done, to which file, and how."""


class Vendor:
    """Repositories a and (once it is forked) b."""

    def __init__(self) -> None:
        self.objects = Objects()
        self.remotes = {"a": Remote(self.objects)}

    def fork(self) -> None:
        """Make the second repository a copy of the first."""
        self.remotes["b"] = Remote(self.objects, dict(self.remotes["a"].branches))

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
