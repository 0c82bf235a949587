"""SIGKILL at random moments, while a large work load is under way."""

import time

from tests.soak.bench import Bench
from tests.soak.scenario import Row, scenario

KILLS = 6
PAUSE_SECONDS = (1.0, 12.0)
PROCESSES = ("worker", "watcher", "sealer")


@scenario("random SIGKILL", "worker, watcher and sealer are killed at random while the watcher tells a large work load")
def random_kills(bench: Bench) -> Row:
    """Kill now this one, now that one; at last all at once."""
    with bench.system("vendor") as system:
        for name in PROCESSES:
            system.keep(name)
        for _ in range(KILLS):
            time.sleep(bench.random.uniform(*PAUSE_SECONDS))
            system.kill_all(bench.random.choice(PROCESSES))
        for name in PROCESSES:
            system.kill_all(name)
        system.settle()
        return bench.judge(system)
