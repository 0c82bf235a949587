"""Incremental equals full, over random histories; `make proof` tries many more of them."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.streams.history.machine import Histories

EXAMPLES = 25
STEPS = 16

TestHistories = Histories.TestCase
TestHistories.pytestmark = [pytest.mark.slow]
TestHistories.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.target),  # a failing history is said as it is: to shrink takes hours
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
