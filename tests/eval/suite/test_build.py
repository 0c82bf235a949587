"""Building a suite from sources."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.errors import SuiteError
from eval.suite.build import build_suite
from eval.suite.items import Suite, SuiteSource
from mapper.corpus.domain import DOMAINS

Build = Callable[..., Suite]


def test_every_domain_gets_its_items(build: Build) -> None:
    """So many items of each domain, from different files."""
    suite = build()

    assert Counter(item.domain for item in suite.items) == dict.fromkeys(DOMAINS, 2)
    assert len({item.file for item in suite.items}) == len(suite.items)


def test_context_and_reference_stand_in_the_file(build: Build, source_tree: Path) -> None:
    """The reference begins at its offset, right after the context, and both keep to their limits."""
    for item in build(items_per_domain=5).items:
        data = (source_tree / item.path).read_bytes()

        assert data[item.offset :].startswith(item.reference.encode())
        assert data[: item.offset].endswith(item.context.encode())
        assert len(item.context) <= 200
        assert len(item.reference) <= 80


def test_same_sources_give_the_same_suite(build: Build, tmp_path: Path) -> None:
    """The same seed gives the same bytes, another seed other items."""
    first, again, other = (build(tmp_path / str(place), seed=seed) for place, seed in enumerate((0, 0, 1)))

    assert first.sha256 == again.sha256
    assert {item.item_id for item in first.items} != {item.item_id for item in other.items}


def test_kinds_of_cut_are_mixed(build: Build) -> None:
    """A domain with enough items has all three kinds of cut."""
    crypto = [item for item in build(items_per_domain=6).items if item.domain == "crypto"]

    assert {item.cut for item in crypto} == {"next_line", "next_unit", "suffix"}


def test_no_file_gives_more_than_its_share(build: Build) -> None:
    """At most so many items come from one file, even where more are wanted."""
    files = Counter(item.file for item in build(items_per_domain=50, max_items_per_file=3).items)

    assert max(files.values()) == 3


def test_licence_of_the_file_wins(build: Build, source_tree: Path) -> None:
    """A file's own SPDX tag counts, else the source's licence."""
    file = source_tree / "crypto/part0.c"
    file.write_text("// SPDX-License-Identifier: MIT\n" + file.read_text())

    licences = {item.file: item.licence for item in build(items_per_domain=8).items if item.domain == "crypto"}

    assert licences["vendor/crypto/part0.c"] == "MIT"
    assert licences["vendor/crypto/part1.c"] == "Apache-2.0"


def test_unreadable_files_are_left_out(build: Build, source_tree: Path) -> None:
    """Binary, invalid and linked files give no items and stop nothing."""
    (source_tree / "crypto/binary.c").write_bytes(b"int a;\0" * 100)
    (source_tree / "crypto/latin.c").write_bytes(b"int caf\xe9;\n" * 100)
    (source_tree / "crypto/link.c").symlink_to(source_tree / "crypto/part0.c")

    assert build().manifest.sources[0].num_files == 4 * len(DOMAINS)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    """A source that is no folder is refused by name."""
    source = SuiteSource(root=tmp_path / "none", family="none", slice="held_out", licence="MIT")

    with pytest.raises(SuiteError, match="none: a folder"):
        build_suite([source], tmp_path / "suite", items_per_domain=1)


def test_nothing_to_cut_is_refused(tmp_path: Path) -> None:
    """A folder without sources gives an error, not an empty suite."""
    source = SuiteSource(root=tmp_path, family="empty", slice="held_out", licence="MIT")

    with pytest.raises(SuiteError, match="no item could be cut"):
        build_suite([source], tmp_path / "suite", items_per_domain=1)


def test_version_must_fit_into_a_file_name(tmp_path: Path) -> None:
    """The version is part of the results' names."""
    with pytest.raises(SuiteError, match="version"):
        build_suite([], tmp_path / "suite", items_per_domain=1, version="../x")
