"""The generated vendor as a whole: the same each time, published step by step, nothing held out is published."""

import filecmp
import hashlib
from pathlib import Path

import pytest

from deploy.demo.repositories.history import git
from deploy.demo.vendor import Vendor, build_vendor, publish


@pytest.mark.slow
def test_the_same_seed_gives_the_same_commits_and_datasheets(vendor: Vendor, tmp_path: Path) -> None:
    """Commit ids and PDF bytes do not depend on where or when the vendor is built."""
    again = build_vendor(tmp_path, small=True)

    assert [r.milestones for r in again.repositories] == [r.milestones for r in vendor.repositories]
    pdfs = [
        (path, twin)
        for s, t in zip(vendor.sheets, again.sheets, strict=True)
        for path, twin in zip(s.revisions, t.revisions, strict=True)
    ]
    assert all(filecmp.cmp(path, twin, shallow=False) for path, twin in pdfs)


def test_history_has_the_promised_length(vendor: Vendor, full_vendor: Vendor) -> None:
    """A full history has 12 commits or more, a small one 6; each has several milestones and ends at its last commit."""
    assert all(repository.num_commits >= 6 for repository in vendor.repositories)
    assert all(repository.num_commits >= 12 for repository in full_vendor.repositories)
    for repository in full_vendor.repositories:
        assert len(repository.milestones) >= 4
        assert list(full_vendor.truth.trees[repository.name])[-1] == repository.milestones[-1]


def test_publish_moves_the_branch_in_order(vendor: Vendor) -> None:
    """Each milestone has the one before it in its history, and git finds the repository sound."""
    repository = vendor.repositories[0]

    for index, milestone in enumerate(repository.milestones):
        assert publish(repository, index) == milestone
        assert git(repository.path, "rev-parse", "main").decode().strip() == milestone
        if index:
            git(repository.path, "merge-base", "--is-ancestor", repository.milestones[index - 1], "main")
    git(repository.path, "fsck", "--strict", "--no-dangling")


def test_published_tree_is_what_truth_knows(vendor: Vendor) -> None:
    """Files of the last commit have the names and bytes that the truth was written from."""
    repository = vendor.repositories[1]
    publish(repository, len(repository.milestones) - 1)

    listed = git(repository.path, "ls-tree", "-r", "--name-only", "main").decode().split("\n")[:-1]

    tree = vendor.truth.trees[repository.name][repository.milestones[-1]]
    assert sorted(listed) == sorted(tree)
    path = "devices/vm32p20/vm32p20.h"
    assert git(repository.path, "show", f"main:{path}") == tree[path].data


def test_published_text_is_large_enough_to_learn_from(vendor: Vendor, full_vendor: Vendor) -> None:
    """The last trees hold 250 to 400 kB, those of a small vendor less than 200 kB."""

    def size(of: Vendor) -> int:
        return sum(len(f.data) for trees in of.truth.trees.values() for f in list(trees.values())[-1].values())

    assert 250_000 < size(full_vendor) < 400_000
    assert 100_000 < size(vendor) < 200_000


def test_no_file_is_both_published_and_held_out(full_vendor: Vendor) -> None:
    """Held-out files differ in content from every file of every commit."""
    published = {
        hashlib.sha256(file.data).digest()
        for commits in full_vendor.truth.trees.values()
        for tree in commits.values()
        for file in tree.values()
    }

    held_out = {
        hashlib.sha256(path.read_bytes()).digest() for path in full_vendor.held_out.rglob("*") if path.is_file()
    }

    assert not published & held_out


def test_each_held_out_family_has_a_licence(full_vendor: Vendor) -> None:
    """There are three families, each names its licence."""
    families = sorted(path.name for path in full_vendor.held_out.iterdir())

    assert families == ["breviq", "korsund", "tallow"]
    assert all("SPDX-License-Identifier" in (full_vendor.held_out / f / "LICENSE").read_text() for f in families)
