"""Several workers over one group: partitions change hands while records are in hand.

On SQLite they share a file, on PostgreSQL a server. Every few seconds one is killed or asked to stop; another comes.
"""

import time
from functools import partial

from tests.postgres import missing_programs
from tests.soak.bench import Bench
from tests.soak.scenario import Row, scenario
from tests.soak.system import System

ROUNDS = 5
PAUSE_SECONDS = (2.0, 9.0)


def storm(bench: Bench, *, workers: int, database: str) -> Row:
    """Let workers come and go while a large work load is under way."""
    with bench.system("vendor", database=database) as system:
        system.keep("sealer")
        system.keep("worker", number=workers)
        system.tell()
        for _ in range(ROUNDS):
            time.sleep(bench.random.uniform(*PAUSE_SECONDS))
            change_one(system)
        system.settle()
        return bench.judge(system)


def change_one(system: System) -> None:
    """Kill one worker, or ask it to stop; another takes its place."""
    life = system.random.choice(system.kept("worker"))
    if system.random.random() < 0.5:
        system.kill(life)
    else:
        system.replace(life)


scenario("2 workers, SQLite", "two workers over one SQLite file come and go")(
    partial(storm, workers=2, database="sqlite")
)
for _workers in (2, 3):
    scenario(f"{_workers} workers, PostgreSQL", f"{_workers} workers come and go", check=missing_programs)(
        partial(storm, workers=_workers, database="postgresql")
    )


def hand_over(bench: Bench) -> Row:
    """Two workers, one of which is killed in the middle of a history that must come out the same."""
    with bench.system("stepped") as system:
        system.keep("sealer")
        system.keep("worker", number=2)
        for number, step in enumerate(system.steps):
            system.tell(step)
            if number == 2:
                system.kill(system.kept("worker")[0])
            system.settle()
        return bench.judge(system)


scenario("hand over", "two workers, one is killed, the history is the same", short=True)(hand_over)
