"""The soak in short, in a minute: a few failpoints, two workers, a zombie, poison; `make soak` runs all."""

from functools import partial

import pytest

from streams.failpoints import Point
from tests.soak.bench import Ground
from tests.soak.failpoints import die_at
from tests.soak.run import run
from tests.soak.scenario import Row, Scenario, load_scenarios

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 7
LANES = 4
DEATHS = {
    "before the ledger": (Point.POOL_ANSWERED, Point.APPLIED),
    "after the ledger": (Point.COMMITTED, Point.PUBLISHED),
    "watcher": (Point.TOLD, Point.TOLD),
    "sealer": (Point.SHARD_PLANNED, Point.SHARD_VISIBLE, Point.SIDECAR_VISIBLE),
}
SHORT = {name: scenario for name, scenario in load_scenarios().items() if scenario.short}
NAMES = (*SHORT, *DEATHS)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, kafka_address: str) -> dict[str, Row]:
    """What came of each scenario, all over one broker."""
    deaths = [Scenario(name=name, text="", run=partial(die_at, points=points)) for name, points in DEATHS.items()]
    chosen = [*SHORT.values(), *deaths]
    ground = Ground(tmp_path_factory.mktemp("soak"), SEED, kafka=kafka_address, is_short=True)
    found = run(ground, chosen, seconds=0, lanes=LANES, say=lambda row: None)
    ground.close()
    return {row.scenario: row for row in found}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_and_nothing_doubled(rows: dict[str, Row], name: str) -> None:
    """The run that was disturbed left behind what the undisturbed one did."""
    row = rows[name]

    assert row.findings == ()
    assert (row.lost, row.doubled) == (0, 0)
    assert row.records > 100


def test_the_processes_died_where_they_were_told_to(rows: dict[str, Row]) -> None:
    """A failpoint that is never reached proves nothing; what was sent again shows that they were."""
    assert {name: rows[name].kills for name in DEATHS} == {name: len(points) for name, points in DEATHS.items()}
    assert rows["watcher"].resent > 0
    assert rows["after the ledger"].resent > 0
