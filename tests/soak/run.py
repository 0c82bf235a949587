"""Run scenarios, several at a time: most of a scenario is waiting for a dead worker's session to end."""

import itertools
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.soak.bench import Bench, Ground
from tests.soak.scenario import Row, Scenario


def run(
    ground: Ground, scenarios: Sequence[Scenario], *, seconds: float, lanes: int, say: Callable[[Row], None]
) -> list[Row]:
    """Return a row for each scenario that was run: all once, then again and again for so many seconds.

    A scenario that can not run here, or breaks, has a row that says so and is not ok.
    """
    started = time.monotonic()
    rows: list[Row] = []

    def play(turn: int, scenario: Scenario) -> None:
        if turn and time.monotonic() - started >= seconds:
            return
        row = _row(ground, scenario, turn)
        rows.append(row)
        say(row)

    with ThreadPoolExecutor(lanes) as executor:
        turns = _turns(scenarios, seconds)
        try:
            list(executor.map(lambda job: play(*job), turns))
        except KeyboardInterrupt:
            ground.stopping.set()
            executor.shutdown(cancel_futures=True)
            raise
    return rows


def _turns(scenarios: Sequence[Scenario], seconds: float) -> Iterator[tuple[int, Scenario]]:
    """Yield each scenario once, and as often again as could ever fit into the time."""
    for turn in itertools.count():
        if turn and (not seconds or turn > seconds / 5):
            return
        yield from ((turn, scenario) for scenario in scenarios)


def _row(ground: Ground, scenario: Scenario, turn: int) -> Row:
    began = time.monotonic()
    finding = scenario.check()
    if finding is None:
        try:
            return scenario.run(Bench(ground, scenario.name, turn))
        except Exception:  # noqa: BLE001  # one broken scenario must not end the others
            finding = traceback.format_exc()
    seconds = time.monotonic() - began
    return Row(
        scenario=scenario.name, kills=0, records=0, lost=0, doubled=0, resent=0, seconds=seconds, ok=False,
        findings=(finding,),
    )  # fmt: skip
