"""Every failpoint: the process dies at it by itself, and is killed from outside while it waits there.

Each at the first pass and at a later one. The work load is the one with the full history, so whatever a death between
two steps changes, shows.
"""

from collections.abc import Sequence
from functools import partial

from mapper.ids import content_id
from streams import topics
from streams.failpoints import Point
from streams.ledger.outbox import Outgoing
from tests.soak.bench import Bench
from tests.soak.scenario import Row, scenario
from tests.soak.system import System

LATER_PASS = {"watch": 1, "seal": 2, "delivery": 4, "publish": 3, "pool": 3}
PROCESS = {"watch": "watcher", "seal": "sealer"}
HOW = ("exit", "sleep:600")
POISON = Outgoing(topic=topics.COMMITS.name, key="soak", value=b"\xff no record")


def die_at(bench: Bench, points: Sequence[Point]) -> Row:
    """Let a process die at some points, one a life: by itself at the first pass, killed at a later one, and so on."""
    places = [f"{point.value}@{_pass(bench, point, number)}={HOW[number % 2]}" for number, point in enumerate(points)]
    name = PROCESS.get(_group(points[0]), "worker")
    with bench.system("stepped") as system:
        for other in ("worker", "sealer"):
            if other != name:
                system.keep(other)
        system.keep(name, failpoints=places)
        if name == "watcher":
            system.settle()
        for step in () if name == "watcher" else system.steps:
            system.tell(step)
            if Point.BURIED in points:
                give_poison(system)
            system.settle()
        row = bench.judge(system, exact=name != "watcher")
        return row.also(system.kills >= len(points), f"died {system.kills} times, expected at {', '.join(places)}")


def give_poison(system: System) -> None:
    """Send bytes that no agent can read."""
    system.ignored.add(content_id("soak-bytes", (POISON.value or b"").hex()))
    system.send((POISON,))


def _group(point: Point) -> str:
    return point.value.partition(".")[0]


def _pass(bench: Bench, point: Point, number: int) -> int:
    """Return the how-manieth pass of a life is its last: the first one, then a later one."""
    return 1 if number == 0 else bench.random.randint(1, LATER_PASS[_group(point)])


for _point in Point:
    # The watcher looks at all sources at once: only the one it died at is sure to be left for its next life, and of
    # those that are noted none is.
    _points = (_point,) if _point is Point.NOTED else (_point, _point)
    scenario(_point.value, f"a process dies at {_point.value}: by itself, then by SIGKILL")(
        partial(die_at, points=_points)
    )
