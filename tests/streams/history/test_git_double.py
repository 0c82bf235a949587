"""The git double answers as git does."""

import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapper.ids import blob_id
from streams.events import ChangedPath
from streams.watch.address import check_address
from streams.watch.git import EMPTY_TREE, Commit, GitMirror
from tests.streams.history.git_double import MirrorDouble, Objects, Remote
from tests.streams.history.machine import branches, changes, few
from tests.streams.history.vendor import Vendor

steps = st.lists(st.tuples(st.sampled_from(("commit", "force", "merge", "revert")), branches, changes, few), max_size=7)


def vendor_of(history: Sequence[tuple[str, str, list[tuple[str, int, int]], int]]) -> Vendor:
    """Return a vendor whose first repository had this history."""
    vendor = Vendor()
    vendor.commit("a", "main", [("new", 4, 0), ("new", 7, 0)])
    for kind, branch, made, back in history:
        if kind == "merge":
            vendor.merge("a")
        elif kind == "revert":
            vendor.revert("a", branch, back)
        else:
            vendor.commit("a", branch, made, back=back if kind == "force" else 0)
    return vendor


def write_remote(folder: Path, objects: Objects, remote: Remote) -> dict[str, str]:
    """Write all commits as a bare repository with the remote's branches; return the double's ids -> git's ids."""
    git(folder.parent, "init", "--quiet", "--bare", "--initial-branch=main", folder.name)
    marks = {name: number for number, name in enumerate(objects.commits, start=1)}
    out = []
    for name, stored in objects.commits.items():
        commit = stored.commit
        when = b"V <v@x> %d +0000\n" % int(commit.time)
        out.append(b"commit refs/all/%d\nmark :%d\nauthor %scommitter %s" % (marks[name], marks[name], when, when))
        out.append(b"data %d\n%s\n" % (len(commit.summary), commit.summary.encode()))
        out += [
            b"%s :%d\n" % (b"merge" if number else b"from", marks[parent])
            for number, parent in enumerate(commit.parents)
        ]
        out.append(b"deleteall\n")
        out += [
            b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
            for path, data in stored.tree.items()
        ]
    git(folder, "fast-import", "--quiet", "--export-marks=marks", stdin=b"".join(out))
    lines = (line.split() for line in (folder / "marks").read_text().splitlines())
    ids = {int(mark[1:]): name for mark, name in lines}
    for branch, name in remote.branches.items():
        git(folder, "update-ref", f"refs/heads/{branch}", ids[marks[name]])
    return {name: ids[number] for name, number in marks.items()}


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    subprocess.run(["git", *arguments], cwd=folder, input=stdin, check=True, capture_output=True)


def told(commits: Sequence[Commit], ids: dict[str, str]) -> list[tuple[str, tuple[str, ...], float]]:
    return [(ids.get(c.commit_id, c.commit_id), tuple(ids.get(p, p) for p in c.parents), c.time) for c in commits]


def effect(found: Sequence[ChangedPath]) -> tuple[dict[str, str | None], set[str | None]]:
    """Return what a list of changes does to a tree: what it sets and what it takes away."""
    gone = {change.path for change in found if change.status == "D"}
    return {c.path: c.blob_id for c in found if c.blob_id}, gone | {c.old_path for c in found if c.status == "R"}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_the_double_is_git(history: list[tuple[str, str, list[tuple[str, int, int]], int]], tmp_path_factory) -> None:
    """Tips, histories, trees, differences and blobs of a random history are those of real git."""
    folder = tmp_path_factory.mktemp("double")
    vendor = vendor_of(history)
    remote = vendor.remotes["a"]
    ids = write_remote(folder / "remote.git", vendor.objects, remote)
    double, real = MirrorDouble(vendor.objects, remote), GitMirror(folder / "mirror.git")
    address = check_address(str(folder / "remote.git"), allow_local=True, allow_private=False)

    for branch in (None, *remote.branches):
        assert real.fetch(address, branch) == ids[double.fetch(address, branch)]
    reachable = sorted({name for tip in remote.branches.values() for name in vendor.objects.ancestors(tip)})
    for old, new in product([None, EMPTY_TREE, *reachable], reachable):
        real_old = ids.get(old or "", old)
        assert told(real.history(real_old, ids[new]), {}) == told(double.history(old, new), ids)
        if old is not None and old != new:
            assert [e.num_changed for e in real.log(real_old, ids[new])] == [
                e.num_changed for e in double.log(old, new)
            ]
        assert real.count(real_old, ids[new]) == double.count(old, new)
        assert effect(real.changes(real_old, ids[new])) == effect(double.changes(old, new))
    for name in reachable:
        assert real.tree(ids[name]) == double.tree(name)
        blobs = sorted({blob_id(data) for data in vendor.objects.tree(name).values()})
        assert list(real.read_blobs(blobs)) == list(double.read_blobs(blobs))


def test_renames_are_found() -> None:
    """A file that moved, and one that was changed a little as well, are renames; a rewritten one is not."""
    objects = Objects()
    text = b"".join(b"#define QX4110_REG_%d 0x%02x\n" % (number, number) for number in range(9))
    first = objects.commit({"a.h": text, "b.h": text + b"/* b */\n", "c.h": b"int c;\n"}, ())
    second = objects.commit({"x/a.h": text, "y/b.h": b"/* new */\n" + text, "z/c.h": b"char d;\n"}, (first,))

    found = {change.path: change.old_path for change in MirrorDouble(objects).changes(first, second)}

    assert found == {"x/a.h": "a.h", "y/b.h": "b.h", "z/c.h": None, "c.h": None}
