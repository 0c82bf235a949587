"""Random histories: whatever vendor, operator, Kafka and machines do, the ledger ends as if made from scratch."""

import asyncio
import atexit
import logging
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streams.failpoints import Point
from tests.streams.history import proofs
from tests.streams.history.code import PARTS
from tests.streams.history.papers import REVISIONS
from tests.streams.history.plant import Died, Worker
from tests.streams.history.vendor import CHANGES
from tests.streams.history.world import BRANCHES, GLOBS, PINNED, World

logger = logging.getLogger(__name__)

SHARED_MEMORY = Path("/dev/shm")
"""Where ledgers lie if there is such a place: a commit there waits for no disk."""

STATISTICS: Counter[str] = Counter()
"""What happened in all examples of this process."""

picks = st.integers(0, 255)
changes = st.lists(st.tuples(st.sampled_from(CHANGES), picks, picks), min_size=1, max_size=3)
firsts = st.lists(st.tuples(st.just("new"), picks, picks), max_size=5)
remotes = st.sampled_from(("a", "a", "b"))
branches = st.sampled_from(("main", "main", "next"))
parts = st.sampled_from(PARTS)
few = st.integers(1, 4)
CRASHES = (Point.RECEIVED, Point.PREPARED, Point.APPLIED, Point.COMMITTED, Point.PUBLISHED, Point.CONFIRMED)
PAUSES = (Point.RECEIVED, Point.PREPARED, Point.COMMITTED, Point.PUBLISHED, Point.CONFIRMED)
TURNS = st.lists(st.tuples(picks, few), max_size=4)
OPERATIONS = ("remove repository", "add repository", "pause", "remove sheet", "add sheet", "add with globs")


class Histories(RuleBasedStateMachine):
    """A vendor's history, an operator's whims, and a stream that is disturbed in every way that Kafka allows."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(_folder())

    @initialize(files=firsts, history=st.booleans(), second=st.booleans(), taken=st.booleans())
    def begin(self, files: list[tuple[str, int, int]], history: bool, second: bool, taken: bool) -> None:
        """A first commit and one or two datasheets are watched."""
        world = self.world
        world.commit("a", "main", [("new", 4, 0), ("new", 7, 0), *files])
        world.add_repository("a", history=history)
        for part in PARTS[: 1 + second]:
            world.add_sheet(part)
        if taken:
            world.settle()

    # The vendor.

    @rule(remote=remotes, branch=branches, changes=changes)
    def commit(self, remote: str, branch: str, changes: list[tuple[str, int, int]]) -> None:
        """Push a commit."""
        self.world.commit(self._known(remote), branch, changes)

    @rule(remote=remotes, branch=branches, changes=changes, back=few)
    def rewrite(self, remote: str, branch: str, changes: list[tuple[str, int, int]], back: int) -> None:
        """Push by force: the last commits give way to another."""
        self.world.commit(self._known(remote), branch, changes, back=back)

    @rule(remote=remotes, branch=branches, back=few, forced=st.booleans())
    def go_back(self, remote: str, branch: str, back: int, forced: bool) -> None:
        """Take commits back, by a commit or by force."""
        (self.world.reset if forced else self.world.revert)(self._known(remote), branch, back)

    @rule(remote=remotes)
    def merge(self, remote: str) -> None:
        """Merge next into main."""
        self.world.merge(self._known(remote))

    @rule()
    def fork(self) -> None:
        """Make the second repository a fork of the first, and watch it."""
        if "b" not in self.world.remotes:
            self.world.fork()
            self.world.add_repository("b")

    @rule(part=parts, kind=st.sampled_from(REVISIONS), pick=picks)
    def revise(self, part: str, kind: str, pick: int) -> None:
        """Publish a revision of a datasheet."""
        self.world.revise(part, kind, pick)

    # The operator.

    @rule(
        remote=remotes,
        globs=st.sampled_from(GLOBS),
        pinned=st.sampled_from(PINNED),
        branch=st.sampled_from(BRANCHES),
        history=st.booleans(),
    )
    def add_repository(
        self, remote: str, globs: tuple[str, ...], pinned: tuple[str, ...], branch: str | None, history: bool
    ) -> None:
        """Add a repository, or change its globs, pinned parts and branch."""
        self.world.add_repository(self._known(remote), globs=globs, parts=pinned, branch=branch, history=history)

    @rule(remote=remotes, state=st.sampled_from(("paused", "active", "removed")))
    def set_repository(self, remote: str, state: str) -> None:
        """Pause, resume or remove a repository."""
        self.world.set_repository(remote, state)

    @rule(part=parts)
    def add_sheet(self, part: str) -> None:
        """Add a datasheet."""
        self.world.add_sheet(part)

    @rule(part=parts, state=st.sampled_from(("paused", "active", "removed")))
    def set_sheet(self, part: str, state: str) -> None:
        """Pause, resume or remove a datasheet."""
        self.world.set_sheet(part, state)

    # The stream.

    @rule(which=picks, dies_after=st.none() | st.integers(0, 2), unnoted=st.booleans())
    def poll(self, which: int, dies_after: int | None, unnoted: bool) -> None:
        """Look at a source; perhaps the watcher dies over it."""
        if active := self.world.active():
            self.world.plant.poll(active[which % len(active)], dies_after=dies_after, unnoted=unnoted)

    @rule()
    def poll_all(self) -> None:
        """Look at every source."""
        for key in self.world.active():
            self.world.plant.poll(key)

    @rule(turns=st.lists(st.tuples(picks, few), min_size=1, max_size=6))
    def deliver(self, turns: list[tuple[int, int]]) -> None:
        """Deliver some records of some partitions."""
        _deliver(self.world.plant.worker, turns, self.world.plant.loop)

    @rule()
    def flow(self) -> None:
        """Look at everything and deliver everything."""
        self.world.settle()

    @rule(remote=remotes, changes=changes)
    def commit_and_flow(self, remote: str, changes: list[tuple[str, int, int]]) -> None:
        """Push a commit, and let it come through."""
        self.world.commit(self._known(remote), "main", changes)
        self.world.settle()

    @rule(part=parts, kind=st.sampled_from(REVISIONS), pick=picks)
    def revise_and_flow(self, part: str, kind: str, pick: int) -> None:
        """Publish a revision of a datasheet, and let it come through."""
        self.world.revise(part, kind, pick)
        self.world.settle()

    @rule(pick=picks, back=st.integers(1, 6))
    def redeliver(self, pick: int, back: int) -> None:
        """Go back in a partition, as after a rebalance."""
        places = self.world.plant.worker.places
        place = sorted(places)[pick % len(places)]
        places[place] = max(0, places[place] - back)

    @rule(pick=picks, point=st.sampled_from(CRASHES))
    def crash(self, pick: int, point: Point) -> None:
        """Let the worker die at a point, or idle, and start another."""
        worker = self.world.plant.worker
        worker.hooks.point, worker.hooks.action = point, _die
        self._until_death(lambda: _deliver(worker, [(pick, 3)], self.world.plant.loop))

    @rule(pick=picks, after=st.integers(0, 3))
    def crash_publishing(self, pick: int, after: int) -> None:
        """Let the worker die after some records of the outbox were sent."""
        worker = self.world.plant.worker
        worker.producer.dies_after = after
        self._until_death(lambda: _deliver(worker, [(pick, 3)], self.world.plant.loop))

    @rule(pick=picks, point=st.sampled_from(PAUSES), turns=TURNS, later=st.integers(1, 3))
    def zombie(self, pick: int, point: Point, turns: list[tuple[int, int]], later: int) -> None:
        """Stop a worker at a point of a record while another takes over, then let it go on for a while."""
        old = self.world.plant.worker

        def take_over() -> None:
            self.world.plant.restart()
            STATISTICS["zombie"] += 1
            self._aside(lambda loop: _deliver(self.world.plant.worker, [(pick, 2), *turns], loop))

        old.hooks.point, old.hooks.action = point, take_over
        _deliver(old, [(pick, later)], self.world.plant.loop)
        old.hooks.action = None

    @rule(pick=picks, operation=st.sampled_from(OPERATIONS), remote=remotes, part=parts)
    def meanwhile(self, pick: int, operation: str, remote: str, part: str) -> None:
        """Let the operator act between a record's preparation and its effect."""
        hooks = self.world.plant.worker.hooks
        hooks.point, hooks.action = Point.PREPARED, lambda: self._operate(operation, remote, part)
        _deliver(self.world.plant.worker, [(pick, 1)], self.world.plant.loop)
        hooks.action = None

    @rule()
    def lose_caches(self) -> None:
        """Lose what may be made again, and the worker with what it remembers."""
        self.world.lose_caches()
        self.world.plant.restart()

    # The proofs.

    @invariant()
    def nothing_is_half_done(self) -> None:
        """Histories and audit agree with the ledger after every step."""
        proofs.check_always(self.world.plant)

    def teardown(self) -> None:
        """Let the stream come to rest, and compare with the same sources taken in from scratch."""
        try:
            if sys.exc_info()[0] is None:
                self._conclude()
        finally:
            self.world.close()

    def _conclude(self) -> None:
        self.world.resume_changed()
        self.world.settle()
        scratch = self.world.from_scratch()
        try:
            proofs.check_always(self.world.plant)
            proofs.check_quiet(self.world.plant, self.world.objects, scratch)
            seen = proofs.statistics(self.world.plant)
            STATISTICS.update(seen)
            STATISTICS["history"] += 1
            if STATISTICS["history"] % 50 == 0:
                logger.info("%d histories held: %s", STATISTICS["history"], dict(sorted(STATISTICS.items())))
            for kind in seen:
                event(kind)
        finally:
            scratch.close()

    def _known(self, remote: str) -> str:
        return remote if remote in self.world.remotes else "a"

    def _until_death(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Died:
            STATISTICS["worker died"] += 1
        self.world.plant.restart()

    def _operate(self, operation: str, remote: str, part: str) -> None:
        world, remote = self.world, self._known(remote)
        {
            "remove repository": lambda: world.set_repository(remote, "removed"),
            "add repository": lambda: world.add_repository(remote),
            "pause": lambda: world.set_repository(remote, "paused"),
            "remove sheet": lambda: world.set_sheet(part, "removed"),
            "add sheet": lambda: world.add_sheet(part),
            "add with globs": lambda: world.add_repository(remote, globs=("src/*",)),
        }[operation]()

    @staticmethod
    def _aside(work: Callable[[asyncio.AbstractEventLoop], object]) -> None:
        """Do something in a thread and a loop of its own: the usual one waits meanwhile."""

        def in_thread() -> None:
            loop = asyncio.new_event_loop()
            try:
                work(loop)
            finally:
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()

        with ThreadPoolExecutor(1) as threads:
            threads.submit(in_thread).result()


def _deliver(worker: Worker, turns: list[tuple[int, int]], loop: asyncio.AbstractEventLoop) -> None:
    """Deliver so many records of one partition with news after another."""
    for pick, count in turns:
        if places := [place for place in sorted(worker.places) if worker.waiting(*place)]:
            worker.deliver(*places[pick % len(places)], count, loop=loop)


@cache
def _folder() -> Path:
    """Return where this process has its data homes, one example after another, gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, folder)
    return folder


def _die() -> None:
    raise Died
