"""A mirror tells history, trees and changes of a repository, and nothing hostile in it has an effect."""

import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from streams.errors import RepositoryError
from streams.watch.address import Address, check_address
from streams.watch.git import EMPTY_TREE, GitMirror
from streams.watch.gitcommand import git_command, run_git
from streams.watch.remote import remote_tip

MakeVendor = Callable[..., Any]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def address_of(folder: Path) -> Address:
    return check_address(str(folder), allow_local=True, allow_private=False)


@pytest.fixture
def mirror(tmp_path: Path) -> GitMirror:
    return GitMirror(tmp_path / "mirrors" / "r.git")


def test_a_mirror_follows_its_source(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """Each fetch brings the newest commit of the remote's HEAD; its files can be listed and read."""
    vendor = make_vendor()
    first = vendor.commit(a__c="int a;")

    assert mirror.fetch(address_of(vendor.folder)) == first
    second = vendor.commit(b__c="int b;")
    assert mirror.fetch(address_of(vendor.folder)) == second == mirror.tip("main")
    tree = mirror.tree(second)
    assert sorted(tree) == ["a.c", "b.c"]
    assert list(mirror.read_blobs([tree["b.c"], tree["a.c"]])) == [(tree["b.c"], b"int b;"), (tree["a.c"], b"int a;")]


def test_the_mirror_is_bare_without_hooks(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """Nothing of the repository can run: no work tree, no hooks folder, no attributes."""
    vendor = make_vendor()
    vendor.commit(a__c="int a;")

    mirror.fetch(address_of(vendor.folder))

    assert not (mirror.folder / "hooks").exists()
    assert run_git(["rev-parse", "--is-bare-repository"], folder=mirror.folder) == b"true\n"


def test_history_is_the_first_parents_oldest_first(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """A merge is one step; the commits of the merged branch are not told."""
    vendor = make_vendor()
    first = vendor.commit("one", a__c="1")
    vendor.git("checkout", "-q", "-b", "side")
    vendor.commit("aside", side__c="s")
    vendor.git("checkout", "-q", "main")
    second = vendor.commit("two", a__c="2")
    vendor.git("merge", "-q", "--no-ff", "--message", "merged", "side")
    merge = mirror.fetch(address_of(vendor.folder))

    told = mirror.history(first, merge)

    assert [commit.summary for commit in told] == ["two", "merged"]
    assert told[1].parents[0] == second
    assert [commit.summary for commit in mirror.history(EMPTY_TREE, merge)] == ["one", "two", "merged"]
    assert [commit.summary for commit in mirror.history(None, merge)] == ["merged"]
    assert mirror.history(merge, merge) == []


def test_changes_have_renames_and_deletions(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """A moved file is one change with its old path, also when it was edited on the way."""
    vendor = make_vendor()
    body = "".join(f"int value_{n};\n" for n in range(30))
    base = vendor.commit(old__c=body, gone__c="int gone;", same__c="int same;", edited__c="int a;")
    vendor.git("mv", "old.c", "new.c")
    commit = vendor.commit(new__c=body + "int more;\n", gone__c=None, edited__c="int b;", added__c="long added;")
    mirror.fetch(address_of(vendor.folder))

    changes = {change.path: change for change in mirror.changes(base, commit)}

    assert {path: change.status for path, change in changes.items()} == {
        "added.c": "A", "edited.c": "M", "gone.c": "D", "new.c": "R"
    }  # fmt: skip
    assert changes["new.c"].old_path == "old.c"
    assert changes["new.c"].blob_id == mirror.tree(commit)["new.c"]
    assert changes["gone.c"].blob_id is None
    assert {change.status for change in mirror.changes(None, commit)} == {"A"}


def test_after_a_force_push_events_chain_on(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """The rewritten history is told since the fork, and changes are against the commit that was told last."""
    vendor = make_vendor()
    base = vendor.commit(a__c="1")
    told = vendor.commit(a__c="2", lost__c="x")
    mirror.fetch(address_of(vendor.folder))
    vendor.git("reset", "--hard", "-q", base)
    new = vendor.commit("rewritten", a__c="3")

    assert mirror.fetch(address_of(vendor.folder)) == new
    assert [commit.commit_id for commit in mirror.history(told, new)] == [new]
    assert [(change.status, change.path) for change in mirror.changes(told, new)] == [("M", "a.c"), ("D", "lost.c")]


def test_a_branch_set_back_is_an_event_too(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """When the new tip is an ancestor of what was told, it is told again, with the way back as its changes."""
    vendor = make_vendor()
    first = vendor.commit(a__c="1")
    second = vendor.commit(a__c="2")
    mirror.fetch(address_of(vendor.folder))
    vendor.git("reset", "--hard", "-q", first)

    assert mirror.fetch(address_of(vendor.folder)) == first
    assert [commit.commit_id for commit in mirror.history(second, first)] == [first]


def test_links_and_submodules_are_left_out(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """A symbolic link to a secret is no file, and a file that turns into one is deleted."""
    vendor = make_vendor()
    base = vendor.commit(a__c="1", b__c="2")
    (vendor.folder / "b.c").unlink()
    (vendor.folder / "b.c").symlink_to("/etc/passwd")
    (vendor.folder / "c.c").symlink_to("a.c")
    vendor.git("update-index", "--add", "--cacheinfo", f"160000,{base},module")
    commit = vendor.commit()
    mirror.fetch(address_of(vendor.folder))

    assert list(mirror.tree(commit)) == ["a.c"]
    assert [(change.status, change.path) for change in mirror.changes(base, commit)] == [("D", "b.c")]


def test_a_blob_over_the_cap_is_not_read(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """It is told as None, and the blobs after it come whole."""
    vendor = make_vendor()
    commit = vendor.commit(big__c="x" * 1000, small__c="y")
    mirror.fetch(address_of(vendor.folder))
    tree = mirror.tree(commit)

    contents = list(mirror.read_blobs([tree["big.c"], tree["small.c"]], max_bytes=999))

    assert [data for _, data in contents] == [None, b"y"]
    assert mirror.read_file(commit, "small.c") == b"y"
    assert mirror.read_file(commit, "none.c") is None


def test_a_path_too_long_for_the_ledger_is_left_out(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """What counts is its length in bytes: 350 characters of three each are too many, 300 are not."""
    vendor = make_vendor()
    names = ["/".join(["頁" * 50] * folders) + "/a__c" for folders in (6, 7)]
    commit = vendor.commit(**dict.fromkeys(names, "int a;"))

    mirror.fetch(address_of(vendor.folder))

    assert list(mirror.tree(commit)) == [names[0].replace("__", ".")]


def test_an_unknown_blob_is_an_error(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """A damaged mirror is said to be one, never read as empty."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    mirror.fetch(address_of(vendor.folder))

    with pytest.raises(RepositoryError, match="not in the mirror"):
        list(mirror.read_blobs(["0" * 40]))


def test_an_empty_repository_says_so(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """It is reachable, but there is nothing to follow yet."""
    with pytest.raises(RepositoryError, match="is empty: it has no commit yet"):
        mirror.fetch(address_of(make_vendor().folder))


def test_a_missing_branch_names_those_there_are(make_vendor: MakeVendor) -> None:
    """The message helps to pick the right one."""
    vendor = make_vendor()
    vendor.commit(a__c="1")

    with pytest.raises(RepositoryError, match="no branch 'master'; it has main"):
        remote_tip(address_of(vendor.folder), "master")


def test_a_plain_folder_is_not_a_repository(tmp_path: Path) -> None:
    """The message says it in these words."""
    with pytest.raises(RepositoryError, match="not a git repository"):
        remote_tip(address_of(tmp_path))


def test_an_unreachable_server_is_told_as_such() -> None:
    """A port where nobody listens fails at once with the address in the message."""
    address = check_address("http://127.0.0.1:9/sdk.git", allow_local=True, allow_private=True)

    with pytest.raises(RepositoryError, match=r"http://127.0.0.1:9/sdk.git: the server cannot be reached"):
        remote_tip(address)


def test_a_repository_is_fetched_by_http(
    make_vendor: MakeVendor, mirror: GitMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hardened flags and the pinned address work with a real server."""
    monkeypatch.setenv("no_proxy", "*")
    vendor = make_vendor()
    commit = vendor.commit(a__c="1")
    vendor.git("update-server-info")
    handler = partial(QuietHandler, directory=str(vendor.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://localhost:{server.server_port}/.git"
        address = check_address(url, allow_local=True, allow_private=True)
        assert mirror.fetch(replace(address, pinned="127.0.0.1")) == commit
        server.shutdown()


def test_a_detached_head_is_followed(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """A remote whose HEAD names no branch still has a newest commit."""
    vendor = make_vendor()
    commit = vendor.commit(a__c="1")
    vendor.git("checkout", "-q", "--detach")

    assert mirror.fetch(address_of(vendor.folder)) == commit


def test_a_shallow_clone_can_be_a_source(make_vendor: MakeVendor, mirror: GitMirror, tmp_path: Path) -> None:
    """Its history begins where it was cut."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    commit = vendor.commit(a__c="2")
    vendor.git("clone", "-q", "--depth=1", f"file://{vendor.folder}", str(tmp_path / "shallow"))

    assert mirror.fetch(address_of(tmp_path / "shallow")) == commit
    assert [told.commit_id for told in mirror.history(EMPTY_TREE, commit)] == [commit]


def test_a_branch_may_turn_into_a_folder_of_branches(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """Refs lie flat in the mirror: release gives way to release/1 without a conflict."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    vendor.git("branch", "-m", "release")
    mirror.fetch(address_of(vendor.folder))
    vendor.git("branch", "-m", "release/1")
    commit = vendor.commit(a__c="2")

    assert mirror.fetch(address_of(vendor.folder)) == commit


def test_only_the_transport_of_the_address_is_open(make_vendor: MakeVendor, tmp_path: Path) -> None:
    """Without an address git itself refuses every transport, and ext never runs."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    canary = tmp_path / "canary"

    for url in (str(vendor.folder), f"ext::touch {canary}", f"--upload-pack=touch {canary}"):
        with pytest.raises(RepositoryError):
            run_git(["ls-remote", "--", url])
    assert not canary.exists()


def test_the_judged_address_is_the_one_connected_to() -> None:
    """Curl is told the address, so a name cannot lead elsewhere the second time."""
    address = Address(url="https://v.example/x", scheme="https", host="v.example", port=443, pinned="2001:db8::1")

    assert "http.curloptResolve=v.example:443:[2001:db8::1]" in git_command(["fetch"], address=address)


def test_a_stuck_git_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes too long ends with its helpers and says how long it was given."""
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nsleep 60 & wait\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(RepositoryError, match=r"longer than 0.2 s"):
        run_git(["fetch"], folder=tmp_path, timeout_seconds=0.2)


def test_no_git_is_said_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without git gets told what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RepositoryError, match="git is not installed"):
        run_git(["version"])


def test_a_dead_fetch_does_not_lock_the_mirror(make_vendor: MakeVendor, mirror: GitMirror) -> None:
    """The lock of a killed fetch is removed when it is old."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    mirror.fetch(address_of(vendor.folder))
    lock = mirror.folder / "refs" / "tips" / "refs%2Fheads%2Fmain.lock"
    lock.touch()
    subprocess.run(["touch", "-d", "2 minutes ago", str(lock)], check=True)
    commit = vendor.commit(a__c="2")

    assert mirror.fetch(address_of(vendor.folder)) == commit
    assert not lock.exists()
