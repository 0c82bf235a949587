"""Incremental equals full, over random histories."""

from hypothesis import HealthCheck, settings

from tests.streams.history.machine import Histories

TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=30, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
