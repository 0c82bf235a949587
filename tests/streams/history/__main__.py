"""Run many histories and print what happened in them: python -m tests.streams.history [--examples N] [--seed N]."""

import argparse
import logging
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.streams.history.machine import STATISTICS, Histories

WANTED = (
    "link new",
    "link kept",
    "link moved",
    "link stale",
    "link broken",
    "link retired",
    "conflict open",
    "conflict resolved",
    "worker died",
    "zombie",
)
"""What must have happened in a long run: else it has proven nothing about it."""


def main() -> int:
    """Run; return 0 if every example held and everything wanted happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.streams.history", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--no-shrink", action="store_true", help="say the first failing history as it is")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("tests").setLevel(logging.INFO)
    logging.getLogger("streams").setLevel(logging.CRITICAL)  # retries and zombies are what is tested here
    started = time.monotonic()
    chosen_settings = settings(
        max_examples=chosen.examples,
        stateful_step_count=chosen.steps,
        deadline=None,
        database=None,
        phases=(Phase.generate,) if chosen.no_shrink else tuple(Phase),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    machine = Histories if chosen.seed is None else seed(chosen.seed)(Histories)
    run_state_machine_as_test(machine, settings=chosen_settings)
    print(f"{chosen.examples} examples of up to {chosen.steps} steps held, in {time.monotonic() - started:.0f} s")
    for kind, number in sorted(STATISTICS.items()):
        print(f"  {kind:24} {number}")
    missing = [kind for kind in WANTED if not STATISTICS[kind]]
    if missing:
        print(f"never happened: {', '.join(missing)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
