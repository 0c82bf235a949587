"""Histories that once ended in a wrong ledger, each as short as it can be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.ledger.engine import reading
from tests.streams.history import proofs
from tests.streams.history.world import World, repo_id

DRIVER = [("new", 4, 0), ("new", 7, 0)]
UNRELATED = ("new", 8, 0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A driver and its datasheet, taken in."""
    world = World(tmp_path)
    world.commit("a", "main", [*DRIVER, UNRELATED])
    world.add_repository("a")
    world.add_sheet("QX4110")
    world.settle()
    yield world
    world.close()


def conclude(world: World) -> None:
    """Let the stream come to rest and check all that must hold."""
    world.settle()
    scratch = world.from_scratch()
    try:
        proofs.check_always(world.plant)
        proofs.check_quiet(world.plant, world.objects, scratch)
    finally:
        scratch.close()


def test_a_text_passes_to_the_fork(world: World) -> None:
    """A text without links has one id in both repositories; when the first is removed it is the fork's."""
    world.fork()
    world.add_repository("b")
    world.settle()
    world.set_repository("a", "removed")
    world.settle()

    conclude(world)


def test_samples_of_what_is_left_out_go(world: World) -> None:
    """Removed and added again with other globs before anybody noticed: what they leave out has no samples."""
    world.set_repository("a", "removed")
    world.add_repository("a", globs=("lib/*",))

    conclude(world)


def test_a_commit_of_other_files_leaves_links_current(world: World) -> None:
    """A commit in which no watched file changed moves the snapshot that the links are of as well."""
    world.add_repository("a", globs=("src/*",))
    world.settle()
    world.commit("a", "main", [("new", 8, 4)])

    conclude(world)

    with reading(world.plant.engine) as conn:
        assert proofs.head_and_linked(conn, repo_id("a")) == (world.remotes["a"].tip(None),) * 2


def test_back_and_forth_is_told_each_time(world: World) -> None:
    """A branch that is forced to a commit, away from it and back again: the history tells all three turns."""
    first = world.remotes["a"].tip(None)
    world.commit("a", "main", [("delete", 2, 0)])
    second = world.remotes["a"].tip(None)
    for commit in (second, first, second, first, second):
        world.remotes["a"].branches["main"] = commit
        world.settle()

    conclude(world)
