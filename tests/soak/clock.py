"""A clock that jumps: a day ahead, a day back. Times are for people; nothing may depend on their order.

The workers' Python reads its clock through a module that is loaded at its start (sitecustomize).
"""

from tests.soak.bench import Bench
from tests.soak.scenario import Row, scenario

JUMPS = (0.0, 86400.0, -86400.0, 3600.0)
MODULE = """
import time
_time, _started = time.time, time.monotonic()
_jumps = %r
time.time = lambda: _time() + _jumps[int((time.monotonic() - _started) / 5) %% len(_jumps)]
"""


@scenario("clock jump", "the clock of worker and sealer jumps by a day and back, every five seconds")
def clock_jump(bench: Bench) -> Row:
    """Let time go wrong all the while, and kill the worker once."""
    with bench.system("stepped") as system:
        folder = system.home / "clock"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(MODULE % (JUMPS,))
        system.python_path = (str(folder),)
        system.keep("sealer")
        system.keep("worker")
        for number, step in enumerate(system.steps):
            system.tell(step)
            if number == len(system.steps) // 2:
                system.kill_all("worker")
            system.settle()
        return bench.judge(system)
