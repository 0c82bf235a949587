"""A worker that is stopped past its session comes back and believes that its partitions are still its own.

Meanwhile another has them: what the first had in hand must have no second effect, what it had read none at all.
"""

import time
from functools import partial

from streams.failpoints import Point
from tests.postgres import missing_programs
from tests.soak.bench import Bench
from tests.soak.scenario import Row, scenario

MARGIN_SECONDS = 3.0
WAKE_SECONDS = 3.0
PASS = 3
"""The first step has two passes: a datasheet, and the links agent that looks at it. The next is a commit's."""


def zombie(bench: Bench, *, database: str, point: Point) -> Row:
    """Stop a worker in the middle of a step; another does that step and the next; then it wakes.

    It waits for a moment at a failpoint, so that it is stopped with a record in hand: prepared, or on PostgreSQL within
    its transaction, which the server ends after a minute. (On SQLite that would hold up everybody until it wakes.)
    """
    with bench.system("stepped", database=database) as system:
        system.keep("sealer")
        system.tell(system.steps[0])
        frozen = system.start("worker", f"{point.value}@{PASS}=sleep:3")
        system.settle()
        first, *others = system.steps[1]
        system.send((first,))
        system.wait_until(lambda: frozen.sleeps_at_failpoint)
        time.sleep(1.0)
        system.freeze(frozen)
        system.send(tuple(others))
        system.keep("worker")
        time.sleep(system.settings.session_seconds + MARGIN_SECONDS)
        system.settle()
        system.tell(system.steps[2])
        system.settle()
        system.thaw(frozen)
        for step in system.steps[3:]:
            system.tell(step)
            system.settle()
        time.sleep(WAKE_SECONDS)
        return bench.judge(system)


scenario("zombie, SQLite", "SIGSTOP past the session, another worker, SIGCONT", short=True)(
    partial(zombie, database="sqlite", point=Point.PREPARED)
)
scenario("zombie, PostgreSQL", "SIGSTOP past the session, another worker, SIGCONT", check=missing_programs)(
    partial(zombie, database="postgresql", point=Point.APPLIED)
)
