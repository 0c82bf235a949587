"""What a scenario of the soak is, and how one is added.

A scenario disturbs a system that works through a known work load and says what came of it in one row:

    from tests.soak.bench import Bench
    from tests.soak.scenario import Row, scenario

    @scenario("kill worker", "the worker is killed in every step")
    def kill_worker(bench: Bench) -> Row:
        with bench.system("stepped") as system:        # empty home, ledger, topics; nothing runs yet
            system.keep("worker")                      # runs it; one that dies is started again
            for step in system.steps:
                system.tell(step)                      # input records of this step go to Kafka
                system.kill_all("worker")              # the disturbance: kill, freeze, thaw, drop, start, ...
                system.settle()                        # all that was told has had its effect
            return bench.judge(system)                 # read everything back, compare with the undisturbed run

Put it into a file of its own in this folder and the file's name into MODULES below. `bench.system(...)` takes the work
load ("stepped": small, every step settled before the next, so that the whole history must be equal; "vendor": large,
told at once, so that what is true in the end must be equal), `database="postgresql"`, `kafka=ADDRESS` for a broker of
the scenario's own, and settings by name. `bench.random` is seeded by the run's seed and the scenario's name.
A scenario with `short=True` is part of `make test` too; `check` names one to leave out where it can not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.soak.bench import Bench

MODULES = ("failpoints", "kills", "rebalance", "zombie", "poison", "redelivery", "clock", "brokers", "disks")
"""The files of this folder that hold scenarios, in the order in which they run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one scenario."""

    scenario: str
    kills: int
    """How often a process was killed, stopped or died at a failpoint."""
    records: int
    """Records in all topics at the end."""
    lost: int
    """Effects or records of the undisturbed run that are missing."""
    doubled: int
    """Effects or records that are there and should not be, or had their effect twice."""
    resent: int
    """Records that lie in a topic more than once, under one id: at least once, as promised."""
    seconds: float = 0.0
    ok: bool = True
    findings: tuple[str, ...] = field(default=())
    """What is wrong, a line each."""

    def also(self, holds: bool, finding: str) -> Row:
        """Return this row, with a finding unless something holds."""
        return self if holds else replace(self, ok=False, findings=(*self.findings, finding))


Function = Callable[["Bench"], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A registered scenario."""

    name: str
    text: str
    run: Function
    short: bool = False
    check: Callable[[], str | None] = field(default=lambda: None)
    """Why it can not run here, None when it can."""


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str, text: str, *, short: bool = False, check: Callable[[], str | None] = lambda: None
) -> Callable[[Function], Function]:
    """Register the function below as a scenario."""

    def register(function: Function) -> Function:
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name=name, text=text, run=function, short=short, check=check)
        return function

    return register


def load_scenarios() -> dict[str, Scenario]:
    """Return all scenarios by name, in the order in which they run."""
    for module in MODULES:
        import_module(f"tests.soak.{module}")
    return SCENARIOS
