"""Which sets are measured, and how several repositories become one haystack."""

from pathlib import Path

import pytest

from bench.mapper import sets
from bench.mapper.gold import with_file_labels
from bench.mapper.sets import JOINED, NOT_TUNED, Places, group_of, load_case, set_names
from bench.mapper.trees import Parser, Tree, join_trees, read_folder
from mapper.model import Datasheet


def test_trees_of_one_maker_are_also_measured_joined(places: Places) -> None:
    """Each set with a tree stands alone, and all of one maker in one tree."""
    assert set_names(places) == ["ld_zq4071", "ld_zq4072", JOINED]


def test_a_joined_tree_keeps_copies_once_and_labels_below_their_folder(
    places: Places, sheet: Datasheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that both repositories share stands once; each label points below its repository's folder."""
    monkeypatch.setattr(sets, "read_sheets", lambda data, files, cache: [sheet])

    case = load_case(JOINED, places)

    assert list(case.tree.contents) == ["zq4071/src/common.c", "zq4071/src/zq4071.c", "zq4072/src/zq4072.c"]
    assert {row["path"] for row in case.gold if row.get("role") != "support"} == {"zq4071/src/zq4071.c"}


def test_files_of_symbol_labels_are_labels_where_a_set_has_no_others() -> None:
    """The labelled file is required, its header is right but not required."""
    rows = with_file_labels([{"level": "symbol", "file": "a.pdf", "path": "src/a.c", "name": "X"}])

    roles = {row["path"]: row["role"] for row in rows if row["level"] == "file"}
    assert roles == {"src/a.c": "primary", "src/a.h": "support", "src/a.cpp": "support", "src/a.hpp": "support"}


def test_every_set_counts_in_one_total() -> None:
    """Sets left aside while rules were made are no part of the total of those they were made on."""
    assert {group_of(name) for name in NOT_TUNED} == {"not tuned on"}
    assert group_of("anything else") == "tuned on"
    assert group_of(JOINED) == "joined"


def test_a_parsed_tree_is_kept_and_read_back(tmp_path: Path) -> None:
    """The second reading comes from the cache and is the same; a changed file is parsed anew."""
    tree = Tree("t", {"a.c": b"int one(void);\n", "b.c": b"int two(void);\n"})
    first = Parser(tmp_path).parse(tree)

    again = Parser(tmp_path).parse(tree)
    changed = Parser(tmp_path).parse(Tree("t", {**tree.contents, "b.c": b"int three(void);\n"}))

    assert again == first
    assert [symbol.name for file in changed for symbol in file.symbols] == ["one", "three"]
    assert len(list(tmp_path.glob("parsed-*.pickle"))) == 2


def test_only_source_files_are_read(tmp_path: Path) -> None:
    """Documents and links stay out, and exact copies of a joined tree too."""
    (tmp_path / "a.c").write_text("int a;")
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "b.c").symlink_to(tmp_path / "a.c")

    tree = read_folder(tmp_path)

    assert list(tree.contents) == ["a.c"]
    assert list(join_trees("j", [("x", tree), ("y", tree)]).contents) == ["x/a.c"]
